// Owns the short words over the picture and those that are only read out, and copying a text, which ends in some.

import { fill, type Texts } from "./model";
import type { Page } from "./page";

const SHOWN_MS = 2500;

export class Toast {
  readonly #page: Page;
  readonly #texts: Texts;
  #timer = 0;

  constructor(page: Page, texts: Texts) {
    this.#page = page;
    this.#texts = texts;
  }

  /** Show *text* for a while. */
  say(text = "", span = SHOWN_MS): void {
    this.#page.toast.textContent = text;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#page.toast.textContent = "";
    }, span);
  }

  /** Tell readers who do not see the picture where a key has brought them. */
  speak(text: string): void {
    this.#page.spoken.textContent = text;
  }

  /** Copy *text* and say *done*. Where the browser lets nobody copy, the text itself is shown. */
  async copy(text: string, done = ""): Promise<void> {
    if (await copied(text)) this.say(done);
    else this.say(fill(this.#texts.not_copied, { text }), SHOWN_MS * 6);
  }
}

/** Copy *text*; return whether it worked. The console may be reached by plain http, which has no clipboard. */
async function copied(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const field = document.createElement("textarea");
    const focused = document.activeElement;
    field.value = text;
    field.className = "sr-only";
    document.body.append(field);
    field.select();
    const done = document.execCommand("copy");
    field.remove();
    if (focused instanceof HTMLElement) focused.focus({ preventScroll: true });
    return done;
  }
}
