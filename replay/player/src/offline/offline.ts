// Entry of an exported file: the whole of a session's player, with nothing but the file itself.

import { drawBar, movePlayhead } from "../bar";
import { Director } from "../director";
import { clock, fill, type GapText, neighbour, pathAt, spanAt, tabInUse, unheard } from "../model";
import { make } from "../page";
import type { FromStage, Gap, View } from "../protocol";
import { type Data, Inlined, readData, type Words } from "./inlined";
import { makeParts, type Parts } from "./parts";
import { Side } from "./side";

const LEAD_MS = 5000; // the way into trouble is the story
const SPEEDS = [0.5, 1, 2, 4, 8, 16];

class Offline {
  readonly #data: Data;
  readonly #parts: Parts;
  readonly #side: Side;
  readonly #director: Director;
  readonly #stageGaps: Gap[];
  #words: Words;
  #language: string;
  #at: number;
  #tab: string;
  #pinned = false;
  #playing = false;
  #turn = 0;
  #view: [View, string] = ["loading", ""];
  #size = { width: 0, height: 0 };
  #toastTimer = 0;

  constructor(data: Data) {
    this.#data = data;
    this.#stageGaps = [...data.missing];
    this.#parts = makeParts();
    const [first] = Object.keys(data.words);
    this.#language =
      navigator.languages.map((one) => one.slice(0, 2)).find((one) => data.words[one]) ??
      first ??
      "en";
    this.#words = data.words[this.#language] as Words;
    this.#side = new Side(this.#parts, data, {
      to: (at) => this.#goTo(at),
      toFlag: (id) => this.#goToFlag(id),
    });
    this.#at = this.#startingPoint();
    this.#tab = tabInUse(this.#words.timeline, this.#at);
    this.#director = new Director(this.#parts.stage, new Inlined(), (message) =>
      this.#heard(message),
    );
    this.#bind();
    this.#draw();
    void this.#begin();
  }

  async #begin(): Promise<void> {
    const { loads, start, end } = this.#data;
    await this.#director.program({ loads, start, end, running: false }, false);
    this.#seek(this.#at, false);
  }

  /** Return where to begin: at the `at` in the address, before its flag, or at the start. */
  #startingPoint(): number {
    const query = new URLSearchParams(location.search);
    const flags = this.#words.timeline.flags;
    const at = Number(query.get("at"));
    if (query.has("at") && Number.isFinite(at)) return this.#clamp(this.#data.base + at);
    const flag = flags.find((one) => one.id === query.get("flag"));
    return flag ? this.#clamp(flag.at - LEAD_MS) : this.#data.start;
  }

  #clamp(at: number): number {
    return Math.min(Math.max(at, this.#data.start), this.#data.end);
  }

  // What the stage says

  #heard(message: FromStage): void {
    switch (message.type) {
      case "time":
        if (message.turn === this.#turn) this.#moved(message.at, message.playing);
        break;
      case "view":
        this.#view = [message.view, message.reason];
        this.#drawNote();
        break;
      case "size":
        this.#size = message;
        this.#fit();
        break;
      case "gaps":
        this.#addGaps(message.gaps);
        break;
    }
  }

  #addGaps(gaps: Gap[]): void {
    const fresh = unheard(this.#stageGaps, gaps);
    if (fresh.length === 0) return;
    this.#stageGaps.push(...fresh);
    this.#side.drawGaps(this.#words, this.#gaps());
    this.#drawBar();
  }

  #moved(at: number, playing: boolean): void {
    this.#at = at;
    this.#playing = playing;
    this.#parts.play.classList.toggle("is-playing", playing);
    this.#parts.play.setAttribute("aria-label", this.#text(playing ? "pause" : "play"));
    this.#drawPlace();
    const tab = this.#pinned ? this.#tab : tabInUse(this.#words.timeline, at);
    if (tab !== this.#tab) {
      this.#tab = tab;
      this.#drawTabs();
      this.#director.tab(tab);
    }
    if (playing && this.#parts.skip.getAttribute("aria-pressed") === "true") this.#skipFrom(at);
  }

  #skipFrom(at: number): void {
    const span = spanAt(this.#data.inactive, at);
    if (!span || span[1] - at < 1000) return;
    this.#toast(fill(this.#text("skipped"), { span: clock(span[1] - at) }));
    this.#seek(span[1], true);
  }

  // What the reader does

  #bind(): void {
    const parts = this.#parts;
    parts.play.addEventListener("click", () => this.#toggle());
    parts.back.addEventListener("click", () => this.#goTo(this.#at - 5000));
    parts.forward.addEventListener("click", () => this.#goTo(this.#at + 5000));
    parts.seek.addEventListener("input", () =>
      this.#goTo(this.#data.start + Number(parts.seek.value)),
    );
    parts.speed.addEventListener("change", () => this.#director.speed(Number(parts.speed.value)));
    parts.skip.addEventListener("click", () => {
      const on = parts.skip.getAttribute("aria-pressed") === "true";
      parts.skip.setAttribute("aria-pressed", String(!on));
    });
    new ResizeObserver(() => this.#fit()).observe(parts.box);
    document.addEventListener("keydown", (event) => this.#pressed(event));
    parts.section.addEventListener("click", (event) => {
      const pressed = event.target instanceof Element && event.target.closest("button");
      if (event.detail > 0 && pressed) pressed.blur(); // the space bar goes on meaning "play"
    });
  }

  #pressed(event: KeyboardEvent): void {
    const { target, key, altKey, shiftKey } = event;
    if (event.ctrlKey || event.metaKey || event.defaultPrevented) return;
    if (target instanceof HTMLInputElement && target.type !== "range") return;
    if (target instanceof HTMLSelectElement) return;
    if (key === " " && target instanceof HTMLButtonElement) return;
    const { rows, flags } = this.#words.timeline;
    const step = key === "ArrowRight" ? 1 : -1;
    if (key === "ArrowRight" || key === "ArrowLeft") {
      if (altKey)
        this.#goToNeighbour(
          flags.map(({ at }) => ({ at: this.#clamp(at - LEAD_MS) })),
          step,
        );
      else if (shiftKey) this.#goToNeighbour(rows, step);
      else this.#goTo(this.#at + step * 5000);
    } else if (key === " " || key.toLowerCase() === "k") this.#toggle();
    else if (key === "ArrowUp" || key === "ArrowDown") this.#faster(key === "ArrowUp" ? 1 : -1);
    else if (key.toLowerCase() === "i") this.#parts.skip.click();
    else if (/^[0-9]$/.test(key)) {
      this.#goTo(this.#data.start + ((this.#data.end - this.#data.start) * Number(key)) / 10);
    } else return;
    event.preventDefault();
  }

  #toggle(): void {
    if (this.#playing) this.#director.pause();
    else this.#director.play();
  }

  #faster(step: 1 | -1): void {
    const now = SPEEDS.indexOf(Number(this.#parts.speed.value));
    const speed = SPEEDS[Math.min(SPEEDS.length - 1, Math.max(0, now + step))] ?? 1;
    this.#parts.speed.value = String(speed);
    this.#director.speed(speed);
  }

  #goTo(at: number, play = this.#playing): void {
    this.#seek(at, play);
  }

  #goToNeighbour(items: { at: number }[], step: 1 | -1): void {
    const at = neighbour(items, this.#at, step);
    if (at !== null) this.#goTo(at);
  }

  #goToFlag(id: string): void {
    const flag = this.#words.timeline.flags.find((one) => one.id === id);
    if (flag) this.#goTo(flag.at - LEAD_MS);
  }

  #seek(at: number, play: boolean): void {
    this.#at = this.#clamp(at);
    if (!this.#pinned) this.#tab = tabInUse(this.#words.timeline, this.#at);
    this.#drawPlace();
    this.#drawTabs();
    this.#director.seek({ turn: ++this.#turn, at: this.#at, tab: this.#tab, play });
  }

  // Drawing

  #text(name: string): string {
    return this.#words.texts[name] ?? "";
  }

  #gaps(): GapText[] {
    const found = this.#stageGaps.map((gap) => ({
      ...gap,
      text: this.#text(`gap_${gap.kind}`) || gap.kind,
    }));
    return [...this.#words.timeline.gaps, ...found].sort((one, other) => one.at - other.at);
  }

  #draw(): void {
    const { title, facts, texts } = this.#words;
    const parts = this.#parts;
    document.documentElement.lang = this.#language;
    parts.title.textContent = title;
    parts.facts.replaceChildren(...facts.map((fact) => make("span", "", fact)));
    this.#drawLanguages();
    this.#director.words(texts.blank ?? "");
    parts.skip.textContent = this.#text("skip");
    for (const [part, name] of [
      [parts.back, "back"],
      [parts.forward, "forward"],
      [parts.seek, "place"],
      [parts.speed, "speed"],
      [parts.languages, "language"],
      [parts.tabs, "tabs"],
      [parts.section, "replay"],
      [parts.play, "play"],
      [parts.choices, "beside"],
    ] as const) {
      part.setAttribute("aria-label", this.#text(name));
    }
    parts.length.textContent = clock(this.#data.end - this.#data.base);
    this.#drawNote();
    this.#drawTabs();
    this.#drawBar();
    this.#side.draw(this.#words, this.#gaps());
    this.#drawPlace();
  }

  #drawLanguages(): void {
    this.#parts.languages.replaceChildren(
      ...Object.entries(this.#data.words).map(([code, { name }]) => {
        const choice = make("button", "language", name);
        choice.type = "button";
        choice.lang = code;
        choice.setAttribute("aria-pressed", String(code === this.#language));
        choice.addEventListener("click", () => {
          this.#language = code;
          this.#words = this.#data.words[code] as Words;
          this.#draw();
          this.#parts.languages.querySelector<HTMLElement>(`[lang=${code}]`)?.focus();
        });
        return choice;
      }),
    );
  }

  #drawNote(): void {
    const [view, reason] = this.#view;
    this.#parts.note.hidden = view === "shown";
    this.#parts.note.textContent = fill(this.#text(view), { reason });
  }

  #drawTabs(): void {
    const { tabs } = this.#words.timeline;
    this.#parts.tabs.hidden = tabs.length < 2;
    this.#parts.tabs.replaceChildren(
      ...tabs.map((tab) => {
        const choice = make("button", "tab", fill(this.#text("tab"), { number: tab.number }));
        choice.type = "button";
        choice.setAttribute("aria-pressed", String(tab.id === this.#tab));
        choice.addEventListener("click", () => {
          this.#pinned = this.#tab !== tab.id || !this.#pinned;
          this.#tab = this.#pinned ? tab.id : tabInUse(this.#words.timeline, this.#at);
          this.#drawTabs();
          this.#director.tab(this.#tab);
        });
        return choice;
      }),
    );
  }

  #drawBar(): void {
    const { timeline, texts } = this.#words;
    const jump = (flag: string): void => this.#goToFlag(flag);
    const { inactive, base } = this.#data;
    drawBar(this.#parts, timeline, inactive, this.#gaps(), texts, jump, base);
  }

  #drawPlace(): void {
    const { timeline, texts } = this.#words;
    movePlayhead(this.#parts, timeline, this.#at, texts, this.#data.base);
    this.#parts.address.textContent = pathAt(timeline, this.#tab, this.#at);
    this.#side.follow(this.#at);
  }

  /** Scale the picture to its box, never larger than it was. */
  #fit(): void {
    const { width, height } = this.#size;
    const { box, stage } = this.#parts;
    if (!width || !height) return;
    const [wide, high] = [box.clientWidth, box.clientHeight];
    const scale = Math.min(wide / width, high / height, 1);
    stage.style.width = `${width}px`;
    stage.style.height = `${height}px`;
    const left = Math.max(0, (wide - width * scale) / 2);
    const top = Math.max(0, (high - height * scale) / 2);
    stage.style.transform = `translate(${left}px, ${top}px) scale(${scale})`;
  }

  #toast(text: string): void {
    const { toast } = this.#parts;
    toast.textContent = text;
    toast.hidden = false;
    clearTimeout(this.#toastTimer);
    this.#toastTimer = setTimeout(() => {
      toast.hidden = true;
    }, 2500);
  }
}

void readData().then((data) => new Offline(data));
