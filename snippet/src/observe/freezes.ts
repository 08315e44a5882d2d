// When the page did not react: interactions that took long to be drawn, and tasks that blocked the
// main thread.

import { all, type Stop } from "../guard";
import { elementOf } from "../privacy/dom";
import type { Emit, Scope } from "../scope";
import { loading, watch } from "./timing";

const SLOW_MS = 200;
const INPUT_MS = 10_000; // an input longer ago has nothing to do with a task
const KEPT = 20;
const MOST = 100; // of each kind a page load: a page that is always slow must not fill the session

interface Interaction extends PerformanceEntry {
  interactionId?: number;
  target?: Node | null;
}

export function observeFreezes(emit: Emit, scope: Scope): Stop {
  const { guard, privacy } = scope;
  const left = { inp: MOST, long_task: MOST };
  let first: Interaction | undefined;
  let inputs: number[] = [];

  /** The input at *t* was made while the page was loading, and was the first of all. */
  function early(t: number, id = 0): boolean {
    // The list that tells of it may come after the one that tells of the interaction.
    first ??= performance.getEntriesByType("first-input")[0] as Interaction | undefined;
    const its = first && (t <= first.startTime || (id > 0 && id === first.interactionId));
    return its === true && loading(t);
  }

  function onInteractions(entries: Interaction[]): void {
    const worst = new Map<number, Interaction>(); // pointerdown, pointerup and click are one
    for (const entry of entries) {
      const { interactionId: id, duration } = entry;
      if (id && duration >= SLOW_MS && duration > (worst.get(id)?.duration ?? 0)) {
        worst.set(id, entry);
      }
    }
    for (const [id, { duration, startTime, target }] of worst) {
      if (left.inp-- <= 0) return;
      const element = elementOf(target ?? null);
      const known = element?.isConnected && !privacy.policy.ignored(element);
      emit("vitals", {
        kind: "inp",
        inp_ms: Math.round(duration),
        first_input: early(startTime, id),
        ...(known ? { target: scope.describe(element) } : {}),
      });
    }
  }

  function onTasks(entries: PerformanceEntry[]): void {
    for (const { duration, startTime } of entries) {
      if (duration < SLOW_MS) continue;
      if (left.long_task-- <= 0) return;
      // A press during the task is heard after it: it waited all the same.
      const input = [...inputs].reverse().find((t) => t <= startTime + duration);
      const since = input === undefined ? undefined : Math.max(0, Math.round(startTime - input));
      const near = since !== undefined && since <= INPUT_MS;
      emit("vitals", {
        kind: "long_task",
        long_task_ms: Math.round(duration),
        ...(near ? { since_input_ms: since } : {}),
        first_input: near && input !== undefined && early(input),
      });
    }
  }

  return all([
    guard.listen(window, ["pointerdown", "keydown"], ({ isTrusted, timeStamp }) => {
      if (isTrusted) inputs = [...inputs, timeStamp].slice(-KEPT);
    }),
    watch<Interaction>(guard, "first-input", ([entry]) => {
      first = entry;
    }),
    watch<Interaction>(guard, "event", onInteractions, { durationThreshold: SLOW_MS }),
    watch(guard, "longtask", onTasks),
  ]);
}
