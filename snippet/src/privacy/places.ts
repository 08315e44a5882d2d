// What holds at a place in the page: what is said of an element holds of all that is in it. While a
// tree is walked from above, each element is judged once and its children go on from there; the
// memory lasts for one task, in which the page cannot change anything.

import { above } from "../dom/read";
import { closest, frameOf, isElement, isShadowRoot, parentOf } from "./dom";
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

const NOWHERE: Place = { blocked: false, area: undefined, typed: false };

export interface Words {
  released: string;
  held: string;
  typed: string;
}

/** What *element* stands in: a shadow root's host, the frame of its document. */
function around(element: Element): Element | null {
  const up = above(element);
  if (isShadowRoot(up)) return up.host;
  return isElement(up) ? up : up && frameOf(up);
}

export function makePlaces(selectors: Selectors, { released, held, typed }: Words): Places {
  const areas = `${selectors.mask},${selectors.unmask}`;
  let places: Map<Element, Place> | undefined;
  let standings: Map<Element, Standing> | undefined;

  const areaOf = (holder: Element): Area => (holder.matches(selectors.mask) ? "mask" : "unmask");

  /** What holds of *one*, which stands in a place of which *outer* holds. */
  function within(one: Element, outer: Place): Place {
    const blocked = outer.blocked || one.matches(selectors.block);
    const area = one.matches(areas) ? areaOf(one) : outer.area;
    const typedInto = outer.typed || one.matches(typed);
    const same = blocked === outer.blocked && area === outer.area && typedInto === outer.typed;
    return same ? outer : { blocked, area, typed: typedInto };
  }

  function place(element: Element, known: Map<Element, Place>): Place {
    let found = known.get(element);
    if (found) return found;
    const path: Element[] = [element];
    for (let at = around(element); at && !found; at = around(at)) {
      found = known.get(at);
      if (!found) path.push(at);
    }
    let result = found ?? NOWHERE;
    for (let one = path.pop(); one; one = path.pop()) {
      result = within(one, result);
      known.set(one, result);
    }
    return result;
  }

  function standing(element: Element): Standing {
    let found = standings?.get(element);
    if (found) return found;
    const path: Element[] = [];
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
