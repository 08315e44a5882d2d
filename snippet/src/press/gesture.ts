// Which press the code that runs now belongs to: its handlers (while the event is dispatched), and
// what the browser does of itself in the same task (focus, submit, input).

import type { Guard } from "../guard";
import type { Press } from "./outcome";

export type Phase = "down" | "blur" | "up";

export interface Gesture {
  /** An event of *press* begins to be dispatched; *afterwards* runs when the task is over. */
  enter(press: Press, phase: Phase, afterwards?: () => void): void;
  /** The event has reached its last listener. */
  dispatched(): void;
  /** A field is left: what follows in this task is the field's doing. */
  blur(): void;
  /** The press whose handlers run now: nobody else's code can. */
  current(): Press | undefined;
  /** The press of this task; in the gap until the next one a timer may slip in. */
  task(): Press | undefined;
  phase(): Phase;
  stop(): void;
}

export function makeGesture(guard: Guard): Gesture {
  const channel = new MessageChannel();
  let press: Press | undefined;
  let inHandlers = false;
  let phase: Phase = "down";
  let turn = 0;
  const waiting: { turn: number; afterwards?: (() => void) | undefined }[] = [];

  channel.port1.onmessage = guard(() => {
    const done = waiting.shift();
    if (!done) return;
    if (done.turn === turn) {
      press = undefined;
      inHandlers = false;
    }
    done.afterwards?.();
  });

  return {
    enter: (entered, at, afterwards) => {
      press = entered;
      phase = at;
      inHandlers = true;
      waiting.push({ turn: ++turn, afterwards });
      channel.port2.postMessage(0);
    },
    dispatched: () => {
      if (!inHandlers) return;
      const entered = turn;
      // Mutations are told in microtasks: this one comes after those of the last handler.
      queueMicrotask(
        guard(() => {
          if (entered === turn) inHandlers = false;
        }),
      );
    },
    blur: () => {
      phase = "blur";
    },
    current: () => (inHandlers ? press : undefined),
    task: () => press,
    phase: () => phase,
    stop: () => channel.port1.close(),
  };
}
