// One running recording: session, queue, delivery, DOM recorder and observers, and what happens
// when the session, the page load or the page's life changes under them.

import type { Commands } from "./api";
import { observeFonts } from "./assets/fonts";
import { makeKeeper } from "./assets/keeper";
import { makeSheets } from "./assets/sheets";
import { type Identified, makeCommands } from "./commands";
import type { Config, Early } from "./config";
import { makeDelivery, type Order } from "./delivery";
import { type DomEvent, makeQueue } from "./delivery/queue";
import { attributes, pageFacts } from "./document";
import { type Begins, makeEmit } from "./emit";
import { type Frames, linkFrames } from "./frames";
import { all, type Guard, makeGuard, type Stop } from "./guard";
import { toJson } from "./json";
import type { Part } from "./lazy/parts";
import { type Observers, observe } from "./observe";
import { makePrivacy } from "./privacy";
import { frameOf } from "./privacy/dom";
import { makeRecorder } from "./record";
import { across, makeRoots, timeOf } from "./roots";
import { makeSignals, type Scope } from "./scope";
import { makeSessions } from "./session";
import { signal } from "./signal";
import { makeDescribe } from "./target/describe";

declare const __STOLPER_VERSION__: string;

export interface Recording {
  guard: Guard;
  commands: Commands;
  start(early: Early[]): void;
  /** Run a part that was loaded later, until the recording stops. */
  plug(part: Part): void;
}

/** What a visitor does: it keeps a visit alive and begins another. */
const HANDS = ["pointerdown", "keydown", "input", "click"];

interface Renewal {
  adopt?: boolean;
  viewed?: boolean;
  t?: number;
}

export function makeRecording(config: Config): Recording {
  const guard = makeGuard();
  const now = () => Math.round(performance.now());
  const sessions = makeSessions(config, guard.at("storage"));
  const privacy = makePrivacy(config);
  const signals = makeSignals();
  const roots = makeRoots(guard.at("frame"));
  const identified: Identified = {};
  // The collector may stand on the site's own origin: only these are ours there.
  const ours = [`${config.base}/i/`, `${config.base}/s/`, config.base + config.recorder];
  let view = 0;
  let running = false;
  let renewing = false;
  let begun = false;
  let complete = false; // the first snapshot is there
  let pausedAt: number | undefined; // the buffer is full: events go on, the recording waits
  let observers: Observers | undefined;
  let frames: Frames | undefined;
  let stops: Stop = all([]);

  const sheets = makeSheets(guard, config.assets);
  const queue = makeQueue((calm) => delivery.grown(calm), sheets.weight);
  const delivery = makeDelivery({
    config,
    guard: guard.at("send"),
    queue,
    sheets,
    now,
    identity: sessions.current,
    mode: sessions.mode,
    version: __STOLPER_VERSION__,
    extras: (first) => {
      const { identity, segment } = identified;
      identified.identity = undefined;
      return {
        ...(first || identity ? { attributes: attributes(config, privacy, segment) } : {}),
        ...(first ? { page: pageFacts(privacy) } : {}),
        ...(identity ? { identity } : {}),
      };
    },
    waiting: () => !!identified.identity,
    order: guard(follow),
  });

  const emitter = makeEmit({
    queue,
    now,
    view: () => view,
    path: () => privacy.urls.place(location.href),
    lives,
    concluded: () => {
      if (!sessions.expired()) sessions.touch();
    },
  });
  const { emit } = emitter;

  const recorder = makeRecorder({
    guard: guard.at("dom"),
    privacy,
    now,
    sheetText: sheets.text,
    complete: () => {
      if (begun && !complete) void delivery.flush();
      complete = true;
    },
    onInput: (node) => signals.reaction.send({ kind: "value", t: now(), node }),
    onRoot: roots.met,
    onFrame: guard((inner: Document) => {
      if (!privacy.policy.ignored(frameOf(inner))) roots.framed(inner);
    }),
    emit: take,
  });

  const snapshots = signal<void>();
  const keeper = makeKeeper({ config, guard, sheets, running: () => running, record });

  /** An event of ours in the recording: the player reads it, rrweb passes it over. */
  function record(tag: string, payload: object): void {
    const t = now();
    const json = toJson({ type: 5, timestamp: t, data: { tag, payload } });
    take({ json, t, snapshot: false });
  }

  function take(event: DomEvent): void {
    // A page that only ticks belongs to no visit: its changes wait for the next event, which
    // begins another session with a snapshot.
    if (!running || (!renewing && sessions.expired())) return;
    if (delivery.full()) pausedAt ??= now();
    else if (pausedAt !== undefined) resume(pausedAt);
    else queue.dom(event);
    if (event.snapshot) {
      keeper.again();
      snapshots.send();
    }
  }

  const scope: Scope = {
    config,
    guard,
    privacy,
    signals,
    roots,
    now,
    nodeId: recorder.nodeId,
    describe: makeDescribe(privacy, recorder.nodeId),
    ours: (url) => ours.some((start) => url.startsWith(start)),
    urgent: () => delivery.urgent(),
    view: () => view,
    nextView: () => {
      view++;
    },
  };

  function resume(from_t: number): void {
    pausedAt = undefined;
    queue.gap({ kind: "buffer", reason: "full", from_t, until_t: now() });
    recorder.snapshot();
  }

  /** Whether the visit goes on with what happened at *t*; if it is over, that may begin another. */
  function lives(t: number, begins: Begins): boolean {
    if (renewing) return true;
    if (sessions.expired()) {
      if (!begins || !running) return false;
      renew({ t, viewed: begins === "page" });
    }
    sessions.touch();
    return true;
  }

  /**
   * Another session: new indices, a page view as of *t*, a snapshot.
   *
   * *adopt*: another tab began it. *viewed*: its page view is told by the caller.
   */
  function renew({ adopt = false, viewed = false, t = now() }: Renewal = {}): void {
    if (!running || renewing) return;
    renewing = true;
    try {
      emitter.cut();
      delivery.seal();
      if (!adopt) sessions.renew();
      delivery.restart(false);
      emitter.restart(0);
      observers?.actions.forget();
      view = 0;
      if (!viewed) observers?.pages.view(Math.min(t, now()));
      recorder.snapshot();
      frames?.restart();
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
    frames?.restart();
  }

  function follow(order: Order): void {
    if (order === "off") sessions.setMode("cookieless"); // deletes what was stored
    if (order === "stop" || order === "off") stop();
    else if (order === "session") renew();
    else if (order === "page_load") changePageLoad();
    else recorder.snapshot();
  }

  function leave(): void {
    recorder.flush();
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

  function start(early: Early[]): void {
    running = true;
    renewing = true; // the session has just begun
    sessions.onForgotten(() => {
      delivery.drop();
      sessions.setMode("cookieless");
      stop();
    });
    recorder.start();
    // Before the observers describe what was pressed: another session numbers the nodes anew.
    const hands = across<UIEvent>(scope, HANDS, (event) => {
      if (event.isTrusted) lives(timeOf(event), "activity");
    });
    const parts = observe(emit, scope);
    observers = parts;
    roots.begun();
    const fonts = observeFonts(scope, keeper);
    frames = linkFrames(emit, scope, sessions.current);
    parts.pages.view(Math.min(now(), ...early.map(({ t }) => t)));
    renewing = false;
    parts.clicks.early(early);
    parts.errors.early(early);
    parts.assets.early();
    stops = all([
      recorder,
      roots,
      hands,
      parts,
      fonts,
      frames,
      sessions.onAdopted(() => renew({ adopt: true })),
      guard.listen(window, "pagehide", leave),
      guard.listen<PageTransitionEvent>(window, "pageshow", (event) => {
        if (!event.persisted) return;
        sessions.back();
        delivery.back();
      }),
      guard.listen(document, "visibilitychange", () => {
        if (document.visibilityState !== "hidden") return;
        recorder.flush();
        void delivery.flush();
      }),
      guard.listen(window, "online", delivery.online),
      guard.listen(document, "freeze", () => {
        recorder.flush();
        delivery.freeze();
      }),
      // Where the page forbids it nothing will ever arrive, and each try is a report to the site.
      guard.listen<SecurityPolicyViolationEvent>(document, "securitypolicyviolation", (event) => {
        const { disposition, effectiveDirective, blockedURI } = event;
        const sending = effectiveDirective === "connect-src" && scope.ours(blockedURI);
        if (disposition === "enforce" && sending) stop();
      }),
    ]);
    begun = true;
    if (complete) void delivery.flush();
  }

  const commands = makeCommands({
    privacy,
    sessions,
    delivery,
    emit,
    identified,
    running: () => running,
    report: (thrown) => observers?.errors.report(thrown),
    active: () => void lives(now(), "activity"),
    renew: () => renew(),
    tell: () => recorder.flush(),
    stop,
  });
  function plug(part: Part): void {
    if (!running) return;
    const own = part({ scope, keeper, record, gap: queue.gap, snapshots });
    stops = all([stops, own]);
  }

  return { guard, commands, start, plug };
}
