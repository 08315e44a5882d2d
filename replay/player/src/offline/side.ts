// Owns what stands beside the picture in the exported file: struggles, events, transcript, notes, and
// what is missing. Everything is written as text.

import { clock, type GapText, lastAt, type Row } from "../model";
import { make } from "../page";
import type { Data, Words } from "./inlined";
import { PANELS, type Panel, type Parts } from "./parts";

export interface Jumps {
  to(at: number): void;
  toFlag(id: string): void;
}

export class Side {
  readonly #parts: Parts;
  readonly #data: Data;
  readonly #jumps: Jumps;
  #rows: { row: Row; item: HTMLLIElement }[] = [];
  #current: HTMLElement | null = null;

  constructor(parts: Parts, data: Data, jumps: Jumps) {
    this.#parts = parts;
    this.#data = data;
    this.#jumps = jumps;
    for (const name of PANELS) {
      parts.panels[name].choice.addEventListener("click", () => this.#show(name));
    }
    parts.choices.addEventListener("keydown", (event) => this.#walk(event));
  }

  /** Write everything in the language of *words*. */
  draw(words: Words, gaps: GapText[]): void {
    const { timeline, texts } = words;
    this.#fill("flags", texts.flags, timeline.flags.length, [this.#flags(words)]);
    this.#fill("events", texts.events, timeline.rows.length, this.#events(words));
    this.#fill("transcript", texts.transcript, 0, this.#transcript(words));
    this.#fill("notes", texts.notes, words.notes.length, [this.#notes(words)]);
    this.drawGaps(words, gaps);
    this.#parts.panels.notes.choice.hidden = words.notes.length === 0;
    const shown = PANELS.find((name) => !this.#parts.panels[name].panel.hidden);
    this.#show(this.#parts.aside.dataset.drawn && shown ? shown : "flags");
    this.#parts.aside.dataset.drawn = "1";
  }

  /** Write what is missing. */
  drawGaps(words: Words, gaps: GapText[]): void {
    this.#fill("gaps", words.texts.gaps, gaps.length, [this.#gaps(words, gaps)]);
  }

  /** Mark the event that was the last by *at*. */
  follow(at: number): void {
    const place = lastAt(
      this.#rows.map(({ row }) => row),
      at,
    );
    const item = this.#rows[place]?.item ?? null;
    if (item === this.#current) return;
    this.#current?.firstElementChild?.removeAttribute("aria-current");
    this.#current = item;
    item?.firstElementChild?.setAttribute("aria-current", "true");
    const panel = this.#parts.panels.events.panel;
    if (item && !panel.hidden) {
      panel.scrollTop = item.offsetTop - panel.offsetTop - panel.clientHeight * 0.4;
    }
  }

  #fill(name: Panel, title: string | undefined, count: number, content: Node[]): void {
    const { choice, panel } = this.#parts.panels[name];
    choice.replaceChildren(title ?? name);
    if (count) choice.append(" ", make("span", "pill", String(count)));
    panel.replaceChildren(...content);
  }

  #show(shown: Panel): void {
    for (const name of PANELS) {
      const { choice, panel } = this.#parts.panels[name];
      panel.hidden = name !== shown;
      choice.setAttribute("aria-selected", String(name === shown));
      choice.tabIndex = name === shown ? 0 : -1;
    }
  }

  /** Arrow keys go from one choice to the next, as in every list of tabs. */
  #walk(event: KeyboardEvent): void {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    const open = PANELS.filter((name) => !this.#parts.panels[name].choice.hidden);
    const now = open.findIndex((name) => !this.#parts.panels[name].panel.hidden);
    const next = open[(now + step + open.length) % open.length];
    if (!next) return;
    this.#show(next);
    this.#parts.panels[next].choice.focus();
    event.preventDefault();
    event.stopPropagation();
  }

  #offset(at: number): string {
    return clock(at - this.#data.base);
  }

  #flags({ timeline, texts }: Words): HTMLElement {
    const list = make("ol", "rows");
    for (const flag of timeline.flags) {
      const row = this.#row(list, flag.at, "", () => this.#jumps.toFlag(flag.id));
      const badge = make("span", `badge severity-${flag.severity}`, flag.severity_text);
      row.append(make("b", "", flag.title), badge);
      const where = [flag.target, flag.page].filter(Boolean).join(" · ");
      if (where) row.append(make("span", "detail", where));
    }
    return timeline.flags.length ? list : make("p", "none", texts.none);
  }

  #events({ timeline, texts }: Words): HTMLElement[] {
    const list = make("ol", "rows");
    this.#rows = timeline.rows.map((row) => {
      const words = this.#row(list, row.at, `tone-${row.tone}`, () => this.#jumps.to(row.at));
      words.append(make("span", "", row.text));
      if (row.detail) words.append(make("span", "detail", row.detail));
      return { row, item: list.lastElementChild as HTMLLIElement };
    });
    this.#current = null;
    const search = make("input", "search");
    search.type = "search";
    search.placeholder = texts.find ?? "";
    search.setAttribute("aria-label", texts.find ?? "");
    search.addEventListener("input", () => {
      const wanted = search.value.trim().toLowerCase();
      for (const { row, item } of this.#rows) {
        item.hidden = !`${row.text} ${row.detail} ${row.type}`.toLowerCase().includes(wanted);
      }
    });
    return [search, list];
  }

  #transcript({ transcript, texts }: Words): HTMLElement[] {
    const list = make("ol", "rows lines");
    for (const line of transcript.lines) {
      const go = (): void =>
        line.flag ? this.#jumps.toFlag(line.flag) : this.#jumps.to(this.#data.base + line.place);
      const name = `part-${line.part} tone-${line.tone}`;
      this.#row(list, this.#data.base + line.place, name, go).append(line.text);
    }
    const copy = make("button", "button small", texts.copy);
    copy.type = "button";
    copy.addEventListener("click", () => {
      void navigator.clipboard?.writeText(transcript.text).then(() => {
        copy.textContent = texts.copied ?? "";
      });
    });
    return [copy, list];
  }

  #notes({ notes }: Words): HTMLElement {
    const list = make("ol", "rows");
    for (const note of notes) {
      const words = this.#row(list, note.at, "", () => this.#jumps.to(note.at));
      words.append(make("b", "", note.author), make("span", "note-text", note.text));
    }
    return list;
  }

  #gaps({ texts }: Words, gaps: GapText[]): HTMLElement {
    if (gaps.length === 0) return make("p", "none", texts.complete);
    const list = make("ul", "rows");
    for (const gap of gaps) {
      const words = this.#row(list, gap.at, "", () => this.#jumps.to(gap.at));
      words.append(make("span", "", gap.text));
      if (gap.reason) words.append(make("span", "detail", gap.reason));
    }
    return list;
  }

  /** Add a row to *list* and return where its words go. */
  #row(list: HTMLElement, at: number, name: string, go: () => void): HTMLElement {
    const item = make("li");
    const pressed = make("button", `row ${name}`);
    pressed.type = "button";
    pressed.addEventListener("click", go);
    const words = make("span", "words");
    pressed.append(make("span", "offset", this.#offset(at)), words);
    item.append(pressed);
    list.append(item);
    return words;
  }
}
