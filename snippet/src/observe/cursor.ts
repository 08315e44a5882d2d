// A mouse pointer that shakes, or rests on something pressable. Only numbers are kept of its way.

import { all, type Stop } from "../guard";
import { isElement } from "../privacy/dom";
import type { Emit, Scope } from "../scope";
import { pressable } from "../target/pressable";
import { drawn } from "../target/surface";

const SAMPLE_MS = 50;
const STEP_PX = 12; // shorter is a hand's tremor
const SHAKE_MS = 2000;
const TURNS = 4;
const REST_MS = 3000;
const REST_PX = 40;
const MOST = 60; // of each kind a page load

interface Step {
  t: number;
  x: number;
  y: number;
  px: number;
  turn: boolean;
}

export function observeCursor(emit: Emit, scope: Scope): Stop {
  const { guard, signals, privacy } = scope;
  let steps: Step[] = [];
  let way = { x: 0, y: 0 }; // the last step's
  let shaking: Stop | undefined;
  let rest: { x: number; y: number; t: number } | undefined;
  let over: Element | undefined;
  let sampled = Number.NEGATIVE_INFINITY;
  const left = { shake: MOST, rest: MOST };

  /** The element to tell of, if there is still one to tell. */
  function place(kind: "shake" | "rest"): Element | undefined {
    if (!over?.isConnected || privacy.policy.ignored(over)) return undefined;
    return left[kind]-- > 0 ? over : undefined;
  }

  function step(t: number, x: number, y: number): void {
    const last = steps[steps.length - 1];
    const dx = x - (last?.x ?? x);
    const dy = y - (last?.y ?? y);
    const px = Math.hypot(dx, dy);
    if (last && px < STEP_PX) return;
    const turn = (way.x || way.y) && px ? dx * way.x + dy * way.y <= 0 : false;
    way = { x: dx, y: dy };
    steps.push({ t, x, y, px, turn });
    if (shaking) return;
    steps = steps.filter((one) => t - one.t <= SHAKE_MS);
    if (steps.filter((one) => one.turn).length < TURNS) return;
    // From the step before the first turn on; two seconds of it are one shake.
    const first = Math.max(0, steps.findIndex((one) => one.turn) - 2);
    steps = steps.slice(first);
    shaking = guard.later(shook, SHAKE_MS - (t - (steps[0]?.t ?? t)));
  }

  function shook(): void {
    if (!shaking) return;
    shaking.stop();
    shaking = undefined;
    const [first] = steps;
    const last = steps[steps.length - 1];
    const moves = steps.slice(1);
    steps = [];
    const element = place("shake");
    if (!element || !first || !last) return;
    const path = moves.reduce((sum, { px }) => sum + px, 0);
    const net = Math.hypot(last.x - first.x, last.y - first.y);
    const duration = Math.max(1, last.t - first.t);
    emit("cursor", {
      kind: "shake",
      target: scope.describe(pressable(element).element),
      turns: moves.filter(({ turn }) => turn).length,
      path_px: Math.round(path),
      net_px: Math.round(net),
      net_share: path ? net / path : 0,
      duration_ms: Math.round(duration),
      speed: Math.round((path / duration) * 1000),
      media: drawn(element),
    });
  }

  function rested(t: number): void {
    const begun = rest?.t;
    rest = undefined;
    if (begun === undefined || t - begun < REST_MS || !over?.isConnected) return;
    const found = pressable(over);
    if (!found.why || !place("rest")) return;
    emit("cursor", {
      kind: "rest",
      target: scope.describe(found.element),
      duration_ms: Math.round(t - begun),
      media: drawn(found.element),
    });
  }

  function onMove(event: PointerEvent): void {
    const { timeStamp: t, clientX: x, clientY: y } = event;
    if (event.pointerType !== "mouse" || event.buttons || !event.isTrusted) return;
    const still = rest && Math.hypot(x - rest.x, y - rest.y) <= REST_PX;
    if (!still) {
      rested(t);
      rest = { x, y, t };
    }
    const under = event.composedPath()[0];
    if (isElement(under)) over = under;
    if (t - sampled < SAMPLE_MS) return;
    sampled = t;
    step(t, x, y);
  }

  /** Something else begins, or the page moves under the pointer: what was so far is over. */
  function end({ timeStamp }: { timeStamp: number }): void {
    shook();
    rested(timeStamp);
    steps = [];
  }

  return all([
    guard.listen<PointerEvent>(window, "pointermove", onMove),
    guard.listen(window, ["pointerdown", "keydown", "wheel", "blur"], end),
    guard.listen(document, ["visibilitychange", "scroll"], end),
    guard.listen<PointerEvent>(document, "pointerout", (event) => {
      if (!event.relatedTarget) end(event); // the pointer left the window
    }),
    signals.route.on(({ t }) => end({ timeStamp: t })),
    signals.leaving.on((t) => end({ timeStamp: t })),
    { stop: () => shaking?.stop() },
  ]);
}
