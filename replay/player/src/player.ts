// Entry of the session page: controls, timeline and lists around the stage.

import { keepMoment, shared } from "./address";
import { drawBar, movePlayhead } from "./bar";
import { Drawer } from "./drawer";
import { EventList } from "./events";
import { type Actions, act, hearKeys, type Panel } from "./keys";
import { drawFlags, drawGaps, drawTabs } from "./lists";
import {
  clock,
  type Flag,
  fill,
  type GapText,
  neighbour,
  pathAt,
  type Span,
  spanAt,
  type Texts,
  type Timeline,
  tabInUse,
  unheard,
} from "./model";
import { News } from "./news";
import { Notes } from "./notes";
import { findPage, type Page } from "./page";
import { Pick } from "./pick";
import { beginning, faster, LIVE_LAG_MS, Places, within } from "./places";
import {
  type FromStage,
  type Gap,
  hear,
  type PickStep,
  type ToStage,
  tell,
  type View,
} from "./protocol";
import { Toast } from "./toast";

const LIVE_CATCH_UP_MS = 1800;
const STAGE_MS = 3000; // from when the stage's document is there until it must have said so

class Player {
  readonly #page: Page;
  readonly #texts: Texts;
  readonly #events: EventList;
  readonly #toast: Toast;
  readonly #news: News;
  readonly #notes: Notes;
  readonly #drawer: Drawer;
  readonly #places: Places;
  readonly #lead: number;
  readonly #pick: Pick | null;
  #timeline: Timeline;
  #inactive: Span[] = [];
  #stageGaps: GapText[] = [];
  #at: number;
  #tab: string;
  #pinned = false; // the reader chose a tab; else the one in use is shown
  #playing = false;
  #ready = false; // the stage listens
  #wished = false; // to play, before the stage was ready: it is told then
  #turn = 0; // of the newest seek
  #follow = false;
  #drawn = ""; // flags and notes: lists that are written anew lose the reader's focus
  #renewing = false;
  #restaged = false;

  constructor(page: Page, timeline: Timeline, texts: Texts) {
    this.#page = page;
    this.#timeline = timeline;
    this.#texts = texts;
    this.#lead = Number(page.replay.dataset.lead);
    this.#toast = new Toast(page, texts);
    this.#places = new Places(page, texts, this.#toast);
    this.#news = new News(timeline.session, () => this.#refresh());
    const goTo = (at: number): void => this.#goTo(at);
    this.#events = new EventList(page, texts, goTo);
    const tellStage = (message: ToStage): void => this.#tell(message);
    this.#drawer = new Drawer(page.drawer, timeline, texts, goTo, tellStage);
    const toast = (text: string): void => this.#toast.say(text);
    this.#notes = new Notes(page, timeline, texts, { goTo, pause: () => this.#stop(), toast });
    this.#at = beginning(timeline, this.#lead);
    this.#tab = this.#tabFor(this.#at);
    this.#follow = timeline.running && !location.search.match(/[?&](at|flag)=/);
    this.#pick = page.pick && new Pick(page.pick, texts, this.#picking);
    this.#bind();
    this.#draw();
    hear<FromStage>(
      () => page.stage.contentWindow,
      (message) => this.#heard(message),
    );
    page.stage.addEventListener("load", () => setTimeout(() => void this.#restage(), STAGE_MS));
    page.stage.src = timeline.stage;
    void this.#loadActivity();
    this.#listen();
    document.addEventListener("visibilitychange", () => this.#listen());
  }

  #tabFor(at: number): string {
    return this.#pinned ? this.#tab : tabInUse(this.#timeline, at);
  }

  #tell(message: ToStage): void {
    const stage = this.#page.stage.contentWindow;
    if (stage && this.#ready) tell(stage, message);
  }

  #tellProgram(changed: boolean): void {
    const { loads, start, end, running } = this.#timeline;
    this.#tell({ type: "program", program: { loads, start, end, running }, changed });
  }

  // What the stage says

  #heard(message: FromStage): void {
    switch (message.type) {
      case "ready":
        this.#ready = true;
        this.#tell({ type: "words", blank: this.#texts.blank ?? "" });
        this.#tellProgram(false);
        this.#tell({ type: "speed", speed: Number(this.#page.speed.value) });
        this.#seek(this.#at, this.#follow || this.#wished);
        break;
      case "time":
        // Reports from before the newest seek would undo it.
        if (message.turn === this.#turn) this.#moved(message.at, message.playing, message.waiting);
        break;
      case "view":
        this.#saw(message.view, message.reason);
        break;
      case "size":
        this.#page.stageBox.style.setProperty("--ratio", `${message.width} / ${message.height}`);
        break;
      case "gaps":
        this.#addGaps(message.gaps);
        break;
      case "ended":
        this.#rememberPlace();
        break;
      case "expired":
        void this.#renew();
        break;
      case "dom":
        this.#drawer.nodes(message.turn, message.nodes);
        break;
      case "key":
        if (!this.#pick?.press(message.press.key)) act(message.press, this.#actions);
        break;
      case "hovered":
        this.#pick?.hovered(message.picked);
        break;
      case "picked":
        void this.#pick?.picked(message.picked);
        break;
    }
  }

  #moved(at: number, playing: boolean, waiting: boolean): void {
    this.#at = at;
    this.#setPlaying(playing);
    movePlayhead(this.#page, this.#timeline, at, this.#texts);
    this.#events.follow(at, !playing);
    this.#drawer.moved(at, playing);
    this.#page.address.textContent = this.#pageAddress;
    const tab = this.#tabFor(at);
    if (tab !== this.#tab) {
      this.#tab = tab;
      this.#tell({ type: "tab", tab });
      this.#drawTabs();
    }
    if (playing && !waiting && !this.#follow && this.#skips) this.#skipFrom(at);
  }

  /** The address that the visitor's browser showed, as far as it is known. */
  get #pageAddress(): string {
    const origin = this.#page.replay.dataset.origin ?? "";
    return origin + pathAt(this.#timeline, this.#tab, this.#at);
  }

  get #skips(): boolean {
    return this.#page.skip.getAttribute("aria-pressed") === "true";
  }

  #skipFrom(at: number): void {
    const span = spanAt(this.#inactive, at);
    if (!span || span[1] - at < 1000) return;
    this.#toast.say(fill(this.#texts.skipped, { span: clock(span[1] - at) }));
    this.#seek(span[1], true);
  }

  #saw(view: View, reason: string): void {
    this.#page.stageBox.dataset.view = view;
    this.#page.note.hidden = view === "shown";
    this.#page.note.textContent = fill(this.#texts[view], { reason });
    if (view === "shown") this.#pick?.shown();
  }

  #addGaps(gaps: Gap[]): void {
    const fresh = unheard(this.#stageGaps, gaps);
    if (fresh.length === 0) return;
    const text = (kind: string): string => this.#texts[`gap_${kind}`] ?? kind;
    this.#stageGaps.push(...fresh.map((gap) => ({ ...gap, text: text(gap.kind) })));
    this.#drawGaps();
  }

  // What the reader does

  readonly #actions: Actions = {
    toggle: () => this.#toggle(),
    step: (ms) => this.#goTo(this.#at + ms),
    event: (step) => {
      const row = this.#goToNeighbour(this.#events.rows, step);
      if (row) this.#speak(row.text, row.at);
    },
    flag: (step) => this.#flagBy(step),
    faster: (step) => this.#faster(step),
    tenth: (number) => {
      const { start, end } = this.#timeline;
      this.#goTo(start + ((end - start) * number) / 10);
    },
    skip: () => this.#page.skip.click(),
    link: () => this.#copyLink(),
    help: () => this.#page.keys.showModal(),
    events: () => this.#events.focus("row"),
    search: () => this.#events.focus("search"),
    panel: (name: Panel) => this.#drawer.toggle(name),
    note: () => this.#notes.write(),
    export: () => this.#places.press("export", "no_export"),
    session: (step) =>
      step < 0
        ? this.#places.press("previous-session", "no_previous")
        : this.#places.press("next-session", "no_next"),
    fullScreen: () => this.#places.fullScreen(),
    go: (path) => this.#places.visit(path),
    escape: () => this.#escape(),
  };

  readonly #picking = {
    pick: (on: boolean) => {
      if (on) {
        this.#setFollow(false);
        this.#tell({ type: "pause" });
      }
      this.#tell({ type: "pick", on });
    },
    step: (step: PickStep) => this.#tell({ type: "pick_step", step }),
    place: () => ({
      at: this.#at - this.#timeline.start,
      path: pathAt(this.#timeline, this.#tab, this.#at),
    }),
  };

  #bind(): void {
    const page = this.#page;
    hearKeys(this.#actions);
    page.play.addEventListener("click", () => this.#toggle());
    page.back.addEventListener("click", () => this.#actions.step(-5000));
    page.forward.addEventListener("click", () => this.#actions.step(5000));
    page.help.addEventListener("click", () => this.#actions.help());
    page.copyLink.addEventListener("click", () => this.#copyLink());
    page.fullScreen.addEventListener("click", () => this.#places.fullScreen());
    page.copyAddress.addEventListener("click", () => {
      void this.#toast.copy(this.#pageAddress, this.#texts.copied_address);
    });
    page.seek.addEventListener("input", () => {
      this.#goTo(this.#timeline.start + Number(page.seek.value));
    });
    page.speed.addEventListener("change", () => {
      this.#tell({ type: "speed", speed: Number(page.speed.value) });
    });
    page.skip.addEventListener("click", () => {
      page.skip.setAttribute("aria-pressed", String(!this.#skips));
    });
    page.live.addEventListener("click", () => this.#setFollow(!this.#follow));
    // A mouse click leaves no focus on the controls: the space bar goes on meaning "play".
    page.replay.addEventListener("click", (event) => {
      const pressed = event.target instanceof Element && event.target.closest("button, a");
      if (event.detail > 0 && pressed instanceof HTMLElement) pressed.blur();
    });
  }

  #escape(): boolean {
    if (!this.#drawer.open) return false;
    this.#drawer.show(null);
    return true;
  }

  /** Stand still; return where. */
  #stop(): number {
    this.#setFollow(false);
    this.#tell({ type: "pause" });
    return this.#at;
  }

  #toggle(): void {
    this.#pick?.set(false);
    if (!this.#ready) this.#wished = !this.#wished;
    else if (this.#playing) {
      this.#setFollow(false);
      this.#tell({ type: "pause" });
      this.#rememberPlace();
    } else {
      this.#tell({ type: "play" });
    }
  }

  /** Go to *at* because the reader says so; go on playing if it plays. */
  #goTo(at: number, play = this.#playing): void {
    this.#setFollow(false);
    this.#seek(at, play);
    this.#rememberPlace();
  }

  #seek(at: number, play: boolean): void {
    this.#at = within(this.#timeline, at);
    if (!this.#ready) this.#wished = play;
    this.#tab = this.#tabFor(this.#at);
    this.#drawTabs();
    const seek = { turn: ++this.#turn, at: this.#at, tab: this.#tab, play };
    this.#tell({ type: "seek", seek });
  }

  #goToNeighbour<Item extends { at: number }>(items: Item[], step: 1 | -1): Item | undefined {
    const at = neighbour(items, this.#at, step);
    if (at !== null) this.#goTo(at);
    return items.find((item) => item.at === at);
  }

  #flagBy(step: 1 | -1): void {
    const led = (flag: Flag) => ({ flag, at: within(this.#timeline, flag.at - this.#lead) });
    const found = this.#goToNeighbour(this.#timeline.flags.map(led), step);
    if (found) this.#speak(found.flag.title, found.flag.at);
  }

  #speak(title: string, at: number): void {
    const place = clock(at - this.#timeline.start);
    this.#toast.speak(fill(this.#texts.at_flag, { title, at: place }));
  }

  /** Play from 5 s before the flag *id*: the way into it is what one wants to see. */
  #jump(id: string): void {
    const flag = this.#timeline.flags.find((one) => one.id === id);
    if (!flag) return;
    if (flag.tab && this.#pinned) this.#tab = flag.tab;
    this.#goTo(flag.at - this.#lead, true);
    keepMoment({ flag: id });
  }

  #faster(step: 1 | -1): void {
    const speed = faster(Number(this.#page.speed.value), step);
    this.#page.speed.value = String(speed);
    this.#tell({ type: "speed", speed });
  }

  #setFollow(follow: boolean): void {
    const running = this.#timeline.running;
    if (follow === this.#follow || (follow && !running)) return;
    this.#follow = follow;
    this.#page.live.setAttribute("aria-pressed", String(follow));
    this.#listen();
    if (follow) this.#seek(this.#timeline.end - LIVE_LAG_MS, true);
  }

  #setPlaying(playing: boolean): void {
    if (playing === this.#playing) return;
    this.#playing = playing;
    this.#page.play.classList.toggle("is-playing", playing);
    this.#page.playText.textContent = (playing ? this.#texts.pause : this.#texts.play) ?? "";
  }

  #rememberPlace(): void {
    keepMoment({ at: this.#at - this.#timeline.start });
  }

  #copyLink(): void {
    void this.#toast.copy(shared(this.#at - this.#timeline.start), this.#texts.copied_link);
  }

  // What the server says

  #listen(): void {
    this.#news.listen(this.#timeline.running, this.#follow);
  }

  async #refresh(): Promise<void> {
    const timeline = await this.#news.timeline();
    if (typeof timeline === "number") {
      if (timeline === 401 || timeline === 404) this.#refused(timeline);
      return; // anything else passes
    }
    this.#timeline = timeline;
    this.#tellProgram(true);
    this.#draw();
    if (!timeline.running) this.#stopLive();
    else if (this.#follow && timeline.end - this.#at > LIVE_CATCH_UP_MS) {
      this.#seek(timeline.end - LIVE_LAG_MS, true);
    }
  }

  #stopLive(): void {
    this.#setFollow(false);
    this.#news.stop();
    this.#page.live.hidden = true;
    this.#page.running.hidden = true;
    this.#toast.say(this.#texts.ended);
    void this.#loadActivity();
  }

  /** The stage's token has run out: give it another. */
  async #renew(): Promise<void> {
    if (this.#renewing) return;
    this.#renewing = true;
    const timeline = await this.#news.timeline();
    this.#renewing = false;
    if (typeof timeline === "number") this.#refused(timeline);
    else this.#tell({ type: "token", base: timeline.stage });
  }

  /** The server answered with *status* instead of a timeline: stand still and say why. */
  #refused(status: number): void {
    const view = status === 401 ? "signed_out" : "failed";
    const reason = status ? `HTTP ${status}` : (this.#texts.unreachable ?? "");
    if (this.#ready) this.#tell({ type: "refused", view, reason });
    else this.#saw(view, reason);
  }

  /** The stage's document came and says nothing: ask once for another address of it, then say so. */
  async #restage(): Promise<void> {
    if (this.#ready) return;
    const timeline = await this.#news.timeline();
    if (typeof timeline === "number") this.#refused(timeline);
    else if (this.#restaged) this.#saw("failed", this.#texts.no_stage ?? "");
    else {
      this.#restaged = true;
      this.#page.stage.src = timeline.stage;
    }
  }

  async #loadActivity(): Promise<void> {
    const found = await this.#news.activity();
    if (!found) return; // the bar stays without grey; nothing else depends on it
    this.#inactive = found.inactive;
    this.#addGaps(found.gaps);
    this.#draw();
  }

  // Drawing

  #draw(): void {
    const { start, end } = this.#timeline;
    const jump = (flag: string): void => this.#jump(flag);
    this.#drawGaps();
    const { flags, notes, running } = this.#timeline;
    const listed = JSON.stringify([flags, notes, running, notes.length && [start, end]]);
    if (listed !== this.#drawn) {
      drawFlags(this.#page, this.#timeline, this.#texts, jump);
      this.#notes.draw(this.#timeline);
    }
    this.#drawn = listed;
    this.#drawer.draw(this.#timeline);
    this.#events.draw(this.#timeline, this.#timeline.tabs.length > 1);
    this.#events.follow(this.#at);
    this.#drawTabs();
    this.#page.live.setAttribute("aria-pressed", String(this.#follow));
    this.#page.length.textContent = clock(end - start);
    this.#page.duration.textContent = clock(end - start);
    this.#page.factPages.textContent = this.#timeline.pages;
    this.#page.factEvents.textContent = this.#timeline.events;
    movePlayhead(this.#page, this.#timeline, this.#at, this.#texts);
  }

  #drawGaps(): void {
    const gaps = [...this.#timeline.gaps, ...this.#stageGaps].sort((a, b) => a.at - b.at);
    drawGaps(this.#page, this.#timeline, gaps);
    const jump = (flag: string): void => this.#jump(flag);
    drawBar(this.#page, this.#timeline, this.#inactive, gaps, this.#texts, jump);
  }

  #drawTabs(): void {
    drawTabs(
      this.#page,
      this.#timeline,
      this.#tab,
      (number) => fill(this.#texts.tab, { number }),
      (tab) => {
        this.#pinned = this.#tab !== tab || !this.#pinned;
        this.#tab = this.#pinned ? tab : tabInUse(this.#timeline, this.#at);
        this.#tell({ type: "tab", tab: this.#tab });
        this.#drawTabs();
      },
    );
  }
}

const page = findPage();
const { timeline, texts } = JSON.parse(page.data.textContent ?? "") as {
  timeline: Timeline;
  texts: Texts;
};
new Player(page, timeline, texts);
