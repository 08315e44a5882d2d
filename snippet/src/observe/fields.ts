// Form fields: one event at blur, after a pause of 5 s, for each choice that the visitor makes, and
// for each refused field at a refused submit. And what is typed is noted, so that nothing repeats it.

import { all, type Stop } from "../guard";
import { focused, isElement } from "../privacy/dom";
import { isSensitive } from "../privacy/sensitive";
import { across, hear } from "../roots";
import type { Emit, Facts, Scope } from "../scope";
import { makeChoices } from "./choices";
import {
  contentOf,
  enter,
  type Field,
  facts,
  formOf,
  fresh,
  input,
  isField,
  type Progress,
} from "./fieldstate";
import { refusals } from "./validity";

export interface Fields extends Stop {
  /** Tell each refused field of *form* as of *t*; returns the keys of those fields. */
  refuse(form: Element, t: number): string[];
  /** When the visitor typed or chose something last. */
  lastInput(): number;
  /** When input in *form* began. */
  firstInput(form: Element): number | undefined;
}

type Cause = NonNullable<Facts<"field">["cause"]>;

const PAUSE_MS = 5000;
const BLUR_MS = 60; // validation at blur has been drawn by then

export function observeFields(emit: Emit, scope: Scope): Fields {
  const { guard, privacy, now, signals } = scope;
  const progress = new WeakMap<Field, Progress>();
  const begun = new WeakMap<Element, number>();
  const choices = makeChoices();
  let current: Field | undefined;
  let pause: Stop | undefined;
  let usedAt = 0;
  let inputAt = Number.NEGATIVE_INFINITY;

  function of(field: Field): Progress {
    const known = progress.get(field) ?? fresh();
    progress.set(field, known);
    return known;
  }

  function watched(field: Field): boolean {
    return !privacy.policy.ignored(field) && !privacy.policy.blocked(field);
  }

  function onFocus(event: FocusEvent): void {
    const field = event.composedPath()[0] ?? null;
    if (!isField(field) || !watched(field) || field === current) return;
    visit(field);
  }

  function visit(field: Field): void {
    isSensitive(field); // a password is known as one before the page shows it
    choices.see(field);
    current = field;
    enter(of(field), field, now());
    rest();
    used(field);
  }

  function rest(): void {
    pause?.stop();
    pause = undefined;
  }

  /** *field*, in which the visitor is, was used just now. */
  function used(field: Field): void {
    usedAt = now();
    if (!pause) waitForPause(field, PAUSE_MS);
  }

  function waitForPause(field: Field, ms: number): void {
    pause = guard.later(() => {
      pause = undefined;
      if (field !== current || !field.isConnected) return;
      const left = usedAt + PAUSE_MS - now();
      if (left > 1) {
        waitForPause(field, left); // one timer, and not another one for each key
        return;
      }
      const known = of(field);
      known.pauses++;
      // Only somebody who has begun to type pauses; before, he reads.
      if (known.inputs) emit("field", { ...describe(field, "pause", now()), partial: true });
    }, ms);
  }

  function onInput(event: Event): void {
    const field = event.composedPath()[0] as Field | undefined;
    if (!isElement(field) || !(isField(field) || (field as Field).isContentEditable)) return;
    // Compared only, never told: passwords too.
    if (!/^(checkbox|radio)$/.test(field.type)) {
      privacy.policy.typed.note(field, contentOf(field).slice(0, 5000));
    }
    if (!isField(field) || !watched(field) || !event.isTrusted) return;
    const t = now();
    inputAt = t;
    const form = formOf(field);
    if (form && !begun.has(form)) begun.set(form, t);
    if (field !== current) enter(of(field), field, t);
    input(of(field), field, t, (event as InputEvent).inputType || undefined);
    if (field === current) used(field);
  }

  function onChange(event: Event): void {
    const field = event.composedPath()[0] ?? null;
    if (!event.isTrusted || !isField(field) || !watched(field) || isSensitive(field)) return;
    const t = now();
    const made = choices.made(field, t);
    if (made) emit("field", { ...describe(field, "choice", t), ...made });
  }

  function onBlur(event: FocusEvent): void {
    const field = event.composedPath()[0] ?? null;
    if (!isField(field) || !watched(field)) return;
    if (!document.hasFocus()) return; // the window lost the focus: the visitor is still in the field
    rest();
    if (current === field) current = undefined;
    const t = now();
    const told = describe(field, "blur", t);
    const judged = () => ({ ...told, ...verdict(field) });
    const open = emit.open("field", t, judged);
    if (of(field).length > 0) of(field).entered = true;
    guard.later(() => open.done(judged()), BLUR_MS);
  }

  function describe(field: Field, cause: Cause, t: number): Facts<"field"> {
    return { target: scope.describe(field), ...facts(field, of(field), t, privacy), cause };
  }

  function verdict(field: Field): Facts<"field"> {
    const known = of(field);
    const flags = refusals(field);
    // Left untouched and empty, a required field is invalid from the start: nobody refused it.
    const untouched = !known.inputs && !known.invalid && flags.join() === "valueMissing";
    known.invalid = flags.length > 0 && !untouched;
    return known.invalid ? { invalid: true, invalid_flags: flags } : {};
  }

  function refuseOne(field: Field, t: number): void {
    of(field).invalid = true;
    emit("field", { ...describe(field, "submit", t), ...verdict(field) }, t);
  }

  const stops = all([
    across<FocusEvent>(scope, "focusin", onFocus),
    across(scope, "input", onInput),
    hear(scope, "change", onChange),
    across<FocusEvent>(scope, "focusout", onBlur),
    signals.leaving.on(() => {
      // The page goes and takes the focus along, without an event of its own.
      rest();
      const field = current;
      if (!field?.isConnected || !of(field).inputs) return;
      emit("field", { ...describe(field, "blur", now()), ...verdict(field) });
      if (of(field).length > 0) of(field).entered = true;
      enter(of(field), field, now()); // it has the focus still if the page comes back
    }),
    { stop: rest },
  ]);

  // Many pages give a field the focus before the recorder is there.
  const first = focused();
  if (isField(first) && watched(first)) visit(first);

  return {
    ...stops,
    lastInput: () => inputAt,
    firstInput: (form) => begun.get(form),
    refuse: (form, t) => {
      const names: string[] = [];
      const elements =
        (form as HTMLFormElement).elements ?? form.querySelectorAll("input,select,textarea");
      const edited = form.querySelectorAll("[contenteditable]");
      for (const field of [...elements, ...edited].slice(0, 100)) {
        if (!isField(field) || !watched(field) || !refusals(field).length) continue;
        refuseOne(field, t);
        names.push(facts(field, of(field), t, privacy).field ?? "");
      }
      return [...new Set(names)];
    },
  };
}
