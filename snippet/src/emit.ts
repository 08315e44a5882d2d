// Events get their index at `t`, not at sending; one whose outcome is open is completed later, or
// cut when the page ends, or named in `void`.

import type { Queue } from "./delivery/queue";
import type { EventName } from "./events.gen";
import type { Emit, Facts, Open } from "./scope";

export interface Emitter {
  emit: Emit;
  /** Complete what is open, since the page ends. */
  cut(): void;
  /** A new page load id: indices start again at *from*. */
  restart(from: number): void;
  next(): number;
  open(): number[];
}

export interface EmitContext {
  queue: Queue;
  now(): number;
  view(): number;
  path(): string;
  /** Called before an index is given and when an outcome is known: the session lives. */
  activity(): void;
}

export function makeEmit({ queue, now, view, path, activity }: EmitContext): Emitter {
  let next = 0;
  const open = new Map<number, () => void>();

  function start<T extends EventName>(type: T, t: number, place?: string) {
    activity();
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
    start(type, t ?? now(), place).write(facts);
  }) as Emit;

  emit.open = <T extends EventName>(type: T, t: number, cut: () => Facts<T>): Open<T> => {
    const event = start(type, t);
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
        activity();
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

/** Absent means false for a bool, and nothing for anything else: neither is sent. */
function tidy(facts: object): Record<string, unknown> {
  const kept: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(facts)) {
    if (value === undefined || value === false || value === "") continue;
    kept[name] = typeof value === "number" ? Math.round(value * 1000) / 1000 : value;
  }
  return kept;
}
