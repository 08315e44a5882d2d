// What fingers do beyond pressing: swipes with their outcome, pinches, and turning the device.

import { all, type Stop } from "../guard";
import type { Replies, Reply } from "../press/reply";
import { atEdge, forbidsZoom } from "../press/touch";
import { isElement } from "../privacy/dom";
import type { Emit, Facts, Scope } from "../scope";
import { drawn, pictured } from "../target/surface";
import type { Mutations } from "./mutations";

const SWIPE_PX = 30;
const PINCH = 1.15; // fingers that move by less apart or together only rest on the screen
const REPLY_MS = 1000;
const MOST = 200; // swipes and pinches a page load

interface Touching {
  element: Element;
  from: { x: number; y: number };
  to: { x: number; y: number };
  fingers: number;
  spread: { from: number; to: number };
  zoom: number; // of the page, when the second finger came down
  reply: Reply;
}

export function observeGestures(
  emit: Emit,
  scope: Scope,
  mutations: Mutations,
  replies: Replies,
): Stop {
  const { guard, privacy, now } = scope;
  const waiting = new Set<Stop>();
  let touching: Touching | undefined;
  let told = 0;

  function onStart(event: TouchEvent): void {
    const { touches, isTrusted } = event;
    if (!isTrusted) return;
    const [first] = touches;
    if (touches.length === 1 && first) {
      touching?.reply.stop();
      const path = event.composedPath();
      const element = path.find(isElement);
      touching = undefined;
      if (!element || privacy.policy.ignored(element)) return;
      mutations.enter(path);
      touching = {
        element,
        from: point(first),
        to: point(first),
        fingers: 1,
        spread: { from: 0, to: 0 },
        zoom: zoomed(),
        reply: replies.wait(element),
      };
    } else if (touching) {
      touching.fingers = Math.max(touching.fingers, touches.length);
      const apart = spread(touches);
      touching.spread = { from: apart, to: apart };
      touching.zoom = zoomed();
    }
  }

  function onMove({ touches }: TouchEvent): void {
    if (!touching) return;
    if (touches.length > 1) touching.spread.to = spread(touches);
    else if (touches[0]) touching.to = point(touches[0]);
  }

  function onEnd({ touches, changedTouches }: TouchEvent): void {
    const touched = touching;
    if (!touched || touches.length) return;
    touching = undefined;
    const [last] = changedTouches;
    if (last) touched.to = point(last);
    if (told >= MOST) touched.reply.stop();
    else if (!pinched(touched) && !swiped(touched)) touched.reply.stop();
    else told++;
  }

  function pinched({ element, fingers, spread, zoom, reply }: Touching): boolean {
    const ratio = spread.from ? spread.to / spread.from : 1;
    if (fingers < 2 || (ratio < PINCH && ratio > 1 / PINCH)) return false;
    reply.stop();
    emit("gesture", {
      kind: "pinch",
      target: scope.describe(element),
      touches: fingers,
      zoom: ratio,
      blocked: zoomed() === zoom && forbidsZoom(element),
      media: pictured(element),
    });
    return true;
  }

  function swiped({ element, from, to, fingers, reply }: Touching): boolean {
    const dx = Math.round(to.x - from.x);
    const dy = Math.round(to.y - from.y);
    const px = Math.round(Math.hypot(dx, dy));
    if (px < SWIPE_PX || getSelection()?.type === "Range") return false; // text was selected
    const facts: Facts<"gesture"> = {
      kind: "swipe",
      target: scope.describe(element),
      touches: fingers,
      dx,
      dy,
      px,
      media: drawn(element),
      at_edge: reply.at() === undefined && atEdge(element, dx, dy),
    };
    const { since } = reply;
    const outcome = (): Facts<"gesture"> => {
      const at = reply.at();
      timer.stop();
      waiting.delete(timer);
      reply.stop();
      return at === undefined ? facts : { ...facts, answered_ms: at - since };
    };
    const open = emit.open("gesture", now(), outcome);
    const timer = guard.later(() => open.done(outcome()), REPLY_MS);
    waiting.add(timer);
    return true;
  }

  const turn = watchTurns(scope, (orientation) => emit("gesture", { kind: "rotate", orientation }));

  return all([
    guard.listen<TouchEvent>(window, "touchstart", onStart),
    guard.listen<TouchEvent>(window, "touchmove", onMove),
    guard.listen<TouchEvent>(window, "touchend", onEnd),
    guard.listen(window, "touchcancel", () => {
      touching?.reply.stop(); // the system took the fingers for itself
      touching = undefined;
    }),
    turn,
    {
      stop: () => {
        touching?.reply.stop();
        for (const timer of waiting) timer.stop();
      },
    },
  ]);
}

type Orientation = NonNullable<Facts<"gesture">["orientation"]>;

function watchTurns({ guard }: Scope, tell: (orientation: Orientation) => void): Stop {
  const { orientation } = screen as { orientation?: ScreenOrientation }; // not in older Safaris
  const now = (): Orientation => {
    const upright = orientation
      ? orientation.type.startsWith("portrait")
      : matchMedia("(orientation: portrait)").matches;
    return upright ? "portrait" : "landscape";
  };
  let before = now();
  const turned = () => {
    const after = now();
    if (after !== before) tell(after);
    before = after;
  };
  return orientation
    ? guard.listen(orientation, "change", turned)
    : guard.listen(window, "orientationchange", () => guard.later(turned, 100));
}

function point({ clientX, clientY }: Touch): { x: number; y: number } {
  return { x: clientX, y: clientY };
}

// On the screen: a page that zooms along keeps what lies under two fingers under them, so that on the page they
// move little or not at all.
function spread([one, other]: TouchList): number {
  return one && other ? Math.hypot(one.screenX - other.screenX, one.screenY - other.screenY) : 0;
}

function zoomed(): number {
  return window.visualViewport?.scale ?? 1;
}
