// What is known of one form field: lengths and times, never its value.

import type { Privacy } from "../privacy";
import { closest } from "../privacy/dom";
import { isSensitive } from "../privacy/sensitive";
import type { Facts } from "../scope";
import { editable } from "../target/pressable";

// Also an element that can be edited (contenteditable), which has next to nothing of these.
export type Field = HTMLInputElement | HTMLSelectElement | HTMLTextAreaElement;

const SKIPPED = /^(hidden|submit|button|reset|image)$/;
const LONG = 40; // beyond that lengths are told in tens
const POINTS = 20;
const CLEARED_FROM = 3;

export function isField(node: EventTarget | null): node is Field {
  const element = node as HTMLInputElement | null;
  if (element?.nodeType !== 1) return false;
  if (element.localName === "input") return !SKIPPED.test(element.type);
  if (element.localName === "select" || element.localName === "textarea") return true;
  return element.isContentEditable && !element.parentElement?.isContentEditable;
}

/** The form that *field* belongs to; a place of the page's own that is edited has none by itself. */
export function formOf(field: Field): Element | null {
  return field.form ?? closest(field, "form");
}

/** What stands in *field*. */
export function contentOf(field: Field): string {
  return field.value ?? field.textContent ?? "";
}

/** Numbers of up to four digits count things; longer ones may be a person's. */
function tellable(name: string, { policy }: Privacy): boolean {
  const rest = name.replace(/\d+/g, (digits) => (digits.length > 4 ? digits : ""));
  return name !== "" && policy.harmless(rest);
}

/** A name that may be told: the page's own word for the field. */
export function fieldKey(field: Field, privacy: Privacy): string {
  const names = [
    field.name ?? "",
    field.id,
    field.getAttribute("autocomplete") ?? "",
    field.type ?? "",
  ];
  return names.find((name) => tellable(name, privacy)) ?? "field";
}

export function formKey(form: Element | null, privacy: Privacy): string | undefined {
  if (!form) return undefined;
  const named = [form.id, form.getAttribute("name") ?? ""];
  const found = named.find((name) => tellable(name, privacy));
  if (found) return found;
  const action = form.getAttribute("action");
  if (action) return privacy.urls.place(action);
  return `form ${[...form.ownerDocument.forms].indexOf(form as HTMLFormElement) + 1}`;
}

/** Progress in one field since the page load, and in the visit that runs. */
export interface Progress {
  focusedAt: number | undefined;
  firstInputAt: number | undefined;
  lastInputAt: number | undefined;
  before: string; // compared only, never told
  inputs: number;
  deletions: number;
  lengths: number[];
  paste: boolean;
  autofill: boolean;
  entered: boolean; // data had been entered at an earlier blur
  returns: number;
  pauses: number;
  longestPause: number; // between two inputs since the focus, in milliseconds
  tallest: number; // greatest length since the focus
  peak: number; // greatest length since the last refill
  fallen: boolean;
  refills: number;
  cleared: boolean;
  length: number;
  invalid: boolean;
}

/** What is known of the visit that begins with a focus. */
function begun() {
  return {
    firstInputAt: undefined,
    lastInputAt: undefined,
    inputs: 0,
    deletions: 0,
    pauses: 0,
    longestPause: 0,
    paste: false,
    autofill: false,
    cleared: false,
    tallest: 0,
  };
}

export function fresh(): Progress {
  return {
    ...begun(),
    focusedAt: undefined,
    before: "",
    lengths: [],
    entered: false,
    returns: 0,
    peak: 0,
    fallen: false,
    refills: 0,
    length: 0,
    invalid: false,
  };
}

export function stateOf(field: Field): string {
  const input = field as HTMLInputElement;
  return input.type === "checkbox" || input.type === "radio"
    ? String(input.checked)
    : contentOf(field);
}

function lengthOf(field: Field): number {
  return editable(field) ? contentOf(field).length : 0;
}

export function enter(progress: Progress, field: Field, t: number): void {
  const length = lengthOf(field);
  Object.assign(progress, begun(), {
    focusedAt: t,
    before: stateOf(field),
    length,
    lengths: [length],
  });
  if (progress.entered) progress.returns++;
}

export function input(progress: Progress, field: Field, t: number, kind: string | undefined): void {
  progress.firstInputAt ??= t;
  progress.longestPause = Math.max(progress.longestPause, t - (progress.lastInputAt ?? t));
  progress.lastInputAt = t;
  progress.inputs++;
  const length = lengthOf(field);
  if (length < progress.length) progress.deletions++;
  if (kind === "insertFromPaste" || kind === "insertFromDrop") progress.paste = true;
  // Browsers fill without saying how; several characters at once were not typed.
  if (kind === undefined && length - progress.length > 1) progress.autofill = true;
  if (kind === "insertReplacementText") progress.autofill = true;
  turn(progress, length);
  progress.tallest = Math.max(progress.tallest, progress.length);
  if (progress.tallest >= CLEARED_FROM && length === 0) progress.cleared = true;
  refill(progress, length);
  progress.length = length;
}

/** Keep the turning points of the length only. */
function turn(progress: Progress, length: number): void {
  const { lengths } = progress;
  const last = lengths[lengths.length - 1] ?? 0;
  const previous = lengths[lengths.length - 2];
  const on = previous !== undefined && Math.sign(length - last) === Math.sign(last - previous);
  if (on) lengths[lengths.length - 1] = length;
  else if (length !== last && lengths.length < POINTS) lengths.push(length);
}

function refill(progress: Progress, length: number): void {
  if (progress.fallen && length >= CLEARED_FROM) {
    progress.refills++;
    progress.fallen = false;
    progress.peak = length;
  } else if (!progress.fallen) {
    progress.peak = Math.max(progress.peak, length);
    if (progress.peak >= CLEARED_FROM && length <= progress.peak / 4) progress.fallen = true;
  }
}

const bucket = (length: number) => (length > LONG ? Math.round(length / 10) * 10 : length);

function kindOf({ localName, type }: Field): string {
  return !type ? "contenteditable" : localName === "input" ? type : localName;
}

/** The facts of *field* at *t*; a sensitive one tells nothing but its existence and refusal. */
export function facts(
  field: Field,
  progress: Progress,
  t: number,
  privacy: Privacy,
): Facts<"field"> {
  const form = formKey(formOf(field), privacy);
  const base: Facts<"field"> = {
    ...(form ? { form } : {}),
    field: fieldKey(field, privacy),
    input_type: kindOf(field),
    required: field.required || field.getAttribute("aria-required") === "true",
  };
  const token = field.getAttribute("autocomplete");
  if (token && /^[a-z -]{2,40}$/i.test(token)) base.autocomplete = token.toLowerCase();
  if (isSensitive(field)) return { ...base, sensitive: true };
  const { focusedAt, firstInputAt } = progress;
  if (focusedAt !== undefined) base.focus_ms = t - focusedAt;
  if (focusedAt !== undefined && firstInputAt !== undefined) {
    base.first_input_ms = Math.max(0, firstInputAt - focusedAt);
  }
  return {
    ...base,
    keys: progress.inputs,
    deletions: progress.deletions,
    lengths: progress.lengths.map(bucket),
    length: bucket(progress.length),
    paste: progress.paste,
    autofill: progress.autofill || matches(field, ":autofill"),
    changed: stateOf(field) !== progress.before,
    returns: progress.returns,
    pauses: progress.pauses,
    ...(progress.inputs > 1 ? { longest_pause_ms: progress.longestPause } : {}),
    cleared: progress.cleared,
    refills: progress.refills,
  };
}

function matches(field: Field, selector: string): boolean {
  try {
    return field.matches(selector);
  } catch {
    return false; // a browser without the selector
  }
}
