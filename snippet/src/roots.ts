// What stands in the page beside its own document, as the recorder meets it: open shadow roots, and
// documents in frames of the page's origin. Some events do not leave the root they happen in
// (submit, change, scroll, media), and none leaves a frame.

import type { Stolper } from "./config";
import { all, type Guard, type Stop } from "./guard";
import { type Signal, signal } from "./signal";

export type View = Window & typeof globalThis & { stolper?: Stolper };

/** What listens and patches in a window. */
export type Hands = Pick<Guard, "listen" | "patch">;
export type Hook = (view: View, hands: Hands) => Stop;

export interface Roots extends Stop {
  met(root: ShadowRoot): void;
  /** Call *enter* for each root: those that were met before and those to come. */
  each(enter: (root: ShadowRoot) => void): Stop;
  /** Everybody has asked: those met before need not be kept. */
  begun(): void;
  /** A frame has a document that may be observed. */
  framed(inner: Document): void;
  /** Do *hook* to the window of each such document, until that goes or all is stopped. */
  frames(hook: Hook): void;
  /** A frame's document goes. */
  left: Signal<Document>;
}

export function makeRoots(guard: Guard): Roots {
  const later = signal<ShadowRoot>();
  const hooks: Hook[] = [];
  const left = signal<Document>();
  const views = new Map<View, Stop & { enter(hook: Hook): void }>();
  let before: ShadowRoot[] = [];
  let begun = false;

  function leave(view: View): void {
    views.get(view)?.stop();
    views.delete(view);
  }

  return {
    met: (root) => {
      if (!begun) before.push(root);
      later.send(root);
    },
    each: (enter) => {
      for (const root of before) enter(root);
      return later.on(enter);
    },
    begun: () => {
      begun = true;
      before = [];
    },
    left,
    framed: (inner) => {
      const view = inner.defaultView as View | null;
      if (!view) return;
      // Recorded by a snippet of its own it tells what happens in it itself.
      const ours =
        <A extends unknown[], R>(run: (...args: A) => R) =>
        (...args: A) =>
          view.stolper?.running ? undefined : run(...args);
      const hands: Hands = {
        listen: (target, types, callback, options) =>
          guard.listen(target, types, ours(callback), options),
        patch: (owner, name, before) => guard.patch(owner, name, ours(before)),
      };
      const stops: Stop[] = [];
      const enter = (hook: Hook) => void stops.push(hook(view, hands));
      views.set(view, { enter, ...all(stops) });
      // Also when the frame is taken out of the page.
      stops.push(
        guard.listen<PageTransitionEvent>(view, "pagehide", ({ persisted }) => {
          if (persisted) return;
          left.send(inner);
          leave(view);
        }),
      );
      for (const hook of hooks) enter(hook);
    },
    frames: (hook) => {
      hooks.push(hook);
      for (const { enter } of views.values()) enter(hook);
    },
    stop: () => {
      for (const view of views.keys()) leave(view);
    },
  };
}

interface Place {
  guard: Guard;
  roots: Roots;
}

/** Listen on the windows of the page and of every frame. */
export function across<E extends Event = Event>(
  { guard, roots }: Place,
  types: string | string[],
  callback: (event: E) => void,
  options?: AddEventListenerOptions,
): Stop {
  roots.frames((view, { listen }) => listen(view, types, callback, options));
  return guard.listen(window, types, callback, options);
}

/** The same, and in every root to what does not leave it. */
export function hear<E extends Event = Event>(
  place: Place,
  types: string | string[],
  callback: (event: E) => void,
): Stop {
  const { guard, roots } = place;
  const abort = new AbortController(); // a list of what to stop would keep roots that are gone
  const options = { capture: true, passive: true, signal: abort.signal };
  const own = across(place, types, callback);
  const inner = roots.each(
    guard((root: ShadowRoot) => void guard.listen(root, types, callback, options)),
  );
  return {
    stop: () => {
      own.stop();
      inner.stop();
      abort.abort();
    },
  };
}

/** When *event* was, on the page's clock: that of a frame began with the frame. */
export function timeOf({ timeStamp, view }: UIEvent): number {
  const inner = view && view !== window;
  return inner ? timeStamp + view.performance.timeOrigin - performance.timeOrigin : timeStamp;
}
