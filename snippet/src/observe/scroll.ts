// Scrolling, in legs: movement in one direction, ended by a turn, by 1 s of rest or by a press of
// the mouse. How far it went, and whether a hand moved it.

import { all, type Stop } from "../guard";
import { onScrollbar } from "../press/hit";
import { isElement } from "../privacy/dom";
import { across, hear } from "../roots";
import type { Emit, Scope } from "../scope";

const SAMPLE_MS = 100; // positions are read this often: reading may cost a layout
const REST_MS = 1000;
const LEAST_PX = 50;
const TURN_PX = 10; // less is a bounce
const MOST = 120; // legs a page view
const HAND_MS = 500; // smooth scrolling goes on as long after the wheel or key
const MOMENTUM_MS = 3000; // ... and after a finger
const KEYS = /^(Arrow|Page|Home|End|Tab| )/;

interface Leg {
  scroller: Element;
  from: number;
  to: number;
  sampled: number;
  moved: number;
  byHand: boolean;
  timer: Stop | undefined;
}

export function observeScroll(emit: Emit, scope: Scope): Stop {
  const { guard, signals, privacy, now } = scope;
  const legs = new Map<Element, Leg>();
  const rested = new WeakMap<Element, number>(); // where a scroller stood after its last leg
  let deepest = new WeakMap<Element, number>();
  let told = 0;
  let handUntil = Number.NEGATIVE_INFINITY;
  let held = false;

  function hand(ms: number): void {
    handUntil = Math.max(handUntil, now() + ms);
  }

  function handed(t: number): boolean {
    return held || t <= handUntil;
  }

  function onScroll({ target }: Event): void {
    const scroller = isElement(target) ? target : (target as Document).scrollingElement;
    if (!scroller) return;
    const t = now();
    const leg = legs.get(scroller) ?? begin(scroller, rested.get(scroller) ?? 0);
    leg.moved = t;
    if (handed(t)) leg.byHand = true;
    if (t - leg.sampled >= SAMPLE_MS) sample(leg, t);
  }

  function begin(scroller: Element, from: number): Leg {
    const leg: Leg = {
      scroller,
      from,
      to: from,
      sampled: Number.NEGATIVE_INFINITY,
      moved: now(),
      byHand: false,
      timer: undefined,
    };
    legs.set(scroller, leg);
    rest(leg, REST_MS);
    return leg;
  }

  function rest(leg: Leg, ms: number): void {
    leg.timer = guard.later(() => {
      const left = REST_MS - (now() - leg.moved);
      if (left > 0) rest(leg, left);
      else end(leg);
    }, ms);
  }

  function sample(leg: Leg, t: number): void {
    leg.sampled = t;
    const at = leg.scroller.scrollTop;
    const way = leg.to - leg.from;
    const back = (at - leg.to) * Math.sign(way) <= -TURN_PX;
    if (way && back) {
      const { scroller, to } = leg;
      finish(leg);
      const next = begin(scroller, to);
      next.to = at;
      next.sampled = t;
      next.byHand = handed(t);
    } else if (!way || (at - leg.to) * way > 0) {
      leg.to = at;
    }
  }

  function end(leg: Leg, path?: string): void {
    sample(leg, now());
    const last = legs.get(leg.scroller); // a turn may have begun another
    if (last) finish(last, path);
  }

  function finish(leg: Leg, path?: string): void {
    const { scroller, from, to, byHand } = leg;
    leg.timer?.stop();
    legs.delete(scroller);
    rested.set(scroller, to);
    const { clientHeight: height, scrollHeight } = scroller;
    if (!height || privacy.policy.ignored(scroller)) return;
    const depth = Math.min(1, (Math.max(from, to) + height) / scrollHeight);
    deepest.set(scroller, Math.max(deepest.get(scroller) ?? 0, depth));
    const px = Math.round(Math.abs(to - from));
    if (px < LEAST_PX || ++told > MOST) return;
    emit(
      "scroll",
      {
        ...(scroller === document.scrollingElement ? {} : { target: scope.describe(scroller) }),
        direction: to > from ? "down" : "up",
        px,
        screens: px / height,
        depth: deepest.get(scroller) ?? depth,
        pages: scrollHeight / height,
        programmatic: !byHand,
      },
      undefined,
      path,
    );
  }

  function endAll(path?: string): void {
    for (const leg of [...legs.values()]) end(leg, path);
  }

  // Elements begin at their top; the page may have been scrolled before the recorder was there.
  const page = document.scrollingElement;
  if (page) rested.set(page, page.scrollTop);

  return all([
    hear(scope, "scroll", onScroll),
    across(scope, "wheel", () => hand(HAND_MS)),
    across(scope, "touchmove", () => hand(MOMENTUM_MS)),
    across<KeyboardEvent>(scope, "keydown", ({ key, isTrusted }) => {
      if (isTrusted && KEYS.test(key)) hand(HAND_MS);
    }),
    across<PointerEvent>(scope, "pointerdown", (event) => {
      if (!event.isTrusted) return;
      held = true;
      const element = event.composedPath().find(isElement);
      if (element && onScrollbar(element, event.clientX, event.clientY)) hand(HAND_MS);
      if (event.pointerType === "mouse") endAll(); // what is pressed now comes after it
    }),
    across(scope, ["pointerup", "pointercancel"], () => {
      held = false;
    }),
    across<PointerEvent>(scope, "pointermove", ({ buttons }) => {
      if (!buttons) held = false; // a scrollbar does not tell that it was let go
    }),
    signals.route.on(({ path }) => {
      endAll(path);
      told = 0;
      deepest = new WeakMap();
    }),
    signals.leaving.on(() => endAll()),
    {
      stop: () => {
        for (const { timer } of legs.values()) timer?.stop();
        legs.clear();
      },
    },
  ]);
}
