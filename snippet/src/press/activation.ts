// Keys that press what has the focus: where the browser makes a click of them, and where the element's
// role promises that the page does.

import { modifiers } from "./facts";
import type { Phase } from "./gesture";

// The browser clicks them as soon as Enter goes down. Space clicks when it is let go: the click tells.
const NATIVE =
  "a[href],area[href],button,summary,input[type=submit],input[type=button],input[type=reset]";
const ROLES =
  /^(button|link|checkbox|radio|switch|tab|menuitem|menuitemcheckbox|menuitemradio|option|treeitem)$/;

/** *event* presses *element*, and what its handlers do counts as in *Phase*; else undefined. */
export function activates(element: Element, event: KeyboardEvent): Phase | undefined {
  const { key, repeat, isTrusted, isComposing } = event;
  const enter = key === "Enter";
  if (!(enter || key === " ") || repeat || !isTrusted || isComposing || modifiers(event)) {
    return undefined;
  }
  if (element.matches(NATIVE)) return enter ? "down" : undefined; // the click brings the rest
  if (element.matches("input,select,textarea")) return undefined;
  const role = element.getAttribute("role") ?? "";
  return ROLES.test(role) && (enter || role !== "link") ? "up" : undefined;
}
