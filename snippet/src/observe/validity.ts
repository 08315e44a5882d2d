// Whether a field is refused: by the browser, by aria-invalid, or by an error message tied to it.

import { closest } from "../privacy/dom";
import type { Field } from "./fieldstate";

const ERROR_CLASS =
  /(^|[-_\s])(error|errors|invalid|danger|fehler|has-error|is-invalid|field-error)([-_\s]|$)/i;

export function looksLikeError(element: Element): boolean {
  const words = `${element.getAttribute("class") ?? ""} ${element.id} ${element.getAttribute("data-type") ?? ""}`;
  return ERROR_CLASS.test(words);
}

/** Why *field* is refused: validity flags, `aria`, `message`. Empty: it is not. */
export function refusals(field: Field): string[] {
  const found: string[] = [];
  if (field.willValidate) {
    const { validity } = field;
    for (const flag in validity) {
      if (flag !== "valid" && validity[flag as keyof ValidityState]) found.push(flag);
    }
  }
  const aria = field.getAttribute("aria-invalid");
  if (aria && aria !== "false") found.push("aria");
  if (tied(field).some((element) => hasText(element))) found.push("message");
  return found;
}

/** Error messages that belong to *field*: by reference, or beside it in its wrapper. */
function tied(field: Field): Element[] {
  const root = field.getRootNode() as Document | ShadowRoot;
  const referred = (attribute: string) =>
    (field.getAttribute(attribute) ?? "")
      .split(/\s+/)
      .map((id) => (id ? root.getElementById(id) : null))
      .filter((element): element is HTMLElement => element !== null);
  return [
    ...(field.getAttribute("aria-invalid") === "true" ? referred("aria-errormessage") : []),
    ...referred("aria-describedby").filter((one) => looksLikeError(one) || isAlert(one)),
    ...beside(field),
  ];
}

function beside(field: Field): Element[] {
  const wrapper = field.parentElement;
  if (!wrapper || wrapper.localName === "form" || wrapper.localName === "body") {
    const next = field.nextElementSibling;
    return next && (looksLikeError(next) || isAlert(next)) ? [next] : [];
  }
  // A wrapper of several fields cannot tell whose message it is.
  if (wrapper.querySelectorAll("input:not([type=hidden]),select,textarea").length > 1) return [];
  return [...wrapper.children].filter(
    (one) => one !== field && (looksLikeError(one) || isAlert(one)),
  );
}

function isAlert(element: Element): boolean {
  return element.getAttribute("role") === "alert";
}

function hasText(element: Element): boolean {
  return /\S/.test(element.textContent ?? "") && element.getClientRects().length > 0;
}

/** The field that the message *element* belongs to. */
export function fieldOfMessage(element: Element): Field | undefined {
  if (element.id) {
    const root = element.getRootNode() as Document | ShadowRoot;
    const id = CSS.escape(element.id);
    const found = root.querySelector(`[aria-errormessage~="${id}"],[aria-describedby~="${id}"]`);
    if (found) return found as Field;
  }
  const label = closest(element, "label") as HTMLLabelElement | null;
  if (label?.control) return label.control as Field;
  const wrapper = element.parentElement;
  if (!wrapper || wrapper.localName === "form" || wrapper.localName === "body") {
    const before = element.previousElementSibling;
    return before?.matches("input:not([type=hidden]),select,textarea")
      ? (before as Field)
      : undefined;
  }
  const fields = wrapper.querySelectorAll("input:not([type=hidden]),select,textarea");
  return fields.length === 1 ? (fields[0] as Field) : undefined;
}
