// Owns the picture of one document: an rrweb Replayer of its own, so that nothing of one
// document can reach another. Times are server milliseconds.
//
// Facts about @rrweb/replay 2.1.6 that this file rests on (tests/console/test_player.py holds them):
// - `pause(t)` applies events strictly before t;
// - `addEvent` is right only for events later than what is shown;
// - the last event ends the play: a sentinel far ahead keeps it alive for later ones;
// - an event that throws stops the play, so the functions that apply events are wrapped.

import { Replayer } from "@rrweb/replay";
import { EventType, type eventWithTime, IncrementalSource } from "@rrweb/types";
import { Canvases, sampleOf } from "./canvases";
import { all, refill } from "./found";
import { Inert } from "./inert";
import { showPopovers } from "./popovers";
import type { Gap } from "./protocol";

const FAR_MS = 10 * 365 * 86_400_000;

// Without scripts, as in the replay, browsers draw controls on every video.
const STYLES = ["video:not([controls])::-webkit-media-controls { display: none !important; }"];
const LEFT_OPEN = "dialog:modal:not([open])";

const CUSTOM = EventType.Custom;
const FULL_SNAPSHOT = EventType.FullSnapshot;
const INCREMENTAL = EventType.IncrementalSnapshot;
const MUTATION = IncrementalSource.Mutation;

/** The functions by which the Replayer changes the picture. Private, hence the pinned version. */
interface Appliers {
  applyIncremental(event: eventWithTime, sync: boolean): void;
  rebuildFullSnapshot(event: eventWithTime, sync?: boolean): void;
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

/** Return whether *events* can be drawn at all. */
export function drawable(events: eventWithTime[]): boolean {
  return events.some((event) => event.type === FULL_SNAPSHOT);
}

export class Screen {
  readonly load: string;
  /** What is drawn in its frames. */
  inner: Follower | null = null;
  readonly element: HTMLDivElement;
  readonly #replayer: Replayer;
  #start: number;
  readonly #firstSnapshot: number;
  readonly #hear: ScreenEvents;
  readonly #canvases: Canvases;
  readonly #inert = new Inert();
  #shownAt = 0;
  #playing = false;

  /** Make the screen of *load* inside *root*, hidden. *events* must be drawable. */
  static async make(
    root: HTMLElement,
    load: string,
    events: eventWithTime[],
    hear: ScreenEvents,
  ): Promise<Screen> {
    const screen = new Screen(root, load, events, hear);
    // The Replayer sets the first size and snapshot by timers of 0 and 1 ms; let them pass,
    // or they undo what is shown next.
    await new Promise((resolve) => setTimeout(resolve, 4));
    return screen;
  }

  private constructor(
    root: HTMLElement,
    load: string,
    events: eventWithTime[],
    hear: ScreenEvents,
  ) {
    this.load = load;
    this.#hear = hear;
    this.element = document.createElement("div");
    this.element.className = "screen";
    this.element.style.visibility = "hidden";
    root.append(this.element);
    this.#firstSnapshot = events.find((event) => event.type === FULL_SNAPSHOT)?.timestamp ?? 0;
    const playable = events
      .filter((event) => this.#drawable(event))
      .map((event) => this.#inert.clean(event));
    this.#start = Number.POSITIVE_INFINITY; // a call with each as an argument would be too large
    for (const event of playable) this.#start = Math.min(this.#start, event.timestamp);
    this.#replayer = new Replayer(
      [marker(this.#start), ...playable, marker(this.#start + FAR_MS)],
      {
        root: this.element,
        loadTimeout: 0,
        triggerFocus: false,
        insertStyleRules: STYLES,
        mouseTail: { duration: 500, lineCap: "round", lineWidth: 2, strokeStyle: "#3b74c9" },
        logger: { log: () => {}, warn: (...args: unknown[]) => this.#warned(args) } as never,
      },
    );
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
    let popovers: MutationObserver | undefined;
    this.#replayer.on("fullsnapshot-rebuilded", () => {
      popovers?.disconnect();
      const page = this.frame.contentDocument;
      popovers = page ? showPopovers(page) : undefined;
    });
    this.#replayer.iframe.title = "";
    this.#replayer.iframe.tabIndex = -1;
  }

  /** Show the picture at *at* and stand still. */
  show(at: number): void {
    this.#playing = false;
    this.#shownAt = at;
    this.#attempt(at, () => this.#replayer.pause(this.#offset(at)));
    this.#refill();
    this.#settle();
    this.inner?.show(at);
  }

  /** Play on from *at* at *speed*. */
  play(at: number, speed: number): void {
    this.#playing = true;
    this.#shownAt = at;
    this.#replayer.setConfig({ speed });
    this.#attempt(at, () => this.#replayer.play(this.#offset(at)));
    this.#refill();
    this.#settle();
    this.inner?.play(at, speed);
  }

  /** Stand still where it is. */
  pause(): void {
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
    for (const event of fresh) this.#replayer.addEvent(event);
    return true;
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
    this.#replayer.on("fullsnapshot-rebuilded", () => this.#canvases.forget());
    const appliers = this.#replayer as unknown as Appliers;
    for (const name of ["applyIncremental", "rebuildFullSnapshot"] as const) {
      const apply = appliers[name].bind(this.#replayer);
      appliers[name] = (event: eventWithTime, sync = false) => {
        this.#attempt(event.timestamp, () => {
          this.#inert.disarm(event);
          apply(event, sync);
        });
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

function marker(timestamp: number): eventWithTime {
  return { type: CUSTOM, timestamp, data: { tag: "stolper", payload: {} } };
}
