// What the browser does of itself for a press that the page lets through, and no page can observe.

import type { ReactionKind } from "../scope";
import { hrefKind, linkOf } from "./facts";

/** At mousedown: a select opens its list. */
export function opensList(element: Element): boolean {
  if (element.localName !== "select") return false;
  const { multiple, size, disabled } = element as HTMLSelectElement;
  return !multiple && size < 2 && !disabled;
}

/** At click. */
export function clickAnswer(source: Element, event: MouseEvent): ReactionKind | undefined {
  const kind = hrefKind(linkOf(source));
  if (kind !== "none" && kind !== "js") {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return "open"; // beside this page
    if (event.altKey) return "download";
  }
  if (kind === "download") return "download";
  if (kind === "new_tab" || kind === "mail") return "open";
  const field = source.closest("input");
  if (!field || field.disabled) return undefined;
  if (field.type === "file") return "file";
  return field.type === "color" ? "visual" : undefined;
}

/** The click leads to another document. */
export function leads(source: Element): boolean {
  return hrefKind(linkOf(source)) === "same";
}
