// What stands in the way of fingers: pages that forbid zooming, and places that are at their end.

import { parentOf } from "../privacy/dom";

const ANCESTORS = 12;

/** Zooming by fingers is forbidden: by the viewport meta, or by `touch-action` around *element*. */
export function forbidsZoom(element: Element): boolean {
  const content = document.querySelector("meta[name=viewport]")?.getAttribute("content") ?? "";
  if (/user-scalable\s*=\s*(no|0)|maximum-scale\s*=\s*(0|1(\.0*)?)\s*(,|;|$)/i.test(content)) {
    return true;
  }
  let at: Element | null = element;
  for (let depth = 0; at && depth < ANCESTORS; depth++, at = parentOf(at)) {
    const { touchAction } = getComputedStyle(at);
    if (touchAction && !/auto|manipulation|pinch-zoom/.test(touchAction)) return true;
  }
  return false;
}

/** What a swipe by *dx*, *dy* would scroll is at its end; the page itself ends upwards and down. */
export function atEdge(element: Element, dx: number, dy: number): boolean {
  const upright = Math.abs(dy) >= Math.abs(dx);
  let found = false;
  for (let at: Element | null = element; at; at = parentOf(at)) {
    const page = at === document.scrollingElement;
    if (!page && !/auto|scroll/.test(overflow(at, upright))) continue;
    const [start, size, whole] = upright
      ? [at.scrollTop, at.clientHeight, at.scrollHeight]
      : [at.scrollLeft, at.clientWidth, at.scrollWidth];
    if (whole <= size && !(page && upright)) continue; // nothing to scroll
    const back = (upright ? dy : dx) > 0;
    if (back ? start > 0 : start + size < whole - 1) return false;
    found = true;
  }
  return found;
}

function overflow(element: Element, upright: boolean): string {
  const { overflowX, overflowY } = getComputedStyle(element);
  return upright ? overflowY : overflowX;
}
