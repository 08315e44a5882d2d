// Owns the panel that shows what a text would have flagged: one run at a time, with its progress.

import { element, fill, send } from "./page";
import { isStill } from "./view";

interface Line {
  done?: number;
  total?: number;
  html?: string;
  error?: string;
}

export class Draft {
  #stop: AbortController | null = null;
  #shown: string | null = null;
  readonly #form: HTMLFormElement;
  readonly #spoken: HTMLElement;
  readonly #progress = element("progress", HTMLElement);
  readonly #bar = element("bar", HTMLProgressElement);
  readonly #text = element("progress-text", HTMLElement);
  readonly #error = element("draft-error", HTMLElement);
  readonly #stale = element("stale", HTMLElement);

  constructor(form: HTMLFormElement, spoken: HTMLElement) {
    this.#form = form;
    this.#spoken = spoken;
  }

  /** Say that what is shown belongs to an earlier text. */
  outdate(): void {
    this.#stop?.abort();
    this.#stale.hidden = this.#shown === null;
  }

  /** Run *text* over the last days; *again* also if that is what is shown. */
  async runFor(text: string, again = false): Promise<void> {
    if (text === this.#shown && !again) {
      this.#stale.hidden = true;
      return;
    }
    this.#stop?.abort();
    const stop = new AbortController();
    this.#stop = stop;
    this.#begin();
    try {
      const answer = await send(this.#form, "/rules/edit/draft", text, stop.signal);
      if (!answer.ok) this.#fail(await answer.text());
      else for await (const line of linesOf(answer)) this.#take(line, text);
    } catch (error) {
      if (!stop.signal.aborted) this.#fail(String(error));
    } finally {
      if (this.#stop === stop) this.#progress.hidden = true;
    }
  }

  #begin(): void {
    this.#progress.hidden = false;
    this.#error.hidden = true;
    if (isStill()) this.#bar.value = 0;
    else this.#bar.removeAttribute("value"); // it moves to and fro
    this.#text.textContent = this.#text.dataset.begin ?? "";
  }

  #take(line: Line, text: string): void {
    if (line.error) this.#fail(line.error);
    if (line.total) {
      this.#bar.value = (line.done ?? 0) / line.total;
      this.#text.textContent = (this.#text.dataset.text ?? "")
        .replace("{done}", String(line.done))
        .replace("{total}", String(line.total));
    }
    if (line.html === undefined) return;
    fill("draft", line.html);
    this.#shown = text;
    this.#stale.hidden = true;
    this.#spoken.textContent = document.querySelector("#draft .draft-summary")?.textContent ?? "";
  }

  #fail(why: string): void {
    this.#error.textContent = why;
    this.#error.hidden = false;
  }
}

async function* linesOf(answer: Response): AsyncGenerator<Line> {
  if (!answer.body) return;
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (let read = await reader.read(); !read.done; read = await reader.read()) {
    const lines = (rest + read.value).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) if (line) yield JSON.parse(line) as Line;
  }
}
