// Fields of which nothing but their existence is recorded: password, card, one-time code.

const TOKENS = /(^|\s)(cc-[a-z-]+|current-password|new-password|one-time-code)(\s|$)/;
const NAMES =
  /passw|passwd|kennwort|(^|[^a-z])(pwd|pin|tan|otp|cvc|cvv|csc|iban|ssn)([^a-z]|$)|one.?time|card.?(no|num|nr)|cc.?num|kartennummer|security.?code|secret/i;

// A field that ever was a password stays one, also when the page shows it.
const seen = new WeakSet<Element>();

export function markSensitive(element: Element): void {
  seen.add(element);
}

export function isSensitive(element: Element): boolean {
  if (seen.has(element)) return true;
  const tag = element.localName;
  if (tag !== "input" && tag !== "textarea" && tag !== "select") return false;
  const input = element as HTMLInputElement;
  const name = `${input.name ?? ""} ${input.id}`;
  const found =
    input.type === "password" ||
    element.hasAttribute("data-rr-is-password") ||
    TOKENS.test((element.getAttribute("autocomplete") ?? "").toLowerCase()) ||
    NAMES.test(name);
  if (found) seen.add(element);
  return found;
}
