// Owns picking on the page's side: the mode, its keys, and the dialog that says how the element
// is found again and what can be made of it.

import { fill, type Texts } from "./model";
import { make, type PickParts } from "./page";
import type { Picked, PickStep } from "./protocol";

const STEPS: Record<string, PickStep> = {
  ArrowUp: "parent",
  ArrowDown: "child",
  ArrowLeft: "previous",
  ArrowRight: "next",
  Enter: "take",
};

/** What the server says of one way to find the element. */
interface Option {
  selector: string;
  text: string;
  matches: string;
}

interface Answer {
  options: Option[];
  seen: string;
}

export interface PickActions {
  /** Stand still, and let the stage pick or not. */
  pick(on: boolean): void;
  step(step: PickStep): void;
  /** Time since the session's start and path of the page that is shown. */
  place(): { at: number; path: string };
}

export class Pick {
  readonly #parts: PickParts;
  readonly #texts: Texts;
  readonly #actions: PickActions;
  #on = false;
  #asked = 0; // number of the newest question to the server

  constructor(parts: PickParts, texts: Texts, actions: PickActions) {
    this.#parts = parts;
    this.#texts = texts;
    this.#actions = actions;
    parts.button.addEventListener("click", () => this.set(!this.#on));
    parts.dialog.addEventListener("close", () => this.set(false));
    parts.options.addEventListener("change", () => this.#link());
    document.addEventListener("keydown", (event) => this.#key(event), { capture: true });
    if (new URLSearchParams(location.search).has("pick")) this.#wanted = true;
  }

  /** The address asks to pick as soon as there is a picture. */
  #wanted = false;

  /** A picture is shown now. */
  shown(): void {
    if (this.#wanted) this.set(true);
    this.#wanted = false;
  }

  get on(): boolean {
    return this.#on;
  }

  set(on: boolean): void {
    if (on === this.#on) return;
    this.#on = on;
    this.#parts.button.setAttribute("aria-pressed", String(on));
    this.#parts.status.hidden = !on;
    this.#parts.status.textContent = on ? (this.#texts.pick_how ?? "") : "";
    this.#actions.pick(on);
  }

  /** Do what *key* means while picking; return whether it means anything. */
  press(key: string): boolean {
    if (!this.#on || this.#parts.dialog.open) return false;
    const step = STEPS[key];
    if (step) this.#actions.step(step);
    else if (key === "Escape") this.set(false);
    else return false;
    return true;
  }

  #key(event: KeyboardEvent): void {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (!this.press(event.key)) return;
    event.preventDefault();
    event.stopImmediatePropagation(); // else the arrows would move the playhead
  }

  hovered(picked: Picked | null): void {
    if (!this.#on || this.#parts.dialog.open) return;
    this.#parts.status.textContent = picked
      ? fill(this.#texts.pick_here, { what: words(picked, this.#texts) })
      : (this.#texts.pick_how ?? "");
  }

  async picked(picked: Picked): Promise<void> {
    if (!this.#on) return;
    const { dialog, what, options, note, kinds } = this.#parts;
    const asked = ++this.#asked;
    what.textContent = words(picked, this.#texts);
    options.replaceChildren();
    kinds.hidden = true;
    note.textContent = this.#texts.pick_counting ?? "";
    if (!dialog.open) dialog.showModal();
    const answer = await this.#ask(picked);
    if (asked !== this.#asked) return;
    if (answer) this.#offer(answer);
    else note.textContent = this.#texts.pick_failed ?? "";
  }

  async #ask(picked: Picked): Promise<Answer | null> {
    const token = document.querySelector<HTMLInputElement>('input[name="form_token"]');
    const body = new FormData();
    body.set("form_token", token?.value ?? "");
    body.set("path", JSON.stringify(picked.path));
    const url = this.#parts.dialog.dataset.url ?? "";
    const answer = await fetch(url, { method: "POST", body }).catch(() => null);
    return answer?.ok ? ((await answer.json()) as Answer) : null;
  }

  #offer({ options, seen }: Answer): void {
    this.#parts.options.replaceChildren(
      ...options.map((option, place) => choice(option, place === 0)),
    );
    this.#parts.note.textContent = options.length ? seen : (this.#texts.pick_none ?? "");
    this.#parts.kinds.hidden = options.length === 0;
    this.#link();
    this.#parts.options.querySelector("input")?.focus();
  }

  /** Let the links lead to a form about the selector that is chosen. */
  #link(): void {
    const chosen = this.#parts.options.querySelector<HTMLInputElement>("input:checked");
    const { at, path } = this.#actions.place();
    for (const link of this.#parts.kinds.querySelectorAll("a")) {
      const url = new URL(link.href);
      url.searchParams.set("selector", chosen?.value ?? "");
      url.searchParams.set("at", String(Math.round(at)));
      url.searchParams.set("path", path);
      link.href = url.href;
    }
  }
}

function choice(option: Option, checked: boolean): HTMLLabelElement {
  const label = make("label", "pick-option");
  const input = make("input");
  input.type = "radio";
  input.name = "selector";
  input.value = option.selector;
  input.checked = checked;
  const text = make("span", "pick-text");
  text.append(make("code", "", option.selector), make("span", "hint", option.text));
  label.append(input, text, make("span", "pick-matches", option.matches));
  return label;
}

function words({ tag, role, label }: Picked, texts: Texts): string {
  const kind = role || tag;
  return label ? fill(texts.pick_named, { kind, label }) : kind;
}
