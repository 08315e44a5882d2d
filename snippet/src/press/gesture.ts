// Which press the code that runs now belongs to: its handlers, and what they do before the browser
// turns to another task.

import type { Press } from "./outcome";

export type Phase = "down" | "blur" | "up";

export interface Gesture {
  /** An event of *press* is being dispatched. */
  enter(press: Press, phase: Phase, afterwards?: () => void): void;
  blur(): void;
  current(): Press | undefined;
  phase(): Phase;
  stop(): void;
}

export function makeGesture(run: (callback: () => void) => void): Gesture {
  const channel = new MessageChannel();
  let press: Press | undefined;
  let phase: Phase = "down";
  let turn = 0;
  const waiting: { turn: number; afterwards?: (() => void) | undefined }[] = [];

  channel.port1.onmessage = () => {
    const done = waiting.shift();
    if (!done) return;
    if (done.turn === turn) press = undefined;
    if (done.afterwards) run(done.afterwards);
  };

  return {
    enter: (entered, at, afterwards) => {
      press = entered;
      phase = at;
      waiting.push({ turn: ++turn, afterwards });
      channel.port2.postMessage(0);
    },
    blur: () => {
      phase = "blur";
    },
    current: () => press,
    phase: () => phase,
    stop: () => channel.port1.close(), // the page hears nothing of it
  };
}
