// Owns the keys. They work on the whole page, whatever was clicked last, but not in text fields.

import type { KeyPress } from "./protocol";

export type Panel = "console" | "network" | "performance" | "dom";

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
  events(): void;
  search(): void;
  panel(name: Panel): void;
  note(): void;
  export(): void;
  session(step: 1 | -1): void;
  fullScreen(): void;
  go(path: string): void;
  /** Close what is open; return whether something was. */
  escape(): boolean;
}

const STEP_MS = 5000;
const SECOND_KEY_MS = 1500; // after G

const GOALS: Record<string, string> = {
  s: "/sessions",
  q: "/struggles",
  r: "/rules",
  p: "/processes",
};

let goingUntil = 0; // G was pressed: the next letter says where to

/** Do what *press* means; return whether it means anything. */
export function act(press: KeyPress, actions: Actions): boolean {
  const key = press.key.length === 1 ? press.key.toLowerCase() : press.key;
  if (key === "ArrowLeft" || key === "ArrowRight") {
    const step = key === "ArrowRight" ? 1 : -1;
    if (press.alt) actions.flag(step);
    else if (press.shift) actions.event(step);
    else actions.step(step * STEP_MS);
    return true;
  }
  // Signs that some keyboards have under Shift or Alt.
  const sign = SIGNS[key];
  if (sign) {
    sign(actions);
    return true;
  }
  if (press.alt || press.shift) return false;
  return letter(key, actions);
}

const SIGNS: Record<string, (actions: Actions) => void> = {
  "?": (actions) => actions.help(),
  "/": (actions) => actions.search(),
  "[": (actions) => actions.session(-1),
  "]": (actions) => actions.session(1),
};

const LETTERS: Record<string, (actions: Actions) => void> = {
  " ": (actions) => actions.toggle(),
  k: (actions) => actions.toggle(),
  ArrowUp: (actions) => actions.faster(1),
  ArrowDown: (actions) => actions.faster(-1),
  i: (actions) => actions.skip(),
  s: (actions) => actions.link(),
  e: (actions) => actions.events(),
  c: (actions) => actions.panel("console"),
  n: (actions) => actions.panel("network"),
  d: (actions) => actions.panel("dom"),
  p: (actions) => actions.panel("performance"),
  m: (actions) => actions.note(),
  x: (actions) => actions.export(),
  f: (actions) => actions.fullScreen(),
  g: () => {
    goingUntil = performance.now() + SECOND_KEY_MS;
  },
};

function letter(key: string, actions: Actions): boolean {
  const goal = performance.now() < goingUntil ? GOALS[key] : undefined;
  goingUntil = 0;
  if (goal) {
    actions.go(goal);
    return true;
  }
  if (key === "Escape") return actions.escape();
  if (/^[0-9]$/.test(key)) {
    actions.tenth(Number(key));
    return true;
  }
  LETTERS[key]?.(actions);
  return key in LETTERS;
}

/** Return what *event* presses; null if it is a shortcut of the browser's. */
export function pressOf(event: KeyboardEvent): KeyPress | null {
  // AltGr, by which many keyboards write [ and ], comes as Ctrl with Alt.
  const graph = event.getModifierState("AltGraph");
  if ((event.ctrlKey && !graph) || event.metaKey) return null;
  const { key, code, shiftKey: shift, altKey } = event;
  return { key, code, shift, alt: altKey && !graph };
}

/** Hear keys on the whole page. */
export function hearKeys(actions: Actions): void {
  document.addEventListener("keydown", (event) => {
    const press = pressOf(event);
    if (event.defaultPrevented || !press || leave(event)) return;
    if (act(press, actions)) event.preventDefault();
  });
}

/** Return whether the focused element needs this key for itself. */
function leave(event: KeyboardEvent): boolean {
  const target = event.target;
  if (!(target instanceof HTMLElement)) return false;
  if (document.querySelector("dialog[open]")) return true;
  if (target instanceof HTMLInputElement && target.type === "checkbox") return event.key === " ";
  if (target instanceof HTMLInputElement) return target.type !== "range";
  if (target.matches("select, textarea, [contenteditable]")) return true;
  return event.key === " " && target.matches("button, a, summary");
}
