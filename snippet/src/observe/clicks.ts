// Presses: one `click` event each, from pointerdown (time zero) to its outcome 2.5 s later.

import type { Early } from "../config";
import { all, type Stop } from "../guard";
import { activates } from "../press/activation";
import { makeAnswers } from "../press/answers";
import type { Background } from "../press/background";
import { markup } from "../press/changes";
import { observeEffects } from "../press/effects";
import { pressFacts } from "../press/facts";
import { makeGesture } from "../press/gesture";
import { hit } from "../press/hit";
import { missed } from "../press/miss";
import { clickAnswer, leads, opensList } from "../press/native";
import { surroundings } from "../press/near";
import { outcome, type Press, WINDOW_MS } from "../press/outcome";
import { probe } from "../press/probe";
import { observeSigns } from "../press/signs";
import { focused, isElement, within } from "../privacy/dom";
import { across, timeOf } from "../roots";
import type { Emit, Facts, Scope } from "../scope";
import { editable, labelled, pressable } from "../target/pressable";
import type { Mutations } from "./mutations";

export interface Clicks extends Stop {
  /** Presses from before the recorder was there: their outcome was not seen. */
  early(items: Early[]): void;
  /** The press whose task runs now, or the newest within 1 s. */
  pressOf(t: number): number | undefined;
  /** What the changes before *t0* say of *change*. */
  judge: Background["judge"];
}

const STAYS_MS = 10_000; // a page that has not come by then will not
const PROBES_MS = [60, 400]; // after the release; and once more when it is judged
const HANDLED = ["pointerdown", "mousedown", "pointerup", "mouseup", "click", "keydown"];
const REFOCUS_MS = 5000;
const LINK_MS = 1000;
const AFTER_RELEASE_MS = 700; // a click later than that is not the pointer's
const MOUSE_MS = 50; // from the pointer's event to the mouse's
const HOVER_PX = 10; // moved further, what is seen may be the hover's doing

export function observeClicks(emit: Emit, scope: Scope, mutations: Mutations): Clicks {
  const { guard, signals, privacy, now } = scope;
  const gesture = makeGesture(guard);
  let open: Press[] = [];
  let held: Press | undefined;
  let newest: Press | undefined;
  let dragged: Press | undefined; // by the browser, which tells of no pointer meanwhile
  let pointerAt = { x: 0, y: 0 };

  const presses = { open: () => open, held: () => held, newest: () => newest };
  const answers = makeAnswers({ gesture, presses: presses.open });
  const signs = observeSigns({
    guard,
    signals,
    roots: scope.roots,
    now,
    gesture,
    answers,
    presses,
  });

  function begin(element: Element, event: MouseEvent | KeyboardEvent, t: number): Press {
    const target = scope.describe(element);
    const around = surroundings(element);
    const facts: Facts<"click"> = { target, ...pressFacts(element, event, privacy) };
    if (!target.interactive) {
      Object.assign(
        facts,
        missed(element, { ...facts, ...pointOf(event) }, scope.describe, privacy.policy),
      );
    }
    signs.begun();
    const refocus = signs.sinceFocus(t);
    if (refocus !== undefined && refocus <= REFOCUS_MS) facts.refocus_ms = refocus;
    const press: Press = {
      open: emit.open("click", t, () => finish(press, now() - press.t0 < WINDOW_MS)),
      t0: Math.round(t),
      key: target.key,
      element,
      at: pointOf(event),
      around,
      facts,
      before: probe(element, around),
      unclear: [],
      excused: new Set(),
      typed: false,
      requests: [],
      leading: undefined,
      // Within a burst the target bears the marks of the press before: the first saw it at rest.
      markup: open.find((one) => one.element === element)?.markup ?? markup([element]),
      timers: [],
    };
    press.timers.push(guard.later(() => judge(press), Math.max(0, WINDOW_MS - (now() - t))));
    open.push(press);
    newest = press;
    signals.action.send({ i: press.open.i, t: press.t0, kind: "click", leads: leads(element) });
    return press;
  }

  function forget(press: Press): void {
    for (const timer of press.timers) timer.stop();
    open = open.filter((one) => one !== press);
  }

  function finish(press: Press, cut: boolean): Facts<"click"> {
    forget(press);
    const { facts, background } = outcome(press, cut);
    answers.learn(background, now());
    return facts;
  }

  function judge(press: Press): void {
    look(press);
    // Longer than its outcome is waited for: how far it has come by now.
    if (press === held) press.facts.drag_px = apart(press.at, pointerAt);
    const { leading, own, shared } = press;
    const end = () => press.open.done(finish(press, false));
    // A page that is slow to come, or a download, which no event tells apart.
    const stayed = () => {
      press.leading = undefined;
      answers.answer(press, "navigation_began", leading as number);
      end();
    };
    if (leading === undefined || own || shared) end();
    else press.timers.push(guard.later(stayed, STAYS_MS));
  }

  /** The visual probe: only while the pointer rests, for hover effects are no answers. */
  function look(press: Press): void {
    const settled = (element: Element) =>
      !answers.restless(element, press) && ![...press.excused].some((one) => within(element, one));
    if (press.before.values().some(settled)) answers.answer(press, "value", now());
    if (press.typed) return;
    const moved = Math.hypot(pointerAt.x - press.at.x, pointerAt.y - press.at.y);
    const away = press.facts.pointer === "mouse" && moved > HOVER_PX;
    if (!away && press.before.looks().some(settled)) answers.answer(press, "visual", now());
  }

  function released(press: Press, t: number): void {
    press.released = t;
    for (const ms of PROBES_MS) press.timers.push(guard.later(() => look(press), ms));
  }

  function onPointerDown(event: PointerEvent): void {
    answers.input(timeOf(event));
    if (event.button !== 0 || !event.isPrimary) return;
    const path = event.composedPath();
    mutations.enter(path);
    dragged = undefined;
    pointerAt = pointOf(event);
    const pressed = hit(event.clientX, event.clientY, path);
    if (!pressed || privacy.policy.ignored(pressed)) return;
    held = begin(pressable(pressed).element, event, timeOf(event));
    gesture.enter(held, "down");
  }

  function onMouseDown(event: MouseEvent): void {
    const press = held ?? lately(timeOf(event)); // of a finger it comes when that is up again
    if (event.button !== 0 || !press) return;
    press.facts.detail = event.detail;
    gesture.enter(press, "down", () => {
      if (!event.defaultPrevented && opensList(press.element)) {
        answers.answer(press, "visual", now());
      }
    });
  }

  function onPointerUp(event: PointerEvent): void {
    const press = held;
    if (!press) return;
    held = undefined;
    letGo(press, event);
    gesture.enter(press, "up");
  }

  function letGo(press: Press, event: MouseEvent): void {
    press.facts.hold_ms = Math.max(0, Math.round(timeOf(event) - press.t0));
    press.facts.drag_px = apart(press.at, pointOf(event));
    released(press, timeOf(event));
  }

  /** The newest press, if the mouse events at *t* are still its. */
  function lately(t: number): Press | undefined {
    const ms = newest?.facts.pointer === "touch" ? AFTER_RELEASE_MS : MOUSE_MS;
    return newest?.released !== undefined && t - newest.released <= ms ? newest : undefined;
  }

  function onCancel(event: PointerEvent): void {
    const press = held;
    held = undefined;
    if (!press) return;
    if (event.pointerType === "mouse") {
      dragged = press;
      return;
    }
    forget(press); // the finger scrolled or held: that was no press
    press.open.drop();
  }

  /** The browser drags: positions come as drag events. */
  function onDrag(event: DragEvent): void {
    const press = dragged;
    const at = pointOf(event);
    if (!press || !(at.x || at.y)) return; // given up, it ends nowhere
    if (event.type === "dragend") {
      dragged = undefined;
      letGo(press, event);
    } else press.facts.drag_px = apart(press.at, at);
  }

  function onKey(event: KeyboardEvent): void {
    const path = event.composedPath();
    const element = path.find(isElement);
    const phase = element && activates(element, event);
    if (!element || !phase || privacy.policy.ignored(element)) return;
    mutations.enter(path);
    const press = begin(element, event, timeOf(event));
    released(press, timeOf(event));
    gesture.enter(press, phase);
  }

  function onClick(event: MouseEvent): void {
    const t = timeOf(event);
    const source = event.composedPath().find(isElement);
    if (!source) return;
    const recent =
      newest && (newest.released ?? newest.t0) >= t - AFTER_RELEASE_MS ? newest : undefined;
    const simulated = event.detail === 0 && !((event as PointerEvent).pointerId > 0);
    if (recent && (!simulated || related(recent, source))) {
      if (event.isTrusted && event.detail) recent.facts.detail = event.detail;
      follow(recent, event, source);
      return;
    }
    if (gesture.task() || privacy.policy.ignored(source)) return; // a script's, inside a press
    const active = focused();
    if (event.isTrusted && active && editable(active) && !within(active, source)) return; // Enter
    mutations.enter(event.composedPath());
    const press = begin(pressable(source).element, event, t);
    released(press, t);
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
      if (event.defaultPrevented) return;
      const kind = clickAnswer(source, event);
      if (kind) answers.answer(press, kind, now());
      else if (leads(source)) press.leading ??= now();
    });
  }

  function early(items: Early[]): void {
    for (const item of items) {
      if (item.kind !== "press") continue;
      const { event, path, t } = item;
      const element = path.find(isElement);
      if (!element?.isConnected || event.button !== 0 || !event.isPrimary) continue;
      const pressed = pressable(element).element;
      if (privacy.policy.ignored(pressed)) continue;
      const target = scope.describe(pressed);
      emit("click", { target, ...pressFacts(pressed, event, privacy), cut: true }, t);
    }
  }

  const stops = all([
    gesture,
    signs,
    observeEffects(scope),
    across<PointerEvent>(scope, "pointerdown", onPointerDown),
    across<MouseEvent>(scope, "mousedown", onMouseDown),
    across<PointerEvent>(scope, "pointerup", onPointerUp),
    across<PointerEvent>(scope, "pointercancel", onCancel),
    across<MouseEvent>(scope, "mouseup", (event) => {
      const press = lately(timeOf(event));
      if (press) gesture.enter(press, "up");
    }),
    across<KeyboardEvent>(scope, "keydown", onKey),
    across<MouseEvent>(scope, "click", onClick),
    // After the last handler of the page, if none of them stops the event.
    across(scope, HANDLED, gesture.dispatched, { passive: true }),
    across<DragEvent>(scope, ["dragover", "dragend"], onDrag),
    across<PointerEvent>(scope, "pointermove", (event) => {
      pointerAt = pointOf(event);
    }),
  ]);

  return {
    ...stops,
    early,
    judge: answers.judge,
    pressOf: (t) => {
      const press = gesture.task() ?? newest;
      return press && t - press.t0 <= LINK_MS ? press.open.i : undefined;
    },
  };
}

interface Point {
  x: number;
  y: number;
}

/** Keys have no point. */
function pointOf(event: MouseEvent | KeyboardEvent): Point {
  const { clientX: x = 0, clientY: y = 0 } = event as MouseEvent;
  return { x, y };
}

function apart(from: Point, to: Point): number {
  return Math.round(Math.hypot(to.x - from.x, to.y - from.y));
}
