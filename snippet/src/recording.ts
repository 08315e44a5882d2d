// One running recording: session, queue, delivery, DOM recorder and observers, and what happens
// when the session, the page load or the page's life changes under them.

import { type Commands, properties } from "./api";
import type { Config, Early, Mode } from "./config";
import { makeDelivery, type Order } from "./delivery";
import { makeEmit } from "./emit";
import { all, type Guard, makeGuard } from "./guard";
import { observe } from "./observe";
import { makePrivacy } from "./privacy";
import { makePass } from "./privacy/pass";
import { makeQueue } from "./queue";
import { makeRecorder, recordedId, recordedNode } from "./record";
import type { Scope, Signals } from "./scope";
import { makeSessions } from "./session";
import { signal } from "./signal";
import { makeDescribe } from "./target/describe";

declare const __STOLPER_VERSION__: string;

export interface Recording {
  guard: Guard;
  commands: Commands;
  start(early: Early[]): void;
}

export function makeRecording(config: Config): Recording {
  const guard = makeGuard();
  const now = () => Math.round(performance.now());
  const sessions = makeSessions(config, guard);
  const privacy = makePrivacy(config.privacy);
  const signals: Signals = {
    reaction: signal(),
    mutations: signal(),
    requestStart: signal(),
    requestEnd: signal(),
    error: signal(),
    navigation: signal(),
    action: signal(),
    message: signal(),
    leaving: signal(),
  };
  let view = 0;
  let running = false;
  let paused = false; // the buffer is full: events go on, the recording waits
  let renewing = false;
  let identity: Record<string, unknown> | undefined;
  let segment: string | undefined;
  let pausedAt = 0;

  // The collector may stand on the site's own origin: only these are ours there.
  const ours = [`${config.base}/i/`, `${config.base}/s/`, config.base + config.recorder];

  const queue = makeQueue(() => delivery.grown());
  const delivery = makeDelivery({
    config,
    guard,
    queue,
    now,
    identity: sessions.current,
    mode: sessions.mode,
    version: __STOLPER_VERSION__,
    extras: (first) => {
      const extras = {
        ...(first || segment ? { attributes: attributes() } : {}),
        ...(first ? { page: page() } : {}),
        ...(identity ? { identity } : {}),
      };
      identity = undefined;
      return extras;
    },
    order: guard(follow),
  });

  const emitter = makeEmit({
    queue,
    now,
    view: () => view,
    path: () => privacy.urls.path(location.pathname),
    activity: () => {
      if (!renewing && sessions.expired()) renew("session");
      sessions.touch();
    },
  });
  const { emit } = emitter;

  const recorder = makeRecorder({
    guard,
    policy: privacy.policy,
    pass: makePass({ ...privacy, nodeOf: recordedNode }),
    now,
    onInput: (node) => signals.reaction.send({ kind: "value", t: now(), node }),
    emit: (event) => {
      if (!running || asleep()) return;
      if (delivery.full()) pause();
      if (!paused) queue.dom(event);
      else if (!delivery.full()) resume();
    },
  });

  const scope: Scope = {
    config,
    guard,
    privacy,
    signals,
    now,
    nodeId: recordedId,
    describe: makeDescribe(privacy, recordedId),
    ours: (url) => ours.some((start) => url.startsWith(start)),
    urgent: () => delivery.urgent(),
    view: () => view,
    nextView: () => {
      view++;
    },
  };
  let observers: ReturnType<typeof observe> | undefined;

  // A page that only ticks belongs to no visit: its changes wait for the next event, which begins
  // another session with a snapshot.
  function asleep(): boolean {
    return !renewing && sessions.expired();
  }

  function attributes(): Record<string, string> {
    const known: Record<string, string> = { language: navigator.language.slice(0, 35) };
    if (config.release) known.release = config.release;
    if (segment) known.segment = segment;
    return known;
  }

  function page() {
    return {
      path: privacy.urls.path(location.pathname),
      width: innerWidth,
      height: innerHeight,
      dpr: devicePixelRatio,
    };
  }

  function pause(): void {
    if (paused) return;
    paused = true;
    pausedAt = now();
  }

  function resume(): void {
    paused = false;
    queue.gap({ kind: "buffer", reason: "full", from_t: pausedAt, until_t: now() });
    recorder.snapshot();
  }

  /** Another session, or another page load id in the same one: new indices, a new snapshot. */
  function renew(kind: "session" | "page_load", adopt = false): void {
    if (!running || renewing) return;
    renewing = true;
    try {
      emitter.cut();
      delivery.seal();
      if (!adopt) {
        if (kind === "session") sessions.renew();
        else sessions.reload();
      }
      delivery.restart(false);
      emitter.restart(0);
      observers?.actions.forget();
      view = 0;
      observers?.pages.view(undefined);
      recorder.snapshot();
    } finally {
      renewing = false;
    }
  }

  /** 409: what waits goes out under a new page load id; what was acknowledged is void there. */
  function changePageLoad(): void {
    delivery.seal();
    sessions.reload();
    const known = new Set(delivery.restart(true));
    const open = new Set(emitter.open());
    for (let i = 0; i < emitter.next(); i++) if (!known.has(i) && !open.has(i)) queue.void(i);
    recorder.snapshot();
  }

  function follow(order: Order): void {
    if (order === "stop") stop();
    else if (order === "session") renew("session");
    else if (order === "page_load") changePageLoad();
    else recorder.snapshot();
  }

  function leave(): void {
    if (!running) return;
    signals.leaving.send(now());
    emitter.cut();
    delivery.leave();
    sessions.leave();
  }

  function stop(): void {
    if (!running) return;
    running = false;
    stops.stop();
    delivery.stop();
  }

  const stops = all([]);

  function start(early: Early[]): void {
    running = true;
    renewing = true; // the session has just begun
    recorder.start();
    const parts = observe(emit, scope);
    observers = parts;
    parts.pages.view(undefined);
    renewing = false;
    parts.clicks.early(early);
    parts.errors.early(early);
    const running_ = all([
      recorder,
      parts,
      sessions.onAdopted(() => renew("session", true)),
      guard.listen(window, "pagehide", leave),
      guard.listen<PageTransitionEvent>(window, "pageshow", (event) => {
        if (!event.persisted) return;
        sessions.back();
        delivery.back();
      }),
      guard.listen(document, "visibilitychange", () => {
        if (document.visibilityState === "hidden") void delivery.flush();
      }),
      guard.listen(window, "online", () => void delivery.flush()),
    ]);
    stops.stop = running_.stop;
    void delivery.flush();
  }

  function consent(level: string): void {
    if (level === "full" || level === "cookieless") {
      sessions.setMode(level as Mode);
      return;
    }
    delivery.drop();
    sessions.setMode("cookieless");
    stop();
  }

  const commands: Commands = {
    identify: (id, traits, signature) => {
      for (const value of Object.values(traits ?? {})) privacy.policy.typed.trait(value);
      segment = typeof traits?.segment === "string" ? traits.segment.slice(0, 64) : segment;
      identity = { id: String(id).slice(0, 256), traits: traits ?? {} };
      if (signature) identity.signature = String(signature).slice(0, 256);
      delivery.urgent();
    },
    track: (name, props) => {
      const given = properties(props, privacy.policy.typed.scrub);
      emit("custom", { name: String(name).slice(0, 64), props: given });
    },
    consent,
    session: () => (running ? sessions.current().session : undefined),
    flush: () => delivery.flush(),
    new: () => {
      renew("session");
      void delivery.flush();
      return sessions.current().session;
    },
    stop,
  };

  return { guard, commands, start };
}
