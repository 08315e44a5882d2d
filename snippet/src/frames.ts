// A page and a frame of another origin in it, both of this site: who is recorded in which element.
//
// The frame says hello, the page answers. Ids pass between the two windows and nothing else, only
// between origins that the site's option `frame_origins` names; each side looks at the origin and at
// the window that a message came from. The recordings go to the collector each on its own way.

import { all, type Stop } from "./guard";
import type { Emit, Scope } from "./scope";
import type { Identity } from "./session";

/** A page that is slower than its frame has this long to begin recording. */
const TRIES_MS = [0, 500, 1000, 2000, 4000, 8000, 16_000];
const ID = /^[\w-]{16,36}$/;

/** From the frame; the page sends the same page load back. */
interface Hello {
  stolper: string;
  session?: string;
  page_load: string;
}

export interface Frames extends Stop {
  /** Sessions, page loads or node ids are new on this side: tell all links again. */
  restart(): void;
}

export function linkFrames(emit: Emit, scope: Scope, identity: () => Identity): Frames {
  const { config, guard, nodeId } = scope;
  const allowed = config.options?.frame_origins ?? [];
  if (!allowed.length) return { restart: () => {}, stop: () => {} };
  const links = new Map<Element, { hello: Hello; origin: string }>();
  let retry: Stop = all([]);

  /** The origins that the page around may have: the one it has where browsers tell it. */
  function above(): string[] {
    if (window.parent === window) return [];
    let origin = location.ancestorOrigins?.[0];
    if (!origin && document.referrer) origin = new URL(document.referrer).origin;
    const found = origin ? allowed.filter((one) => one === origin) : allowed;
    return found.filter((one) => one !== location.origin); // of the same origin: recorded by the page
  }

  function greet(nth = 0): void {
    const { session, page_load } = identity();
    const hello: Hello = { stolper: config.key, session, page_load };
    for (const origin of above()) window.parent.postMessage(hello, origin);
    const wait = TRIES_MS[nth + 1];
    retry.stop();
    if (wait) retry = guard.later(() => greet(nth + 1), wait);
  }

  function elementOf(source: unknown, root: Document | ShadowRoot = document): Element | undefined {
    for (const frame of root.querySelectorAll("iframe,frame,object")) {
      if ((frame as HTMLIFrameElement).contentWindow === source) return frame;
    }
    for (const host of root.querySelectorAll("*")) {
      const found = host.shadowRoot && elementOf(source, host.shadowRoot);
      if (found) return found;
    }
    return undefined;
  }

  function tell(frame: Element): boolean {
    const node = nodeId(frame);
    const link = links.get(frame);
    if (node === undefined || !link) return false; // not recorded (yet): the frame asks again
    const { session, page_load } = link.hello;
    emit("frame", {
      node,
      frame_session: session ?? "",
      frame_load: page_load,
      origin: link.origin,
    });
    return true;
  }

  function hear({ data, origin, source }: MessageEvent): void {
    const hello = data as Hello | null;
    if (hello?.stolper !== config.key || !allowed.includes(origin)) return;
    if (source === window.parent && source !== window) {
      if (hello.page_load === identity().page_load) retry.stop();
      return;
    }
    const { session, page_load } = hello;
    if (!ID.test(String(session)) || !ID.test(String(page_load))) return;
    const frame = elementOf(source);
    if (!frame) return;
    if (links.get(frame)?.hello.page_load !== page_load) {
      links.set(frame, {
        hello: { stolper: config.key, session: String(session), page_load },
        origin,
      });
      if (!tell(frame)) links.delete(frame);
    }
    if (links.has(frame)) {
      (source as Window).postMessage({ stolper: config.key, page_load }, origin);
    }
  }

  const heard = guard.listen<MessageEvent>(window, "message", hear);
  guard(greet)();
  return {
    restart: () => {
      for (const frame of [...links.keys()])
        if (!frame.isConnected || !tell(frame)) links.delete(frame);
      guard(greet)();
    },
    stop: () => {
      heard.stop();
      retry.stop();
    },
  };
}
