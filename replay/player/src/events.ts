// Owns the list of events: its rows, its search and its filter by kind.

import { keep, read } from "./address";
import { Follower } from "./follower";
import { clock, type Flag, fill, lastAt, type Row, type Texts, type Timeline } from "./model";
import { make, type Page } from "./page";

/** A block that is out of view is not laid out: an hour has thousands of rows. */
const BLOCK = 50;
const ROW_PX = 27; // about, until it was seen

interface Shown {
  row: Row;
  item: HTMLElement;
  button: HTMLButtonElement;
  words: string; // as they are searched
}

export class EventList {
  readonly #page: Page;
  readonly #texts: Texts;
  readonly #jump: (at: number) => void;
  readonly #follower: Follower;
  #all: Shown[] = [];
  #shown: Shown[] = [];
  #rows: Row[] = []; // of those that are shown
  #at = 0;
  #focusable: HTMLButtonElement | null = null;

  constructor(page: Page, texts: Texts, jump: (at: number) => void) {
    this.#page = page;
    this.#texts = texts;
    this.#jump = jump;
    this.#follower = new Follower(page.events);
    page.eventSearch.value = read("q");
    page.eventKind.value = read("kind");
    page.eventSearch.addEventListener("input", () => this.#search());
    page.eventKind.addEventListener("change", () => this.#search());
    page.eventSearch.addEventListener("keydown", (event) => this.#key(event));
  }

  /** The rows that the search leaves; steps from event to event go over these. */
  get rows(): Row[] {
    return this.#rows;
  }

  /** Bring the cursor into the search, or onto the row of the moment. */
  focus(on: "search" | "row"): void {
    if (on === "search") {
      this.#page.eventSearch.focus();
      this.#page.eventSearch.select();
    } else (this.#focusable ?? this.#page.events).focus();
  }

  /** Show the rows of *timeline*; those that are there already stay, with the focus they have. */
  draw(timeline: Timeline, several: boolean): void {
    const evidence = new Map<string, Flag>();
    for (const flag of timeline.flags) for (const id of flag.evidence) evidence.set(id, flag);
    const same = this.#all.every(({ row }, place) => row.id === timeline.rows[place]?.id);
    if (!same) {
      this.#page.events.replaceChildren();
      this.#all = [];
      this.#focusable = null;
    }
    const numbers = new Map(timeline.tabs.map((tab) => [tab.id, tab.number]));
    const added = timeline.rows
      .slice(this.#all.length)
      .map((row) =>
        this.#made(row, timeline.start, several ? String(numbers.get(row.tab) ?? "") : ""),
      );
    this.#all.push(...added);
    this.#place(added.map(({ item }) => item));
    for (const { row, button } of this.#all) {
      const flag = evidence.get(row.id);
      const [severity, title] = [flag?.severity ?? "", flag?.title ?? ""];
      if ((button.dataset.severity ?? "") === severity && button.title === title) continue;
      button.dataset.severity = severity;
      button.title = title;
    }
    this.#filter();
  }

  /** Mark the last row at or before *at*; with *carry* a focus on the row before goes with it. */
  follow(at: number, carry = false): void {
    this.#at = at;
    this.#follower.follow(at);
    const place = lastAt(this.rows, at);
    const button = (this.#shown[place] ?? this.#shown[0])?.button ?? null;
    if (button === this.#focusable) return;
    if (button) button.tabIndex = 0;
    if (carry && this.#focusable && this.#focusable === document.activeElement) button?.focus();
    if (this.#focusable) this.#focusable.tabIndex = -1;
    this.#focusable = button;
  }

  #search(): void {
    keep("q", this.#page.eventSearch.value.trim());
    keep("kind", this.#page.eventKind.value);
    this.#filter();
    this.follow(this.#at);
  }

  #filter(): void {
    const { eventSearch, eventKind, eventsCount, eventsNone } = this.#page;
    const wanted = eventSearch.value.trim().toLowerCase();
    const types = eventKind.selectedOptions[0]?.dataset.types?.split(" ");
    this.#shown = this.#all.filter(({ row, item, words }) => {
      item.hidden = !words.includes(wanted) || (types ? !types.includes(row.type) : false);
      return !item.hidden;
    });
    this.#rows = this.#shown.map(({ row }) => row);
    const found = { shown: this.#shown.length, all: this.#all.length };
    const text = wanted || types ? fill(this.#texts.shown_of, found) : String(found.all);
    if (eventsCount.textContent !== text) eventsCount.textContent = text;
    eventsNone.hidden = found.shown > 0 || found.all === 0;
    this.#page.events.classList.toggle("is-filtered", Boolean(wanted || types));
    for (const block of this.#page.events.children) measure(block as HTMLElement);
    this.#follower.rows(this.#shown.map(({ row, button }) => ({ at: row.at, element: button })));
  }

  /** Put *items* at the end of the list, in blocks. */
  #place(items: HTMLElement[]): void {
    const last = this.#page.events.lastElementChild;
    let at = last ? Math.min(items.length, BLOCK - last.children.length) : 0;
    last?.append(...items.slice(0, at));
    for (; at < items.length; at += BLOCK) {
      const block = make("div", "event-rows");
      block.setAttribute("role", "presentation");
      block.append(...items.slice(at, at + BLOCK));
      this.#page.events.append(block);
    }
  }

  /** Enter goes to the next match, with Shift to the one before; Escape ends the search. */
  #key(event: KeyboardEvent): void {
    if (event.key === "Escape") {
      event.preventDefault();
      this.#page.eventSearch.value = "";
      this.#search();
      this.#page.events.focus({ preventScroll: true }); // a row would take the space bar
    } else if (event.key === "Enter") {
      event.preventDefault();
      const rows = this.rows;
      const place = lastAt(rows, this.#at + (event.shiftKey ? -1 : 0));
      const next = event.shiftKey ? rows[place] : (rows[place + 1] ?? rows[0]);
      if (next) this.#jump(next.at);
    }
  }

  #made(row: Row, start: number, tab: string): Shown {
    const item = make("div");
    item.setAttribute("role", "listitem");
    const button = make("button", `event tone-${row.tone}`);
    button.type = "button";
    button.tabIndex = -1;
    button.append(make("span", "offset", clock(row.at - start)));
    const words = make("span", "words", row.text);
    if (row.detail) words.append(make("span", "detail", row.detail));
    button.append(words);
    if (tab) button.append(make("span", "tab-number", tab));
    button.addEventListener("click", () => this.#jump(row.at));
    item.append(button);
    return { row, item, button, words: `${row.text} ${row.detail}`.toLowerCase() };
  }
}

/** Tell how high *block* is about, while it is not laid out. */
function measure(block: HTMLElement): void {
  const rows = [...block.children].filter((item) => !(item as HTMLElement).hidden).length;
  block.hidden = rows === 0;
  const known = rows === block.children.length ? "auto " : ""; // what it was when all were shown
  block.style.setProperty("contain-intrinsic-block-size", `${known}${rows * ROW_PX}px`);
}
