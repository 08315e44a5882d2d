// What lies under a press: through shadow roots, and controls that browsers keep presses from.

import { isElement, within } from "../privacy/dom";
import { pressable } from "../target/pressable";

const CONTROLS =
  'button,a,input,select,textarea,[role="button"],[role="link"],[role="tab"],[role="menuitem"],[tabindex]';
const LOOKED_AT = 300;

/** The element pressed at (*x*, *y*), given the path of the browser's event. */
export function hit(x: number, y: number, path: EventTarget[]): Element | undefined {
  const told = path.find((one) => isElement(one)) as Element | undefined;
  const under = deepest(x, y, told?.ownerDocument);
  // A disabled control is under the pointer though its parent was told of the press.
  const element = told && under && !within(told, under) ? under : (told ?? under);
  if (!element) return undefined;
  if (pressable(element).why) return element;
  return untouchable(element, x, y) ?? element;
}

export function deepest(x: number, y: number, page = document): Element | undefined {
  let found = page.elementFromPoint(x, y) ?? undefined;
  while (found?.shadowRoot) {
    const inner: Element | null = found.shadowRoot.elementFromPoint(x, y);
    if (!inner || inner === found) break;
    found = inner;
  }
  return found;
}

/** A control at the point that `pointer-events: none` or `inert` hides from every hit test. */
function untouchable(inside: Element, x: number, y: number): Element | undefined {
  const controls = inside.querySelectorAll(CONTROLS);
  for (let i = Math.min(controls.length, LOOKED_AT) - 1; i >= 0; i--) {
    const control = controls[i] as Element;
    const box = control.getBoundingClientRect();
    if (x < box.left || x > box.right || y < box.top || y > box.bottom) continue;
    const style = getComputedStyle(control);
    const passed = style.pointerEvents === "none" || control.closest("[inert]") !== null;
    if (passed && style.visibility === "visible") return control;
  }
  return undefined;
}

/** The press is on a scrollbar of *element*. */
export function onScrollbar(element: Element, x: number, y: number): boolean {
  const { documentElement: root, body, defaultView } = element.ownerDocument;
  const { innerWidth, innerHeight } = defaultView ?? window;
  if (x >= root.clientWidth && innerWidth > root.clientWidth) return true;
  if (y >= root.clientHeight && innerHeight > root.clientHeight && root.clientHeight > 0)
    return true;
  if (element === root || element === body) return false;
  const { clientLeft, clientTop, clientWidth, clientHeight } = element;
  const box = element as HTMLElement;
  if (box.offsetWidth === undefined || !clientWidth) return false; // SVG, inline
  const rect = element.getBoundingClientRect();
  const wide = box.offsetWidth - clientWidth - 2 * clientLeft > 4;
  const high = box.offsetHeight - clientHeight - 2 * clientTop > 4;
  return (
    (wide && x >= rect.left + clientLeft + clientWidth) ||
    (high && y >= rect.top + clientTop + clientHeight)
  );
}
