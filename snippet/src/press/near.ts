// Where an answer to a press is expected: the target, what belongs to it, and its surroundings.

import { closest, parentOf, within } from "../privacy/dom";
import { labelled } from "../target/pressable";

const CONTAINERS =
  "dialog,[role=dialog],[role=alertdialog],li,[role=listitem],form,main,nav,aside,header,footer,[role=main],[role=navigation],[role=region],section[aria-label],section[aria-labelledby]";

export interface Surroundings {
  /** The nearest landmark, dialog, form or list item; else the body. */
  container: Element;
  /** The target and what it controls or is controlled by. */
  own: Element[];
}

export function surroundings(target: Element): Surroundings {
  const own: Element[] = [target];
  const control = labelled(target);
  if (control) own.push(control);
  for (const label of (target as HTMLInputElement).labels ?? []) own.push(label);
  const root = target.getRootNode() as Document | ShadowRoot;
  for (const name of [
    "aria-controls",
    "aria-owns",
    "aria-describedby",
    "popovertarget",
    "commandfor",
  ]) {
    for (const id of (target.getAttribute(name) ?? "").split(/\s+/)) {
      const found = id && root.getElementById?.(id);
      if (found) own.push(found);
    }
  }
  const expanded = closest(target, "[aria-expanded]");
  if (expanded) own.push(expanded);
  const form = (target as HTMLButtonElement).form ?? closest(target, "form");
  if (form) own.push(form);
  const { ownerDocument: page } = target;
  const found = closest(parentOf(target), CONTAINERS);
  const container = found?.ownerDocument === page ? found : page.body; // not that of the frame
  return { container, own };
}

/** *node* lies in the surroundings, or around the target. */
export function isNear(node: Node, target: Element, { container, own }: Surroundings): boolean {
  if (own.some((element) => within(node, element))) return true;
  if (within(target, node as Element)) return true; // a class on a wrapper
  return within(node, container);
}
