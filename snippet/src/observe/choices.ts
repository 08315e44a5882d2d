// What the visitor chose in a select, radio group or checkbox, and whether the choices led back to
// where they began. Which option it was is compared here, never told.

import type { Facts } from "../scope";
import type { Field } from "./fieldstate";

const WITHIN_MS = 20_000;

interface Choice {
  t: number;
  before: string;
}

export interface Choices {
  /** *field* got the focus: remember what is chosen now. */
  see(field: Field): void;
  /** Facts of a choice made in *field* at *t*; undefined if nothing can be chosen there. */
  made(field: Field, t: number): Facts<"field"> | undefined;
}

export function makeChoices(): Choices {
  const last = new WeakMap<Field, string>();
  const history = new WeakMap<Field, Choice[]>();

  return {
    see: (field) => {
      if (chooses(field)) last.set(first(field), chosen(field));
    },
    made: (field, t) => {
      if (!chooses(field)) return undefined;
      const holder = first(field);
      const before = last.get(holder) ?? chosen(field, true);
      const after = chosen(field);
      last.set(holder, after);
      const recent = (history.get(holder) ?? []).filter((one) => t - one.t <= WITHIN_MS);
      recent.push({ t, before });
      history.set(holder, recent);
      return {
        choices: recent.length,
        restored: recent.length > 1 && recent[0]?.before === after,
      };
    },
  };
}

function chooses({ localName, type }: Field): boolean {
  return localName === "select" || type === "radio" || type === "checkbox";
}

/** The radio buttons of one group; another field is alone. */
function group(field: Field): Field[] {
  if (field.type !== "radio" || !field.name) return [field];
  const root = field.getRootNode() as Document | ShadowRoot;
  const same = `input[type="radio"][name="${CSS.escape(field.name)}"]`;
  return [...root.querySelectorAll<HTMLInputElement>(same)].filter(({ form }) => {
    return form === field.form;
  });
}

function first(field: Field): Field {
  return group(field)[0] ?? field;
}

/** What is on, by its place; *initially*: as the page was written. */
function chosen(field: Field, initially = false): string {
  if (field.localName === "select") {
    const options = [...(field as HTMLSelectElement).options];
    const on = options.map(({ selected, defaultSelected }) =>
      initially ? defaultSelected : selected,
    );
    // A list without a choice of its own shows its first entry.
    if (initially && !on.includes(true) && !(field as HTMLSelectElement).multiple) return "0";
    return places(on);
  }
  return places(
    (group(field) as HTMLInputElement[]).map(({ checked, defaultChecked }) =>
      initially ? defaultChecked : checked,
    ),
  );
}

function places(on: boolean[]): string {
  return on.flatMap((one, place) => (one ? [place] : [])).join();
}
