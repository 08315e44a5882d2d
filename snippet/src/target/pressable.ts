// What looks pressable, why, what disables it, and what can be typed into.

import type { Target } from "../events.gen";
import { closest, parentOf } from "../privacy/dom";

type Why = NonNullable<Target["why"]>;
type DisabledWhy = NonNullable<Target["disabled_why"]>;

const TAGS =
  'a[href],area[href],button,input:not([type="hidden"]),select,textarea,summary,option,' +
  "video[controls],audio[controls]";
const ROLES = new Set(
  "button link checkbox radio switch tab menuitem menuitemcheckbox menuitemradio option treeitem combobox textbox searchbox slider spinbutton".split(
    " ",
  ),
);
const HANDLERS = [
  "onclick",
  "onmousedown",
  "onmouseup",
  "onpointerdown",
  "onpointerup",
  "ontouchstart",
];
const TEXT_TYPES = new Set(
  "text search email url tel password number date time datetime-local month week".split(" "),
);

export function labelled(label: Element): HTMLElement | null {
  return label.localName === "label" ? (label as HTMLLabelElement).control : null;
}

/** Why *element* itself looks pressable; undefined if it does not. */
export function why(element: Element): Why | undefined {
  if (element.matches(TAGS)) return "tag";
  const role = element.getAttribute("role");
  if (role && ROLES.has(role)) return "role";
  if (labelled(element)) return "label";
  const tag = element.localName;
  if (tag === "body" || tag === "html") return undefined; // delegated handlers say nothing
  const tabindex = element.getAttribute("tabindex");
  if (tabindex !== null && Number(tabindex) >= 0) return "tabindex";
  const handlers = element as unknown as Record<string, unknown>;
  if (HANDLERS.some((name) => typeof handlers[name] === "function")) return "handler";
  if (!pointer(element)) return undefined;
  const parent = parentOf(element);
  return parent && pointer(parent) ? undefined : "cursor"; // inherited: the one above is pressable
}

function pointer(element: Element): boolean {
  if (element.localName === "body" || element.localName === "html") return false;
  return getComputedStyle(element).cursor === "pointer";
}

/** The nearest element at or above *element* that looks pressable; else *element*. */
export function pressable(element: Element): { element: Element; why: Why | undefined } {
  for (let at: Element | null = element, depth = 0; at && depth < 12; at = parentOf(at), depth++) {
    const found = why(at);
    if (found) return { element: at, why: found };
  }
  return { element, why: undefined };
}

export function disabled(element: Element): DisabledWhy | undefined {
  if (element.matches(":disabled")) {
    return element.hasAttribute("disabled") ? "attribute" : "fieldset";
  }
  if (closest(element, '[aria-disabled="true"]')) return "aria";
  if (closest(element, "[inert]")) return "inert";
  const style = getComputedStyle(element);
  if (style.pointerEvents === "none") return "pointer_events";
  if (style.cursor === "not-allowed") return "cursor";
  return undefined;
}

/** Chosen already, so that a press on it has nothing left to do: the tab that is shown. */
export function selected(element: Element): boolean {
  const current = element.getAttribute("aria-current");
  return (
    element.getAttribute("aria-selected") === "true" ||
    (current !== null && current !== "" && current !== "false") ||
    element.matches('input[type="radio"]:checked')
  );
}

export function editable(element: Element): boolean {
  const tag = element.localName;
  if (tag === "textarea") return true;
  if (tag === "input") return TEXT_TYPES.has((element as HTMLInputElement).type);
  const role = element.getAttribute("role");
  return role === "textbox" || role === "searchbox" || (element as HTMLElement).isContentEditable;
}
