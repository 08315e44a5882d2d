// Events get their index at `t`, not at sending; one whose outcome is open is completed later, or
// cut when the page ends, or named in `void`.

import type { Queue } from "./delivery/queue";
import type { EventName } from "./events.gen";
import type { Emit, Facts, Open } from "./scope";

const NOWHERE = -1; // the index of what belongs to no session

export interface Emitter {
  emit: Emit;
  /** Complete what is open, since the page ends. */
  cut(): void;
  /** A new page load id: indices start again at *from*. */
  restart(from: number): void;
  next(): number;
  open(): number[];
}

/** What an event is to a visit that is over: the page view or the activity that begins another. */
export type Begins = "page" | "activity" | undefined;

export interface EmitContext {
  queue: Queue;
  now(): number;
  view(): number;
  path(): string;
  /** Asked before an index is given: whether there is a session for what happened at *t*, and
   * whether that may begin one: as its page view, or after one. */
  lives(t: number, begins: Begins): boolean;
  /** The outcome of an earlier event is known. */
  concluded(): void;
}

export function makeEmit({ queue, now, view, path, lives, concluded }: EmitContext): Emitter {
  let next = 0;
  const open = new Map<number, () => void>();

  function start<T extends EventName>(type: T, t: number, begins: Begins, place?: string) {
    if (!lives(t, begins)) return undefined;
    const i = next++;
    const at = { i, t: Math.round(t), type, view: view(), path: place ?? path() };
    return {
      i,
      t: at.t,
      write: (facts: Facts<T>) => {
        const { target, ...rest } = facts as Facts<T> & { target?: never };
        queue.event({ ...at, fields: tidy(rest), target });
      },
    };
  }

  const emit = ((type, facts, t, place) => {
    start(type, t ?? now(), beginning(type, facts), place)?.write(facts);
  }) as Emit;

  emit.open = <T extends EventName>(type: T, t: number, cut: () => Facts<T>): Open<T> => {
    // Of presses and typing recording.ts hears before; what is left is the page's own doing.
    const event = start(type, t, undefined);
    if (!event) return { i: NOWHERE, t: Math.round(t), done: () => {}, drop: () => {} };
    const { i } = event;
    const close = (): boolean => open.delete(i);
    open.set(i, () => {
      close();
      event.write(cut());
    });
    return {
      i,
      t: event.t,
      done: (facts) => {
        if (!close()) return;
        event.write(facts);
        concluded();
      },
      drop: () => {
        if (close()) queue.void(i);
      },
    };
  };

  return {
    emit,
    cut: () => {
      for (const finish of [...open.values()]) finish();
    },
    restart: (from) => {
      next = from;
    },
    next: () => next,
    open: () => [...open.keys()],
  };
}

/** Leaving, being hidden and what a page does of itself begin no visit. */
function beginning<T extends EventName>(type: T, facts: Facts<T>): Begins {
  if (type === "page") return "page";
  const shown = type === "visibility" && (facts as Facts<"visibility">).state === "visible";
  return shown || type === "custom" ? "activity" : undefined;
}

/** Absent means false for a bool, and nothing for anything else: neither is sent. */
function tidy(facts: object): Record<string, unknown> {
  const kept: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(facts)) {
    if (value === undefined || value === false || value === "") continue;
    kept[name] = typeof value === "number" ? Math.round(value * 1000) / 1000 : value;
  }
  return kept;
}
