// Owns the keys. They work on the whole page, whatever was clicked last, but not in text fields.

import type { KeyPress } from "./protocol";

export interface Actions {
  toggle(): void;
  step(ms: number): void;
  event(step: 1 | -1): void;
  flag(step: 1 | -1): void;
  faster(step: 1 | -1): void;
  tenth(number: number): void;
  skip(): void;
  link(): void;
  help(): void;
}

const STEP_MS = 5000;

/** Do what *press* means; return whether it means anything. */
export function act(press: KeyPress, actions: Actions): boolean {
  const { key, shift, alt } = press;
  if (key === "ArrowLeft" || key === "ArrowRight") {
    const step = key === "ArrowRight" ? 1 : -1;
    if (alt) actions.flag(step);
    else if (shift) actions.event(step);
    else actions.step(step * STEP_MS);
    return true;
  }
  if (alt) return false;
  if (key === "?") {
    actions.help();
    return true;
  }
  if (shift) return false;
  if (/^[0-9]$/.test(key)) {
    actions.tenth(Number(key));
    return true;
  }
  const plain: Record<string, () => void> = {
    " ": () => actions.toggle(),
    k: () => actions.toggle(),
    ArrowUp: () => actions.faster(1),
    ArrowDown: () => actions.faster(-1),
    i: () => actions.skip(),
    s: () => actions.link(),
  };
  const chosen = plain[key.length === 1 ? key.toLowerCase() : key];
  chosen?.();
  return chosen !== undefined;
}

/** Hear keys on the whole page. */
export function hearKeys(actions: Actions): void {
  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey) return;
    if (leave(event)) return;
    const { key, code, shiftKey: shift, altKey: alt } = event;
    if (act({ key, code, shift, alt }, actions)) event.preventDefault();
  });
}

/** Return whether the focused element needs this key for itself. */
function leave(event: KeyboardEvent): boolean {
  const target = event.target;
  if (!(target instanceof HTMLElement)) return false;
  if (document.querySelector("dialog[open]")) return true;
  if (target instanceof HTMLInputElement) return target.type !== "range";
  if (target.matches("select, textarea, [contenteditable]")) return true;
  return event.key === " " && target.matches("button, a, summary");
}
