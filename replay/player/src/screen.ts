// Owns the picture of one document: an rrweb Replayer of its own, so that nothing of one
// document can reach another. Times are server milliseconds.
//
// Facts about @rrweb/replay 2.1.6 that this file rests on (tests/console/test_player.py holds them):
// - `pause(t)` applies events strictly before t;
// - `addEvent` is right only for events later than what is shown;
// - events may be put into its array and taken out again between two calls;
// - the last event ends the play: a sentinel far ahead keeps it alive for later ones;
// - an event that throws stops the play, so the functions that apply events are wrapped;
// - on the way to a moment it copies the page, applies events to the copy, and compares the two: that
//   is worth it for many events only.

import { Replayer } from "@rrweb/replay";
import { EventType, type eventWithTime, IncrementalSource } from "@rrweb/types";
import { Canvases, sampleOf } from "./canvases";
import { all, refill } from "./found";
import { Adapted } from "./hover";
import { Inert } from "./inert";
import { MISSING_STYLES, Missing } from "./missing";
import { showPopovers } from "./popovers";
import type { Gap } from "./protocol";
import type { Part } from "./recordings";
import { Reel, type Run } from "./reel";

const MANY_EVENTS = 3_000; // on the way to a moment

// Without scripts, as in the replay, browsers draw controls on every video.
const STYLES = [
  "video:not([controls])::-webkit-media-controls { display: none !important; }",
  ...MISSING_STYLES,
];
const LEFT_OPEN = "dialog:modal:not([open])";

/** What the pointer draws behind itself. */
const TAIL = { duration: 500, lineCap: "round", lineWidth: 2, strokeStyle: "#3b74c9" } as const;

const FULL_SNAPSHOT = EventType.FullSnapshot;
const INCREMENTAL = EventType.IncrementalSnapshot;
const MUTATION = IncrementalSource.Mutation;

/** What the Replayer holds and how it changes the picture. Private, hence the pinned version. */
interface Inside {
  applyIncremental(event: eventWithTime, sync: boolean): void;
  rebuildFullSnapshot(event: eventWithTime, sync?: boolean): void;
  cache: { stylesWithHoverClass: Pick<Map<string, string>, "get"> & { set(): void } };
  mouse: HTMLElement;
  usingVirtualDom: boolean;
  service: {
    state: { context: { events: eventWithTime[] } };
    send(message: { type: "ADD_EVENT"; payload: { event: eventWithTime } }): void;
  };
}

export interface ScreenEvents {
  gap(gap: Gap): void;
  size(width: number, height: number): void;
}

/** What follows a screen: it is told whatever the screen does. */
export interface Follower {
  show(at: number): void;
  play(at: number, speed: number): void;
  pause(): void;
  speed(speed: number): void;
  /** Elements came or went while it plays. */
  changed(): void;
  destroy(): void;
}

/** Return whether *part* can be drawn at all. */
export function drawable(part: Part): boolean {
  return part.events.some((event) => event.type === FULL_SNAPSHOT);
}

export class Screen {
  readonly load: string;
  /** What is drawn in its frames. */
  inner: Follower | null = null;
  readonly element: HTMLDivElement;
  readonly #replayer: Replayer;
  readonly #inside: Inside;
  readonly #reel: Reel;
  readonly #start: number;
  #firstSnapshot = 0;
  readonly #hear: ScreenEvents;
  readonly #canvases: Canvases;
  readonly #inert = new Inert();
  /** What is still to be scrolled, by node. */
  readonly #scrolled = new Map<number, () => void>();
  #shownAt = 0;
  #playing = false;

  /** Make the screen of *load* inside *root*, hidden, with a *part* to begin with. It must be drawable. */
  static async make(
    root: HTMLElement,
    load: string,
    part: Part,
    hear: ScreenEvents,
  ): Promise<Screen> {
    const screen = new Screen(root, load, part, hear);
    // The Replayer sets the first size and snapshot by timers of 0 and 1 ms; let them pass,
    // or they undo what is shown next.
    await new Promise((resolve) => setTimeout(resolve, 4));
    return screen;
  }

  private constructor(root: HTMLElement, load: string, part: Part, hear: ScreenEvents) {
    this.load = load;
    this.#hear = hear;
    this.element = document.createElement("div");
    this.element.className = "screen";
    this.element.style.visibility = "hidden";
    root.append(this.element);
    this.#start = part.origin;
    this.#reel = new Reel(this.#start, this.#run(part));
    this.#replayer = new Replayer(this.#reel.events, {
      root: this.element,
      loadTimeout: 0,
      triggerFocus: false,
      insertStyleRules: STYLES,
      mouseTail: isStill() ? false : TAIL,
      logger: { log: () => {}, warn: (...args: unknown[]) => this.#warned(args) } as never,
    });
    this.#inside = this.#replayer as unknown as Inside;
    this.#reel.events = this.#inside.service.state.context.events;
    this.#inside.cache = { stylesWithHoverClass: new Adapted() };
    this.#guard();
    this.#replayer.on("resize", (size) => {
      const { width, height } = size as { width: number; height: number };
      if (width > 0 && height > 0) this.#hear.size(width, height);
    });
    this.#canvases = new Canvases((id) => this.#replayer.getMirror().getNode(id));
    this.#replayer.on("custom-event", (event) => {
      const sample = sampleOf(event as eventWithTime);
      if (!sample) return;
      this.#canvases.take(sample);
      if (this.#playing) this.#settle();
    });
    const missing = new Missing((kind, reason) => {
      hear.gap({ kind, at: this.#start, until: this.#start, reason });
    });
    let popovers: MutationObserver | undefined;
    this.#replayer.on("fullsnapshot-rebuilded", () => {
      popovers?.disconnect();
      const page = this.frame.contentDocument;
      popovers = page ? showPopovers(page) : undefined;
      if (page) missing.watch(page); // it was opened anew: who listened before is gone
    });
    this.#replayer.iframe.title = "";
    this.#replayer.iframe.tabIndex = -1;
  }

  /** Return whether the moment *at* can be shown by what is here. */
  covers(at: number): boolean {
    return this.#reel.covers(at);
  }

  /** Until when what is here plays; null: to the document's end. */
  get until(): number | null {
    return this.#reel.until;
  }

  /** Take *part*: it follows what is here, or takes its place. */
  take(part: Part): void {
    const run = this.#run(part);
    if (run.from !== null && run.from === this.#reel.until) {
      this.#reel.append(run, this.#now());
      this.#add(run.events.slice(run.begun));
    } else this.#reel.replace(run);
    if (run.events.some(isTouch)) this.#inside.mouse.classList.add("touch-device");
  }

  /** Show the picture at *at* and stand still. */
  show(at: number): void {
    this.#aim(at);
    this.#playing = false;
    this.#shownAt = at;
    this.#attempt(at, () => this.#replayer.pause(this.#offset(at)));
    this.#scroll();
    this.#refill();
    this.#settle();
    this.inner?.show(at);
  }

  /** Play on from *at* at *speed*. */
  play(at: number, speed: number): void {
    this.#aim(at);
    this.#playing = true;
    this.#shownAt = at;
    this.#replayer.setConfig({ speed });
    this.#attempt(at, () => this.#replayer.play(this.#offset(at)));
    this.#scroll();
    this.#refill();
    this.#settle();
    this.inner?.play(at, speed);
  }

  /** Stand still where it is. */
  pause(): void {
    this.#shownAt = this.#now();
    this.#playing = false;
    this.#replayer.pause();
    this.inner?.pause();
  }

  speed(speed: number): void {
    this.#replayer.setConfig({ speed });
    this.inner?.speed(speed);
  }

  /**
   * Take *events* that came later. Return false if one is older than the picture at *at*: then
   * the screen must be made anew.
   */
  add(events: eventWithTime[], at: number): boolean {
    const fresh = events
      .filter((event) => this.#drawable(event))
      .map((event) => this.#inert.clean(event));
    if (fresh.some((event) => event.timestamp < Math.max(at, this.#shownAt))) return false;
    this.#add(this.#reel.grow(fresh));
    return true;
  }

  /** Let the Replayer play *events*, later ones than it has. At once: its addEvent() waits a turn. */
  #add(events: eventWithTime[]): void {
    for (const event of events) {
      this.#inside.service.send({ type: "ADD_EVENT", payload: { event } });
    }
  }

  /** Return what can be drawn of *part*. */
  #run({ from, until, events }: Part): Run {
    if (from === null) {
      this.#firstSnapshot = events.find((one) => one.type === FULL_SNAPSHOT)?.timestamp ?? 0;
    }
    const playable = events
      .filter((event) => this.#drawable(event))
      .map((event) => this.#inert.clean(event));
    const begun = from === null ? 0 : playable.findLastIndex((one) => one.timestamp <= from) + 1;
    return { from, until, events: playable, begun };
  }

  /** Hold what leads to the moment *at*. */
  #aim(at: number): void {
    this.#reel.aim(at, this.#now());
    this.#replayer.setConfig({ useVirtualDom: this.#reel.events.length > MANY_EVENTS });
  }

  #later(node: number, act: () => void): void {
    this.#scrolled.delete(node); // in the order in which they were scrolled last
    this.#scrolled.set(node, act);
  }

  /** Scroll what was scrolled on the way: each time by itself would lay out the page as often. */
  #scroll(): void {
    const scrolled = [...this.#scrolled.values()];
    this.#scrolled.clear();
    for (const apply of scrolled) apply();
  }

  /** The moment that is drawn. */
  #now(): number {
    return this.#playing ? this.#start + this.#replayer.getCurrentTime() : this.#shownAt;
  }

  get frame(): HTMLIFrameElement {
    return this.#replayer.iframe;
  }

  /** The recording's id of *node*; 0 and less: it is not part of it. */
  idOf(node: Node): number {
    return this.#replayer.getMirror().getId(node);
  }

  /** The node of the recording's *id*, as it is drawn now. */
  nodeOf(id: number): Node | null {
    return this.#replayer.getMirror().getNode(id);
  }

  /** The recorded attribute *name* of *element*, also one that is not drawn. */
  attributeOf(element: Element, name: string): string | undefined {
    const meta = this.#replayer.getMirror().getMeta(element) as { attributes?: object } | null;
    const value = (meta?.attributes as Record<string, unknown> | undefined)?.[name];
    return typeof value === "string" ? value : undefined;
  }

  get playing(): boolean {
    return this.#playing;
  }

  reveal(): void {
    this.element.style.visibility = "visible";
  }

  destroy(): void {
    this.inner?.destroy();
    try {
      this.#replayer.destroy();
    } finally {
      this.element.remove();
    }
  }

  /** Changes before the first snapshot have nothing to be applied to. */
  #drawable(event: eventWithTime): boolean {
    return event.type !== INCREMENTAL || event.timestamp >= this.#firstSnapshot;
  }

  /** The first snapshot is drawn for all times before it: better early than blank. */
  #offset(at: number): number {
    return Math.max(at, this.#firstSnapshot) - this.#start + 1;
  }

  #guard(): void {
    this.#replayer.on("fullsnapshot-rebuilded", () => {
      this.#canvases.forget();
      this.#scrolled.clear();
    });
    for (const name of ["applyIncremental", "rebuildFullSnapshot"] as const) {
      const apply = this.#inside[name].bind(this.#replayer);
      this.#inside[name] = (event: eventWithTime, sync = false) => {
        const act = () =>
          this.#attempt(event.timestamp, () => {
            this.#inert.disarm(event);
            apply(event, sync);
          });
        const scrolled = sync && !this.#inside.usingVirtualDom ? scrolledBy(event) : null;
        if (scrolled !== null) this.#later(scrolled, act);
        else act();
        if (sync) return; // show() and play() see to it when all is applied
        if (changes(event, ["attributes"])) this.#settle();
        if (changes(event, ["adds", "removes"])) this.inner?.changed();
      };
    }
  }

  /** Mend what the Replayer leaves: canvases, and dialogs that would stay on top of the page. */
  #settle(): void {
    const page = this.frame.contentDocument;
    if (!page) return;
    for (const dialog of all<HTMLDialogElement>(page, LEFT_OPEN)) {
      dialog.open = true; // close() does nothing without
      dialog.close();
    }
    this.#attempt(this.#shownAt, () => this.#canvases.draw(page));
  }

  /** On its way to a moment the Replayer empties the documents of frames of which nothing was told. */
  #refill(): void {
    const page = this.frame.contentDocument;
    if (page) refill(page);
  }

  #attempt(at: number, act: () => void): void {
    try {
      act();
    } catch (error) {
      this.#damaged(at, error);
    }
  }

  #damaged(at: number, error: unknown): void {
    const reason = error instanceof Error ? error.message : String(error);
    this.#hear.gap({ kind: "malformed_event", at, until: at, reason });
  }

  /** The Replayer swallows errors of mutations and warns instead. */
  #warned(args: unknown[]): void {
    const text = args.find((arg) => typeof arg === "string" && arg.includes("Exception"));
    if (text) this.#damaged(this.#shownAt, text);
  }
}

/** Say whether *event* draws anew, or is a mutation with one of *lists* in it. */
function changes({ type, data }: eventWithTime, lists: string[]): boolean {
  if (type === FULL_SNAPSHOT) return true;
  const found = data as unknown as Record<string, unknown[] | undefined> & { source?: number };
  return (
    type === INCREMENTAL && found.source === MUTATION && lists.some((name) => found[name]?.length)
  );
}

/** Return the node that *event* scrolls; null if it does not. */
function scrolledBy({ type, data }: eventWithTime): number | null {
  const { source, id } = data as { source?: number; id?: number };
  return type === INCREMENTAL && source === IncrementalSource.Scroll ? (id ?? null) : null;
}

/** Say whether the reader asked for less motion. */
function isStill(): boolean {
  return matchMedia("(prefers-reduced-motion: reduce)").matches;
}

/** Say whether *event* comes from a finger. */
function isTouch({ type, data }: eventWithTime): boolean {
  const { source } = data as { source?: number };
  return type === INCREMENTAL && source === IncrementalSource.TouchMove;
}
