// One observer of the page's mutations for all who ask (presses, forms, messages). The recorder has
// its own: what it emits has been masked and merged, and no longer tells what was there before.

import { all, type Stop } from "../guard";
import { isShadowRoot } from "../privacy/dom";
import { markSensitive } from "../privacy/sensitive";
import type { Scope } from "../scope";

export interface Mutations extends Stop {
  /** Shadow roots on *path* are observed from now on. */
  enter(path: EventTarget[]): void;
}

const OPTIONS: MutationObserverInit = {
  subtree: true,
  childList: true,
  characterData: true,
  characterDataOldValue: true,
  attributes: true,
  attributeOldValue: true,
};

export function observeMutations({ guard, signals, roots: met, now }: Scope): Mutations {
  const roots = new WeakSet<Node>();
  const observer = new MutationObserver(
    guard((records: MutationRecord[]) => {
      for (const { attributeName, oldValue, target } of records) {
        // A password field that the page shows stays a password field.
        if (attributeName === "type" && oldValue === "password") markSensitive(target as Element);
      }
      signals.mutations.send({ records, t: now() });
    }),
  );
  observer.observe(document, OPTIONS);
  met.frames(({ document: inner }) => {
    observer.observe(inner, OPTIONS);
    return all([]);
  });

  function enter(path: EventTarget[]): void {
    for (const root of path) {
      if (!isShadowRoot(root as Node) || roots.has(root as Node)) continue;
      roots.add(root as Node);
      observer.observe(root as Node, OPTIONS);
    }
  }

  // A press here may be answered in any other component; what is not recorded is seen once pressed.
  const each = met.each(guard((root: ShadowRoot) => enter([root])));

  return {
    enter,
    stop: () => {
      each.stop();
      observer.disconnect();
    },
  };
}
