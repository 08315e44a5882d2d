// Copy, cut and paste: where, how much and of what shape. The text is looked at here and never told.

import { all, type Stop } from "../guard";
import { closest, elementOf, isElement, parentOf } from "../privacy/dom";
import { isSensitive } from "../privacy/sensitive";
import type { Emit, Facts, Scope } from "../scope";
import { editable } from "../target/pressable";
import { looksLikeError } from "./validity";

type Copy = Facts<"copy">;

const EXACT = 20; // characters; beyond that lengths are told in tens
const DEEP = 5; // ancestors that may say what kind of place it is
const LONG = 600; // characters; an error or a price is shorter
const MOST = 100;

const ALERT = '[role="alert"],[role="alertdialog"],[aria-live="assertive"]';
const MESSAGE =
  '[role="status"],[role="log"],[aria-live="polite"],output,[class*="toast" i],[class*="snackbar" i]';
const PRICE = /(^|[-_\s])(price|amount|total|preis|betrag|summe)([-_\s]|$)/i;

export function observeCopy(emit: Emit, scope: Scope): Stop {
  const { guard, privacy } = scope;
  let told = 0;

  function onClipboard(event: ClipboardEvent): void {
    const kind = event.type as NonNullable<Copy["kind"]>;
    const place = whereOf(event);
    if (!event.isTrusted || !place) return;
    if (privacy.policy.ignored(place) || privacy.policy.blocked(place)) return;
    const secret = isSensitive(place);
    const text = secret ? "" : textOf(event, place);
    if ((!text && !secret) || ++told > MOST) return;
    emit("copy", {
      kind,
      target: scope.describe(place),
      region: regionOf(place),
      ...(secret ? {} : { length: bucket(text.length), shape: shapeOf(text.trim()) }),
    });
  }

  return all([guard.listen<ClipboardEvent>(window, ["copy", "cut", "paste"], onClipboard)]);
}

/** The field with the focus, else where the selection begins. */
function whereOf(event: ClipboardEvent): Element | null {
  const origin = event.composedPath()[0] as Node | undefined;
  if (isElement(origin) && editable(origin)) return origin;
  const selected = event.type === "paste" ? null : elementOf(getSelection()?.anchorNode ?? null);
  return selected ?? elementOf(origin ?? null);
}

function textOf(event: ClipboardEvent, place: Element): string {
  if (event.type === "paste") return event.clipboardData?.getData("text/plain") ?? "";
  const { value, selectionStart: from, selectionEnd: to } = place as HTMLInputElement;
  if (typeof value === "string" && from != null && to != null) return value.slice(from, to);
  return String(getSelection() ?? "");
}

function bucket(length: number): number {
  return length > EXACT ? Math.round(length / 10) * 10 : length;
}

function regionOf(place: Element): NonNullable<Copy["region"]> {
  if (editable(place) || place.localName === "select") return "field";
  const above: Element[] = [];
  for (let at: Element | null = place; at && above.length < DEEP; at = parentOf(at)) {
    if ((at.textContent ?? "").length > LONG) break;
    above.push(at);
  }
  if (above.some((one) => one.matches(ALERT) || looksLikeError(one) || describesRefused(one))) {
    return "error";
  }
  if (above.some((one) => one.matches(MESSAGE))) return "message";
  if (closest(place, "pre,code,kbd,samp")) return "code";
  const priced = (one: Element) =>
    one.getAttribute("itemprop") === "price" ||
    PRICE.test(`${one.getAttribute("class") ?? ""} ${one.id}`);
  return above.some(priced) ? "price" : "body";
}

/** It says why a field was refused. */
function describesRefused({ id, ownerDocument }: Element): boolean {
  if (!id) return false;
  const name = CSS.escape(id);
  const refused = '[aria-invalid]:not([aria-invalid="false"])';
  return (
    ownerDocument.querySelector(
      `${refused}[aria-errormessage~="${name}"],${refused}[aria-describedby~="${name}"]`,
    ) !== null
  );
}

function shapeOf(text: string): NonNullable<Copy["shape"]> {
  if (/^(mailto:)?[^\s@]+@[^\s@]+\.[^\s@]+$/.test(text)) return "email";
  const digits = text.replace(/\D/g, "").length;
  const date = /^\d{1,4}([-./])\d{1,2}\1\d{1,4}$/.test(text);
  const dialled = /^(tel:)?(\+|0|\(0|\(?\d+[)\s/-])[\d\s()./-]+$/.test(text);
  if (dialled && !date && digits >= 6 && digits <= 15) return "phone";
  const single = /^#?[A-Za-z0-9][A-Za-z0-9-]{5,39}$/.test(text);
  return single && !date && digits >= 4 ? "id" : "other";
}
