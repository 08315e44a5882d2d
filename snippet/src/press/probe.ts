// The visual probe: what no observer tells. Styles that follow from focus or :checked alone, and
// values that a script sets on fields.

import { isElement, parentOf } from "../privacy/dom";
import type { Surroundings } from "./near";

const STYLED = 80; // elements looked at: about a millisecond
const FIELDS = 60;

interface Look {
  element: Element;
  shown: boolean;
}

export interface Probe {
  /** What became visible or invisible since. */
  looks(): Element[];
  /** The fields whose value has changed since. */
  values(): Element[];
}

export function probe(target: Element, around: Surroundings): Probe {
  const looks = sample(target, around).map((element) => ({ element, shown: isShown(element) }));
  const fields = new Map<Element, string>();
  const scopes = [around.container, ...around.own];
  for (const scope of scopes) {
    for (const field of scope.querySelectorAll("input,select,textarea,progress,meter")) {
      if (fields.size >= FIELDS) break;
      fields.set(field, state(field));
    }
    if (scope.matches("input,select,textarea")) fields.set(scope, state(scope));
  }
  return {
    looks: () => looks.filter(differs).map(({ element }) => element),
    values: () =>
      [...fields]
        .filter(([field, before]) => field.isConnected && state(field) !== before)
        .map(([field]) => field),
  };
}

function differs({ element, shown }: Look): boolean {
  return element.isConnected && isShown(element) !== shown;
}

/** Siblings of the target and of its wrappers, with what is in them, nearest first. */
function sample(target: Element, { container, own }: Surroundings): Element[] {
  const moving = new Set(animated(target.ownerDocument));
  const found = new Set<Element>();
  const add = (element: Element) => {
    if (found.size < STYLED && element !== target && !inMotion(element, moving)) found.add(element);
  };
  for (const element of own.slice(1)) if (element !== container) add(element);
  for (const inner of target.querySelectorAll("*")) add(inner);
  for (let at: Element | null = target; at && at !== container; at = parentOf(at)) {
    for (const sibling of at.parentElement?.children ?? []) {
      if (sibling === at || /^(script|style|link)$/.test(sibling.localName)) continue;
      add(sibling);
      let inner = 0;
      for (const one of sibling.querySelectorAll("*")) if (inner++ < 8) add(one);
      if (found.size >= STYLED) return [...found];
    }
  }
  return [...found];
}

// What already moves at the press (a hover effect) is not its answer.
function animated(page: Document): Element[] {
  const elements: Element[] = [];
  for (const animation of page.getAnimations?.() ?? []) {
    const { target } = (animation.effect ?? {}) as KeyframeEffect;
    if (target) elements.push(target);
  }
  return elements;
}

function inMotion(element: Element, moving: Set<Element>): boolean {
  if (!moving.size) return false;
  for (let at: Element | null = element; at; at = parentOf(at)) if (moving.has(at)) return true;
  return false;
}

function isShown(element: Element): boolean {
  const style = getComputedStyle(element);
  if (style.display === "none" || style.visibility !== "visible") return false;
  if (Number(style.opacity) < 0.1) return false;
  const { width, height } = element.getBoundingClientRect();
  return width * height >= 4;
}

function state(field: Element): string {
  const { value, checked, selectedIndex } = field as HTMLInputElement & HTMLSelectElement;
  return `${value}|${checked}|${selectedIndex}`;
}

export function probeable(target: EventTarget | null): target is Element {
  return isElement(target as Node | null);
}
