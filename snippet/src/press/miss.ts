// A press on nothing pressable: which pressable element is near, and how far away its edge is.

import type { Target } from "../events.gen";
import { closest, within } from "../privacy/dom";
import type { Policy } from "../privacy/policy";
import type { Facts } from "../scope";
import { disabled, pressable } from "../target/pressable";
import { deepest } from "./hit";

const FARTHEST_PX = 48;
const CONTROLS =
  "a[href],button,input,select,textarea,summary,label,[onclick],[tabindex]," +
  "[role=button],[role=link],[role=tab],[role=menuitem],[role=checkbox],[role=radio],[role=switch]";
const AROUND = "form,dialog,[role=dialog],main,nav,aside,header,footer,section,ul,ol,table,body";
const MEASURED = 300; // boxes, whose layout the press has just made anyway
const RING_PX = 20; // what only its cursor shows to be pressable is looked for this far
const LOOKS = 8;

interface Near {
  element: Element;
  px: number;
  /** Its point that is nearest to the press. */
  x: number;
  y: number;
}

/** `miss_px` and `miss_key` of a press on *pressed* at the point of *facts*, if there is one near. */
export function missed(
  pressed: Element,
  { x, y, media, scrollbar, pointer }: Facts<"click">,
  describe: (element: Element) => Target,
  policy: Policy,
): Facts<"click"> {
  if (x === undefined || y === undefined || pointer === "keyboard" || media || scrollbar) return {};
  const found = [...controls(pressed, x, y), ...looked(x, y, pressed.ownerDocument)].sort(
    (a, b) => a.px - b.px,
  );
  // Hidden, covered and disabled ones could not have been meant: the first few decide.
  for (const { element, px, x: atX, y: atY } of found.slice(0, LOOKS)) {
    const under = deepest(atX, atY, pressed.ownerDocument);
    if (!under || !within(under, element) || disabled(element) || policy.ignored(element)) continue;
    return { miss_px: Math.round(px), miss_key: describe(element).key };
  }
  return {};
}

function controls(pressed: Element, x: number, y: number): Near[] {
  const around = closest(pressed, AROUND)?.querySelectorAll(CONTROLS) ?? [];
  const found: Near[] = [];
  for (let at = 0; at < Math.min(around.length, MEASURED); at++) {
    const near = measure(around[at] as Element, x, y);
    if (near && pressable(near.element).element === near.element) found.push(near);
  }
  return found;
}

function looked(x: number, y: number, page: Document): Near[] {
  const seen = new Set<Element>();
  for (let look = 0; look < LOOKS; look++) {
    const angle = (2 * Math.PI * look) / LOOKS;
    const under = deepest(x + RING_PX * Math.cos(angle), y + RING_PX * Math.sin(angle), page);
    const found = under && pressable(under);
    if (found?.why) seen.add(found.element);
  }
  return [...seen].flatMap((element) => measure(element, x, y) ?? []);
}

function measure(element: Element, x: number, y: number): Near | undefined {
  const { left, right, top, bottom, width, height } = element.getBoundingClientRect();
  const px = Math.hypot(Math.max(left - x, 0, x - right), Math.max(top - y, 0, y - bottom));
  if (!width || !height || px > FARTHEST_PX) return undefined;
  const inside = (at: number, from: number, to: number) => {
    return Math.min(Math.max(at, from + 1), Math.max(from + 1, to - 1));
  };
  return { element, px, x: inside(x, left, right), y: inside(y, top, bottom) };
}
