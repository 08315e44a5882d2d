// What holds at a place in the page: what is said of an element holds of all that is in it. While a
// tree is walked from above, each element is judged once and its children go on from there; the
// memory lasts for one task, in which the page cannot change anything.

import { closest, isElement, isShadowRoot, parentOf } from "./dom";
import type { Selectors } from "./selectors";

export type Area = "mask" | "unmask";
/** Whether text is released for what it belongs to (a button), held back (a cell), or neither. */
export type Standing = "held" | "released" | "none";

export interface Places {
  blocked(element: Element): boolean;
  area(element: Element): Area | undefined;
  typedInto(element: Element): boolean;
  standing(element: Element): Standing;
  /** Do *run*, in which nothing changes. */
  steady<T>(run: () => T): T;
}

interface Place {
  blocked: boolean;
  area: Area | undefined;
  typed: boolean;
}

export interface Words {
  released: string;
  held: string;
  typed: string;
}

/** What *element* stands in: a shadow root's host, the frame of its document. */
function around(element: Element): Element | null {
  const up = element.parentNode;
  if (isShadowRoot(up)) return up.host;
  if (up?.nodeType === 9) return (up as Document).defaultView?.frameElement ?? null;
  return isElement(up) ? up : null;
}

export function makePlaces(selectors: Selectors, { released, held, typed }: Words): Places {
  const areas = `${selectors.mask},${selectors.unmask}`;
  let places: Map<Element, Place> | undefined;
  let standings: Map<Element, Standing> | undefined;

  const areaOf = (holder: Element): Area => (holder.matches(selectors.mask) ? "mask" : "unmask");

  function place(element: Element, known: Map<Element, Place>): Place {
    const path: Element[] = [];
    let at: Element | null = element;
    let found: Place | undefined;
    for (; at && !found; at = around(at)) {
      found = known.get(at);
      if (!found) path.push(at);
    }
    for (let one = path.pop(); one; one = path.pop()) {
      found = {
        blocked: found?.blocked || one.matches(selectors.block),
        area: one.matches(areas) ? areaOf(one) : found?.area,
        typed: found?.typed || one.matches(typed),
      };
      known.set(one, found);
    }
    return found as Place;
  }

  function standing(element: Element): Standing {
    const path: Element[] = [];
    let found: Standing | undefined;
    for (let at: Element | null = element; at && !found; at = parentOf(at)) {
      found = standings?.get(at);
      if (found) break;
      path.push(at);
      if (at.matches(held)) found = "held";
      else if (at.matches(released)) found = "released";
    }
    const result = found ?? "none";
    if (standings) for (const one of path) standings.set(one, result);
    return result;
  }

  return {
    blocked: (element) =>
      places ? place(element, places).blocked : closest(element, selectors.block) !== null,
    area: (element) => {
      if (places) return place(element, places).area;
      const holder = closest(element, areas);
      return holder ? areaOf(holder) : undefined;
    },
    typedInto: (element) =>
      places ? place(element, places).typed : closest(element, typed) !== null,
    standing,
    steady: (run) => {
      if (places) return run();
      places = new Map();
      standings = new Map();
      try {
        return run();
      } finally {
        places = undefined;
        standings = undefined;
      }
    },
  };
}
