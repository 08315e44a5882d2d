// What the visitor's hands do in a document: pointer, presses, selection; and what follows at once:
// scrolling, the size of the window, media.

import type { Guard } from "../guard";
import { elementOf, isElement } from "../privacy/dom";
import type { Policy } from "../privacy/policy";
import { kind } from "./read";
import type { Tree } from "./tree";

export interface HandsContext {
  guard: Guard;
  policy: Policy;
  tree: Tree;
  signal: AbortSignal;
  now(): number;
  emit(source: number, data: object): void;
  /** The visitor acts: what follows should not wait. */
  acted(): void;
}

export interface Hands {
  document(target: Document): void;
  /** What does not leave a shadow root: scrolling and media. */
  root(target: Document | ShadowRoot): void;
}

const MOVE = 1;
const INTERACTION = 2;
const SCROLL = 3;
const RESIZE = 4;
const TOUCH_MOVE = 6;
const MEDIA = 7;
const DRAG = 12;
const SELECTION = 14;

const MOVES: Record<string, number> = { mousemove: MOVE, touchmove: TOUCH_MOVE, drag: DRAG };
const PRESSES: Record<string, number> = {
  pointerup: 0,
  pointerdown: 1,
  click: 2,
  contextmenu: 3,
  dblclick: 4,
  touchcancel: 10,
};
const PLAYS: Record<string, number> = {
  play: 0,
  pause: 1,
  seeked: 2,
  volumechange: 3,
  ratechange: 4,
};
const TOUCH_UP = 9;
const TOUCH_DOWN = 7;

const MOVE_MS = 50; // between two positions
const MOVES_MS = 500; // between two events of positions
const SCROLL_MS = 100;
const SIZE_MS = 200;
const SELECTION_MS = 100;
const MEDIA_MS = 500; // a slider of the volume, scrubbing

export function makeHands(context: HandsContext): Hands {
  const { guard, policy, tree, signal, now, emit, acted } = context;

  const listen = <E extends Event>(on: EventTarget, types: string[], hear: (event: E) => void) =>
    guard.listen(on, types, hear, { capture: true, passive: true, signal });

  /** Call *tell* with what was collected, at most every *ms*. */
  function every<T>(ms: number, tell: (found: Set<T>) => void): (one: T) => void {
    let found = new Set<T>();
    let waits = false;
    return (one) => {
      found.add(one);
      if (waits) return;
      waits = true;
      guard.later(() => {
        waits = false;
        const told = found;
        found = new Set();
        if (!signal.aborted) tell(told);
      }, ms);
    };
  }

  const hit = (event: Event) => (event.composedPath()[0] ?? event.target) as Node | null;

  interface Position {
    x: number;
    y: number;
    node: Node | null;
    t: number;
    source: number;
  }
  let movedAt = Number.NEGATIVE_INFINITY;
  const moved = every<Position>(MOVES_MS, (found) => {
    const t = now();
    for (const source of [MOVE, TOUCH_MOVE, DRAG]) {
      const positions = [...found]
        .filter((one) => one.source === source)
        .map(({ x, y, node, t: at }) => ({ x, y, id: idOf(node), timeOffset: at - t }));
      if (positions.length) emit(source, { positions });
    }
  });

  const idOf = (node: Node | null) => {
    const found = tree.nearest(node);
    return found ? tree.known(found).id : -1;
  };

  function point(event: Event): { x: number; y: number } {
    const one = (event as TouchEvent).changedTouches?.[0] ?? (event as MouseEvent);
    return { x: Math.round(one.clientX ?? 0), y: Math.round(one.clientY ?? 0) };
  }

  function move(event: Event): void {
    const t = now();
    if (t - movedAt < MOVE_MS) return;
    movedAt = t;
    moved({ ...point(event), node: hit(event), t, source: MOVES[event.type] ?? MOVE });
  }

  function press(event: Event): void {
    acted();
    const node = hit(event);
    if (!node || policy.blocked(elementOf(node))) return;
    let type = PRESSES[event.type] as number;
    if ((event as PointerEvent).pointerType === "touch" && type < 2)
      type = type ? TOUCH_DOWN : TOUCH_UP;
    emit(INTERACTION, { type, id: idOf(node), ...point(event) });
  }

  const scrolled = every<Node>(SCROLL_MS, (found) => {
    for (const node of found) {
      const place = (
        kind(node) === 9 ? (node as Document).scrollingElement : node
      ) as Element | null;
      if (!place || !tree.has(node)) continue;
      emit(SCROLL, { id: tree.known(node).id, x: place.scrollLeft, y: place.scrollTop });
    }
  });

  const played = (element: HTMLMediaElement, type: number) => {
    if (!tree.has(element)) return;
    const { currentTime, volume, muted, playbackRate, loop } = element;
    const id = tree.known(element).id;
    emit(MEDIA, { type, id, currentTime, volume, muted, playbackRate, loop });
  };
  const adjusted = [2, 3, 4].map((type) =>
    every<HTMLMediaElement>(MEDIA_MS, (found) => {
      for (const element of found) played(element, type);
    }),
  );

  let collapsed = true;
  const selected = every<Document>(SELECTION_MS, (found) => {
    for (const one of found) {
      const selection = one.getSelection();
      if (!selection || (collapsed && selection.isCollapsed)) continue;
      collapsed = selection.isCollapsed;
      const ranges = [];
      for (let i = 0; i < selection.rangeCount; i++) {
        const range = selection.getRangeAt(i);
        const { startContainer, startOffset, endContainer, endOffset } = range;
        if (!tree.has(startContainer) || !tree.has(endContainer)) continue;
        const [start, end] = [tree.known(startContainer).id, tree.known(endContainer).id];
        ranges.push({ start, startOffset, end, endOffset });
      }
      emit(SELECTION, { ranges });
    }
  });

  const sized = every<number>(SIZE_MS, () =>
    emit(RESIZE, { width: innerWidth, height: innerHeight }),
  );
  listen(window, ["resize"], () => sized(0));

  return {
    document: (target) => {
      listen(target, Object.keys(MOVES), move);
      listen(target, Object.keys(PRESSES), press);
      listen(target, ["selectionchange"], () => selected(target));
    },
    root: (target) => {
      listen(target, ["scroll"], (event) => scrolled(event.target as Node));
      listen(target, Object.keys(PLAYS), (event) => {
        const type = PLAYS[event.type] as number;
        if (!isElement(event.target)) return;
        const element = event.target as HTMLMediaElement;
        const adjust = adjusted[type - 2];
        if (adjust) adjust(element);
        else played(element, type);
      });
    },
  };
}
