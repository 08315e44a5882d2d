// Messages that appear: alerts, status texts, live regions, toasts, errors of fields. Told by the
// hash of their masked text; its words stay in the page.

import type { EventFields } from "../events.gen";
import { all, type Stop } from "../guard";
import { hash } from "../hash";
import { elementOf, isElement } from "../privacy/dom";
import { maskMessage } from "../privacy/message";
import type { Emit, Scope } from "../scope";
import { fieldKey, isField } from "./fieldstate";
import { fieldOfMessage, looksLikeError } from "./validity";

type Message = EventFields["message"];
type Kind = NonNullable<Message["kind"]>;
type Severity = NonNullable<Message["severity"]>;

const LIVE =
  '[role="alert"],[role="status"],[role="log"],[aria-live="polite"],[aria-live="assertive"],output';
const TOAST =
  /(^|[-_\s])(toast|snackbar|notification|notice|flash|growl|alert|message-box)([-_\s]|$)/i;
const SUCCESS = /(^|[-_\s])(success|ok|done|valid|erfolg)([-_\s]|$)/i;
const WARNING = /(^|[-_\s])(warn|warning|warnung|caution)([-_\s]|$)/i;
const AGAIN_MS = 1000;
const SETTLE_MS = 30; // frameworks write a message in several steps
const MOST = 200;

export function observeMessages(emit: Emit, scope: Scope): Stop {
  const { guard, privacy, signals, now } = scope;
  const last = new WeakMap<Element, { hash: string; t: number }>();
  const waiting = new Map<Element, Kind>();
  // What was judged in the records of one moment: rows that change share what is above them.
  let judged = new Map<Element, Kind | undefined>();
  let timer: Stop | undefined;
  let told = 0;

  function words(element: Element): string {
    return `${element.getAttribute("class") ?? ""} ${element.id}`;
  }

  function kindOf(element: Element): Kind | undefined {
    if (!judged.has(element)) judged.set(element, judge(element));
    return judged.get(element);
  }

  function judge(element: Element): Kind | undefined {
    if (!element.hasAttributes() && element.localName !== "output") return undefined;
    const role = element.getAttribute("role");
    if (role === "alert") return fieldOfMessage(element) ? "field" : "alert";
    if (role === "status" || element.localName === "output") return "status";
    if (element.matches(LIVE)) return "live";
    const error = looksLikeError(element);
    if (error && !isField(element) && fieldOfMessage(element)) return "field";
    if (TOAST.test(words(element)) && element.localName !== "body") return "toast";
    return error && /^(p|div|span|small|li|em|strong)$/.test(element.localName) && short(element)
      ? "alert"
      : undefined;
  }

  function short(element: Element): boolean {
    const text = element.textContent ?? "";
    return (
      text.trim().length > 0 &&
      text.length < 300 &&
      !element.querySelector("input,select,textarea,button")
    );
  }

  function severity(element: Element, kind: Kind): Severity {
    const all = `${words(element)} ${element.firstElementChild ? words(element.firstElementChild) : ""}`;
    if (
      looksLikeError(element) ||
      /(^|[-_\s])(error|danger|invalid|fail(ed|ure)?|fehler)/i.test(all)
    )
      return "error";
    if (SUCCESS.test(all)) return "success";
    if (WARNING.test(all)) return "warning";
    return kind === "alert" || kind === "field" ? "error" : "info";
  }

  function consider(element: Element | null): void {
    for (let at = element, depth = 0; at && depth < 5; at = at.parentElement, depth++) {
      const kind = kindOf(at);
      if (!kind) continue;
      waiting.set(at, kind);
      timer ??= guard.later(flush, SETTLE_MS);
      return;
    }
  }

  function flush(): void {
    timer = undefined;
    const found = [...waiting];
    waiting.clear();
    for (const [element, kind] of found) {
      const inner = found.some(([other]) => other !== element && element.contains(other));
      if (!inner) tell(element, kind);
    }
  }

  function tell(element: Element, kind: Kind): void {
    const text = (element.textContent ?? "").replace(/\s+/g, " ").trim();
    if (!text || text.length > 600 || !element.isConnected || !element.getClientRects().length)
      return;
    if (getComputedStyle(element).visibility === "hidden" || privacy.policy.ignored(element))
      return;
    const own = hash(maskMessage(text, privacy));
    const t = now();
    const before = last.get(element);
    if (before && before.hash === own && t - before.t < AGAIN_MS) return;
    last.set(element, { hash: own, t });
    if (++told > MOST) return;
    const field = fieldOfMessage(element);
    const key = field && isField(field) ? fieldKey(field, privacy) : undefined;
    const level = severity(element, kind);
    emit("message", {
      target: scope.describe(element),
      kind,
      severity: level,
      hash: own,
      ...(key ? { field: key } : {}),
    });
    signals.message.send({ t, severity: level, field: key, element });
  }

  function mutated(records: MutationRecord[]): void {
    judged = new Map();
    for (const { type, target, addedNodes } of records) {
      if (type === "characterData") consider(elementOf(target));
      else if (type === "attributes") {
        if (isElement(target)) consider(target); // shown by class, style or hidden
      } else {
        if (!addedNodes.length) continue;
        consider(elementOf(target));
        for (const node of addedNodes) if (isElement(node)) inside(node);
      }
    }
  }

  function inside(root: Element): void {
    if (root.matches("script,style,link,meta")) return;
    const own = kindOf(root);
    if (own) {
      consider(root);
      return;
    }
    const found = root.querySelectorAll(
      `${LIVE},[class*="error" i],[class*="toast" i],[class*="invalid" i]`,
    );
    for (let i = 0; i < Math.min(found.length, 10); i++) consider(found[i] as Element);
  }

  return all([
    signals.mutations.on(({ records }) => {
      if (document.readyState !== "loading")
        mutated(records.length > 500 ? records.slice(-500) : records);
    }),
    { stop: () => timer?.stop() },
  ]);
}
