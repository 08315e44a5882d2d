// Values of fields: as attributes when a field is told, as input events when they change, by the
// visitor or by a script that sets the property.

import { all, type Guard, type Stop } from "../guard";
import type { Privacy } from "../privacy";
import { isElement } from "../privacy/dom";
import { isSensitive } from "../privacy/sensitive";
import { nameOf } from "./read";
import { hookSetter } from "./setter";

type Field = HTMLInputElement & HTMLSelectElement;

/** What the replay shows of a field. */
interface Shown {
  text: string;
  checked: boolean;
}

export interface Fields {
  /** The value of *field* as an attribute; null: it has none to show. */
  value(field: Element): string | null;
  /** Whether *field* is to be shown as checked. */
  checked(field: Element): boolean;
  /** *field* may have changed: tell it if it has. */
  look(field: Element): void;
  /** An input or change event. */
  heard(target: EventTarget | null): void;
  /** *form* is about to be reset. */
  reset(form: EventTarget | null): void;
  /** Hear of scripts that set fields in *window*. */
  hook(window: Window): Stop;
  stop(): void;
}

export interface FieldsContext {
  guard: Guard;
  privacy: Privacy;
  /** The replay has the field: a change of it can be told. */
  told(field: Element): boolean;
  emit(field: Element, shown: Shown): void;
  onInput(field: Element): void;
}

const FIELD = /^(input|textarea|select)$/;
const CHECKABLE = /^(radio|checkbox)$/;

const checkable = (field: Element) => CHECKABLE.test((field as Field).type);

export function makeFields({ guard, privacy, told, emit, onInput }: FieldsContext): Fields {
  const { policy, attributes } = privacy;
  const raw = new WeakMap<Element, string>(); // compared here, never told
  const shown = new WeakMap<Element, Shown>();
  const set = new Set<Element>(); // by scripts, in this task
  let later: Stop | undefined;

  /** The value changes: what is typed is kept, so that nothing repeats it. */
  function differs(field: Element): boolean {
    const { value, checked } = field as Field;
    const state = checkable(field) ? `${checked} ${value}` : value;
    if ((raw.get(field) ?? "") === state) return false;
    raw.set(field, state);
    // The observers hear the page's own document only.
    if (field.ownerDocument !== document && !checkable(field)) policy.typed.note(field, value);
    return true;
  }

  function state(field: Element): Shown {
    const { value, checked } = field as Field;
    if (checkable(field)) {
      return { text: policy.input(value, field), checked: checked && !isSensitive(field) };
    }
    return { text: String(attributes.clean(field, nameOf(field), "value", value)), checked: false };
  }

  function look(field: Element): void {
    if (!told(field)) return;
    const changed = differs(field);
    const now = state(field);
    const before = shown.get(field);
    if (!before || before.text !== now.text || before.checked !== now.checked) {
      shown.set(field, now);
      emit(field, now);
    }
    if (changed) onInput(field);
  }

  function heard(target: EventTarget | null): void {
    if (!isElement(target)) return;
    const field = nameOf(target) === "option" ? target.closest("select") : target;
    if (!field || !FIELD.test(nameOf(field)) || field.matches(policy.selectors.ignore)) return;
    look(field);
    const { type, name } = field as HTMLInputElement;
    if (type !== "radio" || !name) return;
    const group = field.getRootNode() as ParentNode;
    for (const one of group.querySelectorAll<HTMLInputElement>("input[type=radio]")) {
      if (one !== field && one.name === name) look(one);
    }
  }

  const soon = guard((target: unknown) => {
    set.add(target as Element);
    later ??= guard.later(() => {
      later = undefined;
      const fields = [...set];
      set.clear();
      for (const field of fields) heard(field);
    }, 0);
  });

  function reset(form: EventTarget | null): void {
    if (!isElement(form)) return;
    for (const field of form.querySelectorAll("input,select,textarea")) soon(field);
  }

  return {
    reset,
    value: (field) => {
      differs(field);
      if (checkable(field)) {
        return field.hasAttribute("value") ? policy.input((field as Field).value, field) : null;
      }
      const now = state(field);
      shown.set(field, now);
      return now.text || null;
    },
    checked: (field) => {
      if (!checkable(field)) return false;
      const now = state(field);
      shown.set(field, now);
      return now.checked;
    },
    look,
    heard,
    hook: (window) => {
      const types = window as unknown as Record<string, { prototype: object } | undefined>;
      const hooks: [string, string][] = [
        ["HTMLInputElement", "value"],
        ["HTMLInputElement", "checked"],
        ["HTMLTextAreaElement", "value"],
        ["HTMLSelectElement", "value"],
        ["HTMLSelectElement", "selectedIndex"],
        ["HTMLOptionElement", "selected"],
      ];
      return all(hooks.map(([type, name]) => hookSetter(types[type]?.prototype, name, soon)));
    },
    stop: () => later?.stop(),
  };
}
