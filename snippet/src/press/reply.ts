// Whether the page replied to a key or a swipe: the first near reaction, in the sense of a press's
// answer (answers.ts), in a simpler form. Facts only.

import { all, type Stop } from "../guard";
import { isElement, within } from "../privacy/dom";
import { across, hear } from "../roots";
import type { Scope } from "../scope";
import type { Background } from "./background";
import { changesOf, visible } from "./changes";
import { isNear, type Surroundings, surroundings } from "./near";

export interface Reply extends Stop {
  readonly since: number;
  /** When the page replied first; undefined: it has not. */
  at(): number | undefined;
}

export interface Replies extends Stop {
  /** Watch for a reaction to what begins to be done to *element* now. */
  wait(element: Element): Reply;
}

interface Waiting {
  element: Element;
  around: Surroundings | undefined; // looked up only when something happens
  since: number;
  at: number | undefined;
}

export function observeReplies(scope: Scope, judge: Background["judge"]): Replies {
  const { signals, now } = scope;
  const open = new Set<Waiting>();

  function replied(t: number, is: (one: Waiting) => boolean): void {
    for (const one of open) {
      if (one.at === undefined && is(one)) one.at = t;
    }
  }

  function near(node: Node, one: Waiting): boolean {
    one.around ??= surroundings(one.element);
    return isNear(node, one.element, one.around);
  }

  const stops = all([
    signals.mutations.on(({ records, t }) => {
      if (![...open].some(({ at }) => at === undefined)) return;
      for (const change of changesOf(records)) {
        if (change.kind === "inserted" && !visible(change.added)) continue;
        replied(t, (one) => {
          if (change.kind === "attribute" && !near(change.node, one)) return false;
          return judge(change, one.since) === "new";
        });
      }
    }),
    signals.reaction.on(({ t, node }) => replied(t, (one) => !node || near(node, one))),
    signals.navigation.on(({ t }) => replied(t, () => true)),
    signals.leaving.on((t) => replied(t, () => true)),
    hear(scope, "scroll", () => replied(now(), () => true)),
    across(scope, "focusin", ({ target }) => {
      if (!isElement(target)) return;
      replied(now(), ({ element }) => !within(element, target));
    }),
  ]);

  return {
    wait: (element) => {
      const one: Waiting = { element, around: undefined, since: now(), at: undefined };
      open.add(one);
      return { since: one.since, at: () => one.at, stop: () => void open.delete(one) };
    },
    stop: () => {
      open.clear();
      stops.stop();
    },
  };
}
