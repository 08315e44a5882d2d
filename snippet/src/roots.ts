// The open shadow roots of the page, as the recorder meets them. Some events do not leave the root
// they happen in (submit, change, scroll, media): they are listened to in each.

import type { Guard, Stop } from "./guard";
import { signal } from "./signal";

export interface Roots {
  met(root: ShadowRoot): void;
  /** Call *enter* for each root: those that were met before and those to come. */
  each(enter: (root: ShadowRoot) => void): Stop;
  /** Everybody has asked: those met before need not be kept. */
  begun(): void;
}

export function makeRoots(): Roots {
  const later = signal<ShadowRoot>();
  let before: ShadowRoot[] = [];
  let begun = false;

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
  };
}

/** Listen on *target*, and in every root to what does not leave it. */
export function hear<E extends Event = Event>(
  { guard, roots }: { guard: Guard; roots: Roots },
  target: EventTarget,
  types: string | string[],
  callback: (event: E) => void,
): Stop {
  const abort = new AbortController(); // a list of what to stop would keep roots that are gone
  const options = { capture: true, passive: true, signal: abort.signal };
  const own = guard.listen(target, types, callback);
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
