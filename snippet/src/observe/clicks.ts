// Presses: one `click` event each, from pointerdown (time zero) to its outcome 2.5 s later.

import type { Early } from "../config";
import { all, type Stop } from "../guard";
import { makeAnswers } from "../press/answers";
import { markup } from "../press/changes";
import { observeEffects } from "../press/effects";
import { hrefKind, linkOf, modifiers, pressFacts } from "../press/facts";
import { makeGesture } from "../press/gesture";
import { hit } from "../press/hit";
import { surroundings } from "../press/near";
import { outcome, type Press, WINDOW_MS } from "../press/outcome";
import { probe } from "../press/probe";
import { isElement, within } from "../privacy/dom";
import type { Emit, Facts, Scope } from "../scope";
import { editable, labelled, pressable } from "../target/pressable";
import type { Mutations } from "./mutations";

/** What the Navigation API tells; not in every browser. */
type NavigateLike = Event & {
  hashChange?: boolean;
  downloadRequest?: string | null;
  destination?: { sameDocument?: boolean };
};

export interface Clicks extends Stop {
  /** Presses from before the recorder was there: their outcome was not seen. */
  early(items: Early[]): void;
  /** The press whose handlers run now, or the newest within 1 s. */
  pressOf(t: number): number | undefined;
}

const PROBES_MS = [60, 400]; // after the release; and once more when it is judged
const HANDLED = ["pointerdown", "mousedown", "pointerup", "mouseup", "click"];
const REFOCUS_MS = 5000;
const VISIBILITY_MS = 1000;
const SCROLL_MS = 300;
const AFTER_RELEASE_MS = 700; // a click later than that is not the pointer's

export function observeClicks(emit: Emit, scope: Scope, mutations: Mutations): Clicks {
  const { guard, signals, privacy, now } = scope;
  const gesture = makeGesture((callback) => void guard(callback)());
  let open: Press[] = [];
  let held: Press | undefined; // between pointerdown and pointerup
  let newest: Press | undefined;
  let focusedAt: number | undefined;
  let wheelAt = Number.NEGATIVE_INFINITY;
  let typedAt = Number.NEGATIVE_INFINITY;
  let pointerAt = { x: 0, y: 0 };
  let selected = "";
  let blurred = false;

  const answers = makeAnswers({ gesture, presses: () => open });

  function begin(element: Element, event: MouseEvent, t: number): Press {
    const target = scope.describe(element);
    const around = surroundings(element);
    const facts: Facts<"click"> = { target, ...pressFacts(element, event, privacy) };
    if (focusedAt !== undefined && t - focusedAt <= REFOCUS_MS) facts.refocus_ms = t - focusedAt;
    const press: Press = {
      open: emit.open("click", t, () => finish(press, true)),
      t0: Math.round(t),
      key: target.key,
      element,
      at: { x: event.clientX, y: event.clientY },
      around,
      facts,
      before: probe(element, around),
      unclear: [],
      excused: new Set(),
      requests: [],
      leading: false,
      // Within a burst the target bears the marks of the press before: the first saw it at rest.
      markup: open.find((one) => one.element === element)?.markup ?? markup([element]),
      timers: [],
    };
    press.timers.push(guard.later(() => judge(press), Math.max(0, WINDOW_MS - (now() - t))));
    open.push(press);
    newest = press;
    signals.action.send({ i: press.open.i, t: press.t0, kind: "click" });
    return press;
  }

  function finish(press: Press, cut: boolean): Facts<"click"> {
    for (const timer of press.timers) timer.stop();
    open = open.filter((one) => one !== press);
    const { facts, background } = outcome(press, cut);
    answers.learn(background, now());
    return facts;
  }

  function judge(press: Press): void {
    look(press);
    press.open.done(finish(press, false));
  }

  /** The visual probe: only while the pointer rests, for hover effects are no answers. */
  function look(press: Press): void {
    const settled = (element: Element) =>
      !answers.restless(element, press) && ![...press.excused].some((one) => within(element, one));
    if (press.before.values().some(settled)) answers.answer(press, "value", now());
    const moved = Math.hypot(pointerAt.x - press.at.x, pointerAt.y - press.at.y);
    const away = press.facts.pointer === "mouse" && moved > 10;
    if (!away && press.before.looks().some(settled)) answers.answer(press, "visual", now());
  }

  function onPointerDown(event: PointerEvent): void {
    const t = event.timeStamp;
    answers.input(t);
    if (event.button !== 0 || !event.isPrimary) return;
    const path = event.composedPath();
    mutations.enter(path);
    pointerAt = { x: event.clientX, y: event.clientY };
    const pressed = hit(event.clientX, event.clientY, path);
    if (!pressed || privacy.policy.ignored(pressed)) return;
    held = begin(pressable(pressed).element, event, t);
    gesture.enter(held, "down");
  }

  function onMouseDown(event: MouseEvent): void {
    if (event.button !== 0 || !held) return;
    const press = held;
    press.facts.detail = event.detail;
    gesture.enter(press, "down", () => {
      if (event.defaultPrevented || press.facts.target?.disabled) return;
      const { element } = press;
      // The browser opens a list that no page can see.
      const list = element.localName === "select" ? (element as HTMLSelectElement) : undefined;
      if (list && !list.multiple && list.size < 2) answers.answer(press, "visual", now());
    });
  }

  function release(event: PointerEvent): void {
    const press = held;
    if (!press) return;
    press.facts.hold_ms = Math.max(0, Math.round(event.timeStamp - press.t0));
    press.facts.drag_px = distance(press, event);
    press.released = event.timeStamp;
    gesture.enter(press, "up");
    held = undefined;
    for (const ms of PROBES_MS) press.timers.push(guard.later(() => look(press), ms));
  }

  function distance({ at }: Press, to: MouseEvent): number {
    return Math.round(Math.hypot(to.clientX - at.x, to.clientY - at.y));
  }

  function onCancel(event: PointerEvent): void {
    const press = held;
    held = undefined;
    if (!press) return;
    if (event.pointerType !== "mouse") {
      // The finger scrolled or held: that was no press.
      for (const timer of press.timers) timer.stop();
      open = open.filter((one) => one !== press);
      press.open.drop();
    }
  }

  function selection(): string {
    const active = document.activeElement as HTMLInputElement | null;
    const field = active && editable(active) ? active : undefined;
    try {
      if (field?.selectionStart != null) return `${field.selectionStart}-${field.selectionEnd}`;
    } catch {
      return ""; // number and e-mail fields do not tell
    }
    const { type, anchorOffset, focusOffset } = getSelection() ?? {};
    return type === "Range" ? `${anchorOffset}-${focusOffset}-${getSelection()}` : "";
  }

  function onSelection(): void {
    const after = selection();
    if (after === selected) return;
    const press = held ?? (newest && now() - (newest.released ?? 0) <= 100 ? newest : undefined);
    if (!press) {
      selected = after;
      return;
    }
    // Pressing a button takes the selection away from a text: that is not the press's purpose.
    selected = after;
    if (!after && press.facts.target?.interactive) return;
    press.facts.selection_changed = true;
    if (!press.facts.target?.editable) answers.answer(press, "selection", now());
  }

  function onClick(event: MouseEvent): void {
    const t = event.timeStamp;
    const source = event.composedPath().find((one) => isElement(one)) as Element | undefined;
    if (!source) return;
    const pointer = event as PointerEvent;
    const recent =
      newest && (newest.released ?? newest.t0) >= t - AFTER_RELEASE_MS ? newest : undefined;
    const simulated = event.detail === 0 && !(pointer.pointerId > 0);
    if (recent && !(simulated && !related(recent, source))) {
      if (event.isTrusted && event.detail) recent.facts.detail = event.detail;
      follow(recent, event, source);
      return;
    }
    if (gesture.task() || privacy.policy.ignored(source)) return; // a script's, inside a press
    const active = document.activeElement;
    if (event.isTrusted && active && editable(active) && !within(active, source)) return; // Enter
    mutations.enter(event.composedPath());
    const press = begin(pressable(source).element, event, t);
    press.released = t;
    for (const ms of PROBES_MS) press.timers.push(guard.later(() => look(press), ms));
    follow(press, event, source);
  }

  /** A click without a pointer that belongs to *press*: its label's control, its own script. */
  function related(press: Press, source: Element): boolean {
    if (gesture.task() === press) return true;
    return labelled(press.element) === source || within(source, press.element);
  }

  function follow(press: Press, event: MouseEvent, source: Element): void {
    gesture.enter(press, "up", () => {
      look(press); // values that handlers have set
      if (!event.defaultPrevented) natural(press, source);
    });
  }

  /** What the browser itself does for a click that the page lets through. */
  function natural(press: Press, source: Element): void {
    const t = now();
    const link = linkOf(source);
    const kind = hrefKind(link);
    if (kind === "download") answers.answer(press, "download", t);
    if (kind === "new_tab" || kind === "mail") answers.answer(press, "open", t);
    if (kind === "same") press.leading = link?.origin !== "null";
    const field = source.closest("input");
    if (field?.type === "file" && !field.disabled) answers.answer(press, "file", t);
    if (field?.type === "color" && !field.disabled) answers.answer(press, "visual", t);
  }

  function onFocus(event: FocusEvent): void {
    const element = event.composedPath()[0] as Element;
    const press = gesture.task() ?? held;
    if (!press || !isElement(element)) return;
    if (within(press.element, element) && !editable(element)) return; // itself or what is around it
    answers.answer(press, "focus", now());
  }

  function onValue(event: Event): void {
    const field = event.target as Element;
    if (event.isTrusted && editable(field)) {
      typedAt = now(); // typing, or leaving a field: no answer to a press
      answers.input(typedAt);
      return;
    }
    signals.reaction.send({ kind: "value", t: now(), node: field });
  }

  function onScroll(): void {
    const t = now();
    if (t - wheelAt <= SCROLL_MS) return;
    if (held) held.facts.scrolled = true;
    const press = newest;
    if (!press || !open.includes(press)) return;
    if (t - Math.max(press.t0, press.released ?? 0) <= SCROLL_MS)
      answers.answer(press, "scroll", t);
  }

  function onLeaving(t: number): void {
    const press = newest;
    if (!press || !open.includes(press)) return;
    press.leading = false;
    answers.answer(press, "navigation", t);
  }

  const navigation = (window as { navigation?: EventTarget }).navigation;
  const stops = all([
    gesture,
    observeEffects(scope),
    guard.listen<PointerEvent>(window, "pointerdown", onPointerDown),
    guard.listen<MouseEvent>(window, "mousedown", onMouseDown),
    guard.listen<PointerEvent>(window, "pointerup", release),
    guard.listen<PointerEvent>(window, "pointercancel", onCancel),
    guard.listen<MouseEvent>(window, "mouseup", () => {
      const press = newest;
      if (press?.released !== undefined && now() - press.released < 50) gesture.enter(press, "up");
    }),
    guard.listen<MouseEvent>(window, "click", onClick),
    guard.listen<DragEvent>(window, "dragend", (event) => {
      if (newest) newest.facts.drag_px = distance(newest, event);
    }),
    guard.listen<PointerEvent>(window, "pointermove", (event) => {
      pointerAt = { x: event.clientX, y: event.clientY };
    }),
    guard.listen<KeyboardEvent>(window, "keydown", (event) => {
      answers.input(event.timeStamp);
      if (modifiers(event) === undefined) wheelAt = now(); // arrows and space scroll by themselves
    }),
    guard.listen(window, ["wheel", "touchmove"], () => {
      wheelAt = now();
    }),
    guard.listen<FocusEvent>(window, "focusin", onFocus),
    // After the last handler of the page, if none of them stops the event.
    guard.listen(window, HANDLED, gesture.dispatched, { passive: true }),
    guard.listen(window, ["input", "change", "reset"], onValue),
    guard.listen(window, "invalid", () => {
      const press = gesture.task();
      if (press) answers.answer(press, "visual", now()); // the browser's own bubble
    }),
    guard.listen(document, "scroll", onScroll),
    guard.listen(document, "selectionchange", onSelection),
    guard.listen(window, "focus", (event) => {
      if (event.target === window && blurred) focusedAt = now();
    }),
    guard.listen(window, "blur", (event) => {
      if (event.target !== window) {
        if (held) gesture.blur();
        return;
      }
      blurred = true;
      const press = newest;
      if (press && now() - press.t0 <= VISIBILITY_MS && open.includes(press)) {
        answers.answer(press, "visibility", now());
      }
    }),
    signals.mutations.on(({ records, t }) => answers.mutated(records, t)),
    signals.reaction.on((reaction) => {
      if (reaction.kind === "value" && reaction.t - typedAt <= 50) return; // the recorder's echo
      answers.reacted(reaction);
    }),
    signals.leaving.on(onLeaving),
    signals.navigation.on(({ t }) => answers.reacted({ kind: "navigation", t })),
    signals.requestStart.on((request) => {
      if (!request.awaited || !request.action) return;
      const { i, press: of } = request.action;
      open.find((press) => press.open.i === (of ?? i))?.requests.push(request);
    }),
    signals.error.on(({ t, firstParty }) => {
      if (!firstParty) return;
      const press = gesture.task() ?? open[open.length - 1];
      if (press) press.facts.error_ms ??= Math.max(0, t - press.t0);
    }),
    navigation
      ? guard.listen<NavigateLike>(navigation, "navigate", (event) => {
          const press = gesture.task() ?? newest;
          if (!press || !open.includes(press) || event.hashChange) return;
          if (event.downloadRequest != null) answers.answer(press, "download", now());
          else if (event.destination?.sameDocument !== true) press.leading = true;
        })
      : { stop: () => {} },
  ]);

  return {
    ...stops,
    pressOf: (t) => {
      const press = gesture.task() ?? newest;
      return press && t - press.t0 <= 1000 ? press.open.i : undefined;
    },
    early: (items) => {
      for (const item of items) {
        if (item.kind !== "press") continue;
        const { event, path, t } = item;
        const element = path.find((one) => isElement(one)) as Element | undefined;
        if (!element?.isConnected || event.button !== 0 || !event.isPrimary) continue;
        const pressed = pressable(element).element;
        if (privacy.policy.ignored(pressed)) continue;
        const target = scope.describe(pressed);
        emit("click", { target, ...pressFacts(pressed, event, privacy), cut: true }, t);
      }
    },
  };
}
