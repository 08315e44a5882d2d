// Owns the drawer below the picture: which panel is open, its filter, and fetching what it lists.

import { keep, read } from "./address";
import { divide } from "./divider";
import { DomTree } from "./dom";
import { Follower, type Timed } from "./follower";
import type { Panel } from "./keys";
import { drawLogs, type Log } from "./logs";
import { fill, type Texts, type Timeline } from "./model";
import { drawRequests, type Request } from "./network";
import type { DrawerParts } from "./page";
import type { DomNode, ToStage } from "./protocol";
import { drawVitals, type Vital } from "./vitals";

interface Details {
  requests: Request[];
  logs: Log[];
  vitals: Vital[];
  cut: boolean;
}

/** A row that can be filtered. */
export interface DrawerRow extends Timed {
  words: string;
  failed: boolean;
}

const PANELS: Panel[] = ["console", "network", "performance", "dom"];

const EMPTY = { console: "no_logs", network: "no_requests", performance: "no_vitals" } as const;

export class Drawer {
  readonly #parts: DrawerParts;
  readonly #texts: Texts;
  readonly #jump: (at: number) => void;
  readonly #follower: Follower;
  readonly #dom: DomTree;
  readonly #restore: () => void;
  #timeline: Timeline;
  #open: Panel | null = null;
  #details: Details | null = null;
  #fetched = false; // the details, once
  #asking = false;
  #rows: DrawerRow[] = [];
  #at = 0;

  constructor(
    parts: DrawerParts,
    timeline: Timeline,
    texts: Texts,
    jump: (at: number) => void,
    tell: (message: ToStage) => void,
  ) {
    this.#parts = parts;
    this.#timeline = timeline;
    this.#texts = texts;
    this.#jump = jump;
    this.#follower = new Follower(parts.body);
    this.#dom = new DomTree(parts.dom, parts.none, texts, tell);
    this.#restore = divide(parts.divider, parts.box, parts.box.parentElement as HTMLElement);
    for (const name of PANELS) {
      parts.openers[name].addEventListener("click", () => this.toggle(name));
    }
    parts.close.addEventListener("click", () => this.show(null));
    parts.search.addEventListener("input", () => this.#filter());
    parts.only.addEventListener("change", () => this.#filter());
    parts.search.addEventListener("keydown", (event) => {
      if (event.key !== "Escape") return;
      event.preventDefault();
      parts.search.value = "";
      this.#filter();
      parts.body.focus({ preventScroll: true }); // the keys of the page go on from here
    });
    const wanted = PANELS.find((name) => name === read("panel"));
    if (wanted) this.show(wanted, false);
  }

  get open(): Panel | null {
    return this.#open;
  }

  toggle(name: Panel): void {
    this.show(this.#open === name ? null : name);
  }

  /** Show the panel *name*, or none; *focus* brings the keyboard to it. */
  show(name: Panel | null, focus = true): void {
    const before = this.#open;
    this.#open = name;
    const { box, openers, body, title, search, only } = this.#parts;
    const inside = box.contains(document.activeElement);
    box.hidden = name === null;
    keep("panel", name ?? "");
    for (const one of PANELS) {
      openers[one].setAttribute("aria-expanded", String(one === name));
      this.#parts[one].hidden = one !== name;
    }
    this.#dom.set(name === "dom");
    if (name === null) {
      if (before && inside) openers[before].focus();
      return;
    }
    this.#restore();
    title.textContent = openers[name].textContent;
    const dom = name === "dom";
    search.hidden = dom;
    this.#parts.count.hidden = dom;
    (only.parentElement as HTMLElement).hidden = dom;
    search.value = "";
    this.#rows = [];
    if (!dom) void this.#list();
    if (focus) body.focus({ preventScroll: true });
  }

  /** The session has grown: fetch again what is listed. */
  draw(timeline: Timeline): void {
    const grown = timeline.rows.length !== this.#timeline.rows.length || timeline.running;
    this.#timeline = timeline;
    if (this.#open && this.#open !== "dom" && grown && this.#fetched) void this.#list();
  }

  /** The playhead is at *at*. */
  moved(at: number, playing: boolean): void {
    this.#at = at;
    if (!this.#open) return;
    if (this.#open === "dom") this.#dom.moved(playing);
    else this.#follower.follow(at);
  }

  /** The stage tells of *nodes*; null: it shows no page. */
  nodes(turn: number, nodes: DomNode[] | null): void {
    this.#dom.take(turn, nodes);
  }

  async #list(): Promise<void> {
    const { none } = this.#parts;
    if (!this.#details || this.#timeline.running) {
      if (this.#asking) return; // what comes is drawn in the panel that is open then
      this.#asking = true;
      const answer = await fetch(`/sessions/${this.#timeline.session}/details`).catch(() => null);
      this.#asking = false;
      if (!answer?.ok) {
        none.hidden = false;
        none.textContent = this.#texts.detail_failed ?? "";
        return;
      }
      this.#details = (await answer.json()) as Details;
      this.#fetched = true;
    }
    const { start } = this.#timeline;
    const found = this.#details;
    if (this.#open === "network") {
      this.#rows = drawRequests(this.#parts, found.requests, start, this.#texts, this.#jump);
    } else if (this.#open === "performance") {
      this.#rows = drawVitals(this.#parts, found.vitals, start, this.#texts, this.#jump);
    } else if (this.#open === "console") {
      this.#rows = drawLogs(this.#parts.console, found.logs, start, this.#texts, this.#jump);
    }
    this.#filter();
  }

  #filter(): void {
    const { search, only, count, none } = this.#parts;
    if (!this.#open || this.#open === "dom") return;
    const wanted = search.value.trim().toLowerCase();
    const shown = this.#rows.filter((row) => {
      row.element.hidden = !row.words.includes(wanted) || (only.checked && !row.failed);
      return !row.element.hidden;
    });
    const all = this.#rows.length;
    const some = { shown: shown.length, all };
    count.textContent = shown.length < all ? fill(this.#texts.shown_of, some) : String(all);
    none.hidden = shown.length > 0 && !this.#details?.cut;
    const empty = this.#texts[EMPTY[this.#open]];
    const why = shown.length ? this.#texts.cut : all ? this.#texts.no_match : empty;
    none.textContent = why ?? "";
    this.#follower.rows(shown);
    this.#follower.follow(this.#at);
  }
}
