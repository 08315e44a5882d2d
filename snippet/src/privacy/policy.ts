// What may be said in clear: the presets, for text and labels. docs/privacy.md is its table.
//
// strict: nothing. standard: the text of buttons, labels, navigation links, legends and headings
// that carries no digits, e-mail, trait or typed text. open: all text but what is typed into.

import type { Preset } from "../config";
import { closest, elementOf } from "./dom";
import { type Area, makePlaces } from "./places";
import type { Selectors } from "./selectors";
import { isSensitive } from "./sensitive";
import type { Typed } from "./typed";

export type { Area } from "./places";

export interface Policy {
  preset: Preset;
  typed: Typed;
  selectors: Selectors;
  /** The nearest holder of `mask` or `unmask`, on any ancestor, across shadow roots. */
  area(element: Element | null): Area | undefined;
  /** The preset that holds at this place: a masked area is strict, a released one open. */
  presetAt(element: Element | null): Preset;
  blocked(element: Element | null): boolean;
  ignored(element: Element | null): boolean;
  /** A text as it may be recorded; the length stays. */
  text(text: string, parent: Element | null): string;
  /** A field's value as it may be recorded. */
  input(value: string, field: Element): string;
  /** Whether *text*, belonging to *element*, may be shown. */
  releases(text: string, element: Element | null): boolean;
  /** The visitor may type into it: a text area, contenteditable, designMode. */
  editable(element: Element): boolean;
  /** Nobody's data in it as far as can be told: no digits, e-mail, trait, typed text. */
  harmless(text: string): boolean;
  /** Do *run*, in which the page cannot change: each element is judged once. */
  steady<T>(run: () => T): T;
}

const RELEASED =
  'button,[role="button"],input[type="submit"],input[type="button"],input[type="reset"],' +
  'label,legend,h1,h2,h3,h4,h5,h6,nav a,[role="navigation"] a';
const TYPED_INTO =
  'textarea,[contenteditable="" i],[contenteditable="true" i],' +
  '[contenteditable="plaintext-only" i],[role~="textbox" i],[role~="searchbox" i]';
const HELD =
  'option,optgroup,td,output,[role="combobox"],[role="listbox"],[aria-haspopup="listbox"],' +
  'select,datalist,[role="option"],[role="cell"],[role="gridcell"],' +
  TYPED_INTO;
// Markup that a browser keeps as text: nobody has judged what is in it.
const UNREAD = /^(noscript|noframes|noembed|iframe|xmp|plaintext|listing)$/;

export function maskText(text: string): string {
  return text.replace(/\S/g, "x");
}

export function makePolicy(preset: Preset, typed: Typed, selectors: Selectors): Policy {
  const places = makePlaces(selectors, { released: RELEASED, held: HELD, typed: TYPED_INTO });

  const area = (element: Element | null) => (element ? places.area(element) : undefined);

  function presetAt(element: Element | null): Preset {
    const here = area(element);
    if (here) return here === "mask" ? "strict" : "open";
    return preset;
  }

  function harmless(text: string): boolean {
    return !/[\p{N}@\uff20]/u.test(text) && !typed.within(text);
  }

  function editable(element: Element): boolean {
    return (
      places.typedInto(element) ||
      (element as HTMLElement).isContentEditable === true ||
      element.ownerDocument.designMode === "on"
    );
  }

  function releases(text: string, element: Element | null): boolean {
    if (!element || places.blocked(element)) return false;
    const holding = presetAt(element);
    if (holding === "strict") return false;
    if (holding === "open") return !editable(element);
    return places.standing(element) === "released" && !editable(element) && harmless(text);
  }

  return {
    preset,
    typed,
    selectors,
    area,
    presetAt,
    blocked: (element) => element !== null && places.blocked(element),
    ignored: (element) => closest(element, selectors.ignore) !== null,
    steady: places.steady,
    harmless,
    releases,
    editable,
    text: (text, parent) => {
      if (!/\S/.test(text)) return text;
      if (parent && UNREAD.test(parent.localName)) return "";
      if (parent?.localName === "title" && presetAt(parent) === "open") return typed.scrub(text);
      return releases(text, elementOf(parent)) ? typed.scrub(text) : maskText(text);
    },
    input: (value, field) => {
      if (isSensitive(field)) return "";
      // On the field itself, never inherited.
      if (field.matches(selectors.unmask) && !field.matches(selectors.mask)) return value;
      return value.replace(/\S/g, "•");
    },
  };
}
