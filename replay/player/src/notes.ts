// Owns the notes: their list, their pins on the timeline, and writing one.

import { clock, fill, type Note, type Texts, type Timeline } from "./model";
import { make, type NoteParts, type Page } from "./page";

export interface NoteHost {
  /** Go to a moment of the session. */
  goTo(at: number): void;
  /** Stand still, and return where. */
  pause(): number;
  toast(text: string): void;
}

export class Notes {
  readonly #page: Page;
  readonly #parts: NoteParts | null;
  readonly #texts: Texts;
  readonly #host: NoteHost;
  #timeline: Timeline;
  #notes: Note[] = [];
  #changing: Note | null = null;
  #at = 0;

  constructor(page: Page, timeline: Timeline, texts: Texts, host: NoteHost) {
    this.#page = page;
    this.#parts = page.noteParts;
    this.#texts = texts;
    this.#host = host;
    this.#timeline = timeline;
    const parts = this.#parts;
    if (!parts) return;
    parts.add.addEventListener("click", () => this.write());
    parts.cancel.addEventListener("click", () => parts.dialog.close());
    parts.form.addEventListener("submit", (event) => {
      event.preventDefault();
      void this.#save();
    });
    parts.text.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
      event.preventDefault();
      parts.form.requestSubmit();
    });
  }

  /** Show the notes of *timeline*. */
  draw(timeline: Timeline): void {
    this.#timeline = timeline;
    this.#notes = timeline.notes;
    const { notes, notesCount, pins } = this.#page;
    notesCount.textContent = String(this.#notes.length);
    notes.hidden = this.#notes.length === 0;
    notes.parentElement?.classList.toggle("is-empty", notes.hidden);
    notes.replaceChildren(...this.#notes.map((note) => this.#item(note)));
    pins.hidden = this.#notes.length === 0;
    pins.replaceChildren(...this.#notes.map((note) => this.#pin(note)));
  }

  /** Write a note at the moment of now; readers who may not write see nothing. */
  write(): void {
    if (this.#parts) this.#ask(this.#host.pause(), null);
  }

  #ask(at: number, changing: Note | null): void {
    const parts = this.#parts;
    if (!parts) return;
    this.#changing = changing;
    this.#at = at;
    const text = changing ? this.#texts.note_change : this.#texts.note_new;
    parts.title.textContent = fill(text, { at: this.#clock(at) });
    parts.text.value = changing?.text ?? "";
    parts.error.hidden = true;
    parts.dialog.showModal();
    parts.text.focus();
  }

  async #save(): Promise<void> {
    const parts = this.#parts;
    if (!parts) return;
    parts.save.disabled = true;
    const path = this.#changing ? `/${this.#changing.id}` : "";
    const failed = await this.#send(path, parts.text.value);
    parts.save.disabled = false;
    parts.error.hidden = failed === "";
    parts.error.textContent = failed && fill(this.#texts.not_saved, { reason: failed });
    if (!failed) parts.dialog.close();
    else parts.text.focus(); // the button, while it could not be pressed, has lost it
  }

  async #remove(note: Note): Promise<void> {
    if (!window.confirm(this.#texts.remove_sure ?? "")) return;
    const failed = await this.#send(`/${note.id}/remove`, "");
    if (failed) this.#host.toast(fill(this.#texts.not_saved, { reason: failed }));
    else this.#parts?.add.focus();
  }

  /** Send a form; return why it was refused, "" if it was not. */
  async #send(path: string, text: string): Promise<string> {
    const parts = this.#parts;
    if (!parts) return "";
    const form = new FormData(parts.form);
    form.set("text", text);
    form.set("at", String(this.#at));
    const request = {
      method: "POST",
      body: new URLSearchParams([...form].map(([name, value]) => [name, String(value)])),
      headers: { Accept: "application/json" },
    };
    const answer = await fetch(`${parts.dialog.dataset.url}${path}`, request).catch(() => null);
    if (!answer?.ok) return answer ? await answer.text() : "–";
    const { notes } = (await answer.json()) as { notes: Note[] };
    this.draw({ ...this.#timeline, notes });
    return "";
  }

  #item(note: Note): HTMLLIElement {
    const item = make("li", "a-note");
    const jump = make("button", "note-jump");
    jump.type = "button";
    jump.append(make("span", "offset", this.#clock(note.at)), make("span", "note-text", note.text));
    jump.addEventListener("click", () => this.#host.goTo(note.at));
    const about = make("p", "note-about");
    about.append(make("span", "", note.author));
    if (note.changed) about.append(` (${this.#texts.note_changed})`);
    if (note.own) about.append(this.#action("edit", () => this.#ask(note.at, note)));
    if (note.removable) about.append(this.#action("remove", () => void this.#remove(note)));
    item.append(jump, about);
    return item;
  }

  #action(name: string, act: () => void): HTMLButtonElement {
    const button = make("button", "quiet-button", this.#texts[name]);
    button.type = "button";
    button.addEventListener("click", act);
    return button;
  }

  #pin(note: Note): HTMLButtonElement {
    const { start, end } = this.#timeline;
    const pin = make("button", "pin");
    pin.type = "button";
    pin.style.left = `${((note.at - start) / Math.max(1, end - start)) * 100}%`;
    const about = { author: note.author, at: this.#clock(note.at) };
    pin.setAttribute("aria-label", fill(this.#texts.note_at, about));
    pin.title = `${fill(this.#texts.note_at, about)}: ${note.text}`;
    pin.append(make("span", "mark"));
    pin.addEventListener("click", () => this.#host.goTo(note.at));
    return pin;
  }

  #clock(at: number): string {
    return clock(at - this.#timeline.start);
  }
}
