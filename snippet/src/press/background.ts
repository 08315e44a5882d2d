// Background mutators: nodes that change without anybody's doing (clocks, tickers, rotating
// banners). What they do after a press is no answer to it.

import { elementOf, parentOf } from "../privacy/dom";
import type { Change } from "./changes";

const MEMORY_MS = 15_000;
const RECENT_MS = 3000;
const APART_MS = 100; // changes closer together are one moment
const AGAIN_MS = 500; // what is known to change of itself is looked at this often
const KEPT = 60; // moments; enough to reach back beyond a press and its outcome
const ANCESTORS = 3;

export type Judgement = "background" | "unclear" | "new";

export interface Background {
  /** A change that nobody's input explains, at *t*. */
  note(change: Change, t: number): void;
  /** *node* is known to change of itself, and did so just before *t*: nothing is to be learned. */
  settled(node: Node, t: number): boolean;
  /** What the changes before *t0* say of *change*. */
  judge(change: Change, t0: number): Judgement;
  /** *element*, or what is around it, changed of itself before *t0*, in whatever way. */
  restless(element: Element, t0: number): boolean;
}

export function makeBackground(): Background {
  const moments = new WeakMap<Element, Map<string, number[]>>();

  function times(node: Element, sort: string, t0: number): number[] {
    return (moments.get(node)?.get(sort) ?? []).filter((t) => t < t0 && t >= t0 - MEMORY_MS);
  }

  function restless(element: Element, t0: number): boolean {
    let at: Element | null = element;
    for (let depth = 0; at && depth <= ANCESTORS; depth++, at = parentOf(at)) {
      for (const sort of moments.get(at)?.keys() ?? []) {
        if (times(at, sort, t0).length >= 2) return true;
      }
    }
    return false;
  }

  return {
    restless,
    settled: (node, t) => {
      const known = moments.get(elementOf(node) as Element);
      return (
        known !== undefined &&
        [...known.values()].every(
          (list) => list.length > 1 && (list[list.length - 1] ?? 0) > t - AGAIN_MS,
        )
      );
    },
    note: (change, t) => {
      const known = moments.get(change.node) ?? new Map<string, number[]>();
      moments.set(change.node, known);
      const list = known.get(change.sort) ?? [];
      if (t - (list[list.length - 1] ?? Number.NEGATIVE_INFINITY) >= APART_MS) list.push(t);
      known.set(change.sort, list.slice(-KEPT));
    },
    judge: (change, t0) => {
      const own = times(change.node, change.sort, t0);
      if (own.length >= 2) return "background";
      let above: Element | null = parentOf(change.node);
      for (let depth = 0; above && depth < ANCESTORS; depth++, above = parentOf(above)) {
        for (const [sort, list] of moments.get(above) ?? []) {
          // Nodes that a background mutator has just made are its own.
          if (sort[0] === "+" && list.filter((t) => t >= t0 - MEMORY_MS).length >= 2) {
            return "background";
          }
        }
      }
      const last = own[0];
      return last !== undefined && last >= t0 - RECENT_MS ? "unclear" : "new";
    },
  };
}
