// Signs of an answer that the browser tells by events of its own: focus, values, scrolling,
// selection, leaving, errors and requests.

import { all, type Guard, type Stop } from "../guard";
import { isElement, within } from "../privacy/dom";
import { across, type Hook, hear, type Roots, timeOf } from "../roots";
import type { NavigateLike, Signals } from "../scope";
import { editable } from "../target/pressable";
import type { Answers } from "./answers";
import { modifiers } from "./facts";
import type { Gesture } from "./gesture";
import type { Press } from "./outcome";
import { makeSelected } from "./selection";

export interface Presses {
  open(): Press[];
  /** Between pointerdown and pointerup. */
  held(): Press | undefined;
  newest(): Press | undefined;
}

export interface Signs extends Stop {
  /** A press begins: what is selected now is no answer to it. */
  begun(): void;
  /** Time since the tab got the focus back; undefined on its first focus. */
  sinceFocus(t: number): number | undefined;
}

export interface SignsContext {
  guard: Guard;
  signals: Signals;
  roots: Roots;
  now(): number;
  gesture: Gesture;
  answers: Answers;
  presses: Presses;
}

const VISIBILITY_MS = 1000;
const SCROLL_MS = 300;
const SELECTION_MS = 100; // the browser tells of a selection a task later
const ECHO_MS = 50; // the recorder tells of typing too

export function observeSigns(context: SignsContext): Signs {
  const { guard, signals, roots, now, gesture, answers, presses } = context;
  const selected = makeSelected();
  let focusedAt: number | undefined;
  let blurred = false;
  let scrollingAt = Number.NEGATIVE_INFINITY; // by wheel, finger or key
  let typedAt = Number.NEGATIVE_INFINITY;

  /** The newest press, if its outcome is open. */
  function latest(): Press | undefined {
    const press = gesture.task() ?? presses.newest();
    return press && presses.open().includes(press) ? press : undefined;
  }

  function onFocus(event: FocusEvent): void {
    const element = event.composedPath()[0] as Element;
    const press = gesture.task() ?? presses.held();
    if (!press || !isElement(element)) return;
    if (within(press.element, element) && !editable(element)) return; // itself or what is around it
    answers.answer(press, "focus", now());
  }

  function onValue(event: Event): void {
    const field = event.composedPath()[0] as Element; // also in a shadow root
    if (event.isTrusted && editable(field)) {
      typedAt = now(); // typing, or leaving a field: no answer to a press
      answers.input(typedAt);
      if (event.type === "input") answers.typed(typedAt); // a change may come with a press
      for (const press of presses.open()) {
        press.typed = true;
        press.excused.add(field);
      }
      return;
    }
    signals.reaction.send({ kind: "value", t: now(), node: field });
  }

  function onScroll(): void {
    const t = now();
    if (t - scrollingAt <= SCROLL_MS) return;
    const held = presses.held();
    if (held) held.facts.scrolled = true;
    const press = latest();
    const since = press ? Math.max(press.t0, press.released ?? 0) : Number.NEGATIVE_INFINITY;
    if (press && t - since <= SCROLL_MS) answers.answer(press, "scroll", t);
  }

  function onSelection(): void {
    const newest = presses.newest();
    const recent = newest && now() - (newest.released ?? 0) <= SELECTION_MS ? newest : undefined;
    const press = presses.held() ?? recent;
    if (!press) return; // of typing
    const look = selected.look();
    if (look === "same") return;
    // Pressing a button takes the selection away from a text: that is not the press's purpose.
    if (look === "nothing" && press.facts.target?.interactive) return;
    press.facts.selection_changed = true;
    if (look === "new" && Number(press.facts.detail) > 1 && !press.facts.target?.interactive) {
      // The presses before it in a double click marked nothing yet, and were its beginning.
      for (const one of presses.open()) {
        if (one.element === press.element) one.facts.selection_changed = true;
      }
    }
    if (!press.facts.target?.editable) answers.answer(press, "selection", now());
  }

  function onBlur({ target }: Event): void {
    if (isElement(target)) {
      if (presses.held()) gesture.blur();
      return;
    }
    const press = latest();
    blurred = !document.hasFocus();
    // The focus went on in a frame, by a press there, or came back from one.
    if (!blurred && (target !== window || press?.element.ownerDocument !== document)) return;
    if (press && now() - press.t0 <= VISIBILITY_MS) answers.answer(press, "visibility", now());
  }

  function onNavigate(event: NavigateLike): void {
    const press = latest();
    if (!press || event.hashChange) return;
    if (event.downloadRequest != null) answers.answer(press, "download", now());
    else if (event.destination?.sameDocument !== true) press.leading = now();
  }

  function onLeaving(t: number, left?: Document): void {
    const press = latest();
    if (!press || (left && press.element.ownerDocument !== left)) return;
    press.leading = undefined;
    answers.answer(press, "navigation", t);
  }

  const stops: Stop[] = [
    across<KeyboardEvent>(context, "keydown", (event) => {
      answers.input(timeOf(event));
      if (modifiers(event) === undefined) scrollingAt = now(); // arrows and space scroll
    }),
    across(context, ["wheel", "touchmove"], () => {
      scrollingAt = now();
    }),
    across<FocusEvent>(context, "focusin", onFocus),
    across(context, "input", onValue),
    hear(context, ["change", "reset"], onValue),
    hear(context, "invalid", () => {
      const press = gesture.task();
      if (press) answers.answer(press, "visual", now()); // the browser's own bubble
    }),
    hear(context, "scroll", onScroll),
    across(context, "selectionchange", onSelection),
    across(context, "focus", (event) => {
      if (!isElement(event.target) && blurred) focusedAt = now();
    }),
    across(context, "blur", onBlur),
    signals.mutations.on(({ records, t }) => answers.mutated(records, t)),
    signals.reaction.on((reaction) => {
      const { kind, t } = reaction;
      if (kind === "value" && t - typedAt <= ECHO_MS) return;
      if (kind === "visibility" && t - (latest()?.t0 ?? 0) > VISIBILITY_MS) return;
      answers.reacted(reaction);
    }),
    signals.leaving.on((t) => onLeaving(t)),
    roots.left.on((left) => onLeaving(now(), left)),
    signals.navigation.on(({ t }) => answers.reacted({ kind: "navigation", t })),
    signals.requestStart.on((request) => {
      if (!request.awaited || !request.action) return;
      const { i, press: of } = request.action;
      const press = presses.open().find((one) => one.open.i === (of ?? i));
      press?.requests.push(request);
    }),
    signals.error.on(({ t, firstParty }) => {
      const press = latest();
      if (firstParty && press) press.facts.error_ms ??= Math.max(0, t - press.t0);
    }),
  ];
  const hook: Hook = ({ navigation }: Window & { navigation?: EventTarget }, { listen }) =>
    navigation ? listen<NavigateLike>(navigation, "navigate", onNavigate) : all([]);
  roots.frames(hook);
  stops.push(hook(window, guard));

  return {
    ...all(stops),
    begun: () => void selected.look(),
    sinceFocus: (t) => (focusedAt === undefined ? undefined : t - focusedAt),
  };
}
