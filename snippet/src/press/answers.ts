// From what happens on the page to the presses it answers. A reaction inside a press's own handlers
// is that press's; a later one goes to the oldest press on its target that still waits, and counts
// for the others if nothing of their own comes.

import { within } from "../privacy/dom";
import type { Reaction } from "../scope";
import { type Background, makeBackground } from "./background";
import { type Change, changesOf, visible } from "./changes";
import type { Gesture } from "./gesture";
import { isNear } from "./near";
import { first, type Press, type Seen, WINDOW_MS } from "./outcome";

const QUIET_MS = 2500; // changes this long after any input are nobody's answer
const ECHO_MS = 100; // a page that answers typing does so within its next frames
const LOADED_MS = 500; // a page settles after its load event

export interface Answers {
  mutated(records: MutationRecord[], t: number): void;
  reacted(reaction: Reaction): void;
  /** *kind* answered *press* at *t*. */
  answer(press: Press, kind: Seen["kind"], t: number): void;
  /** Changes that turned out to be background. */
  learn(changes: Change[], t: number): void;
  input(t: number): void;
  /** The visitor typed: what follows at once is the answer to that. */
  typed(t: number): void;
  /** *element* changes of itself, as was seen before *press*. */
  restless(element: Element, press: Press): boolean;
  judge: Background["judge"];
}

export interface AnswersContext {
  gesture: Gesture;
  presses(): Press[];
}

export function makeAnswers({ gesture, presses }: AnswersContext): Answers {
  const background = makeBackground();
  let lastInput = Number.NEGATIVE_INFINITY;
  let lastTyped = Number.NEGATIVE_INFINITY;

  function waiting(t: number): Press[] {
    return presses().filter((press) => t - press.t0 <= WINDOW_MS);
  }

  function answer(press: Press, kind: Seen["kind"], t: number): void {
    const seen = { ms: t - press.t0, kind };
    press.own ??= seen;
    press.shared ??= seen;
  }

  function distribute(reached: Press[], kind: Seen["kind"], t: number): void {
    const turn = new Set<string>();
    for (const press of reached) {
      const seen = { ms: t - press.t0, kind };
      press.shared ??= seen;
      if (press.own || turn.has(press.key)) continue;
      turn.add(press.key);
      press.own = seen;
    }
  }

  function feedback(press: Press, change: Change, t: number): void {
    if (within(change.node, press.element)) press.facts.feedback_ms ??= t - press.t0;
  }

  function kindOf(change: Change): Seen["kind"] {
    return change.kind === "inserted" ? "inserted" : "mutation";
  }

  /** Inside the handlers of *press*: certainly its own, wherever it shows. */
  function caused(press: Press, change: Change, t: number): void {
    const phase = gesture.phase();
    const root = change.node.localName === "html" || change.node.localName === "body";
    if (change.kind === "attribute" && phase === "down" && root) return; // marks of the pointer
    if (change.kind === "inserted" && !visible(change.added)) return;
    feedback(press, change, t);
    const seen = { ms: t - press.t0, kind: kindOf(change) };
    const mark = within(change.node, press.element) && isMark(change);
    if (mark && phase === "down") press.fleeting = first(press.fleeting, seen);
    else answer(press, seen.kind, t);
  }

  /** Outside of any handler: near presses are answered unless a background mutator did it. */
  function later(change: Change, open: Press[], t: number): boolean {
    const reached: Press[] = [];
    let isBackground = false;
    const pressed = open.filter((press) => within(change.node, press.element));
    for (const press of pressed.length ? pressed : open) {
      const near = shows(change) || isNear(change.node, press.element, press.around);
      if (change.kind === "attribute" && !near) continue;
      const judged = background.judge(change, press.t0);
      if (judged === "background") {
        press.facts.far = (press.facts.far ?? 0) + 1;
        isBackground = true;
      } else if (judged === "unclear") {
        press.unclear.push({ change, seen: { ms: t - press.t0, kind: kindOf(change) } });
      } else {
        reached.push(press);
      }
    }
    if (!reached.length) return isBackground;
    if (change.kind === "inserted" && !visible(change.added)) return false;
    for (const press of reached) feedback(press, change, t);
    if (pressed.length && isMark(change)) {
      for (const press of reached) {
        press.fleeting = first(press.fleeting, { ms: t - press.t0, kind: kindOf(change) });
      }
      return false;
    }
    distribute(reached, kindOf(change), t);
    return false;
  }

  function mutated(records: MutationRecord[], t: number): void {
    const open = waiting(t);
    const quiet = t - lastInput > QUIET_MS && loaded(t);
    if (!open.length && !quiet) return;
    const causing = gesture.current();
    if (!causing && t - lastTyped <= ECHO_MS) return;
    const leaving = gesture.phase() === "blur" ? gesture.task() : undefined;
    if (leaving) {
      // The doing of the field that was left, not of the press that left it.
      for (const change of changesOf(records)) leaving.excused.add(change.node);
      return;
    }
    // A page that ticks makes thousands of records a second, for nobody but the background's list.
    const news =
      open.length || causing
        ? records
        : records.filter(({ target }) => !background.settled(target, t));
    for (const change of changesOf(news)) {
      if (causing) caused(causing, change, t);
      else if (later(change, open, t) || quiet) background.note(change, t);
    }
  }

  function reacted({ kind, t, node }: Reaction): void {
    const causing = gesture.current();
    if (causing) {
      answer(causing, kind, t);
      return;
    }
    const open = waiting(t).filter((press) => {
      return !node || isNear(node, press.element, press.around);
    });
    if (node && kind === "value") {
      const change: Change = {
        kind: "text",
        node: node as Element,
        sort: "value",
        added: [],
        worded: true,
      };
      if (t - lastInput > QUIET_MS) background.note(change, t);
      const fresh = open.filter((press) => background.judge(change, press.t0) === "new");
      distribute(fresh, kind, t);
      return;
    }
    distribute(node ? open : open.slice(-1), kind, t);
  }

  return {
    mutated,
    reacted,
    answer,
    learn: (changes, t) => {
      for (const change of changes) background.note(change, t);
    },
    input: (t) => {
      lastInput = t;
    },
    typed: (t) => {
      lastTyped = t;
    },
    judge: background.judge,
    restless: (element, press) => background.restless(element, press.t0),
  };
}

const DIALOG = "dialog,[role=dialog],[role=alertdialog],[aria-modal=true],[popover]";

/** What was in the page before is shown to the visitor now, wherever it stands. */
function shows({ kind, node, sort }: Change): boolean {
  if (kind !== "attribute" || !(sort === "@hidden" || node.matches(DIALOG))) return false;
  return visible([node]);
}

/** Without words: a class, a ripple, a spinner come and gone. */
function isMark(change: Change): boolean {
  return !change.worded;
}

let loadedAt: number | undefined;

function loaded(t: number): boolean {
  if (loadedAt === undefined) {
    const timing = performance.getEntriesByType("navigation")[0] as
      | PerformanceNavigationTiming
      | undefined;
    if (document.readyState !== "complete") return false;
    loadedAt = (timing?.loadEventEnd ?? 0) || t;
  }
  return t - loadedAt > LOADED_MS;
}
