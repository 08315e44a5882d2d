// Owns fetching the recordings of documents, part by part, and keeping the last few.
//
// A long document is read from keyframe to keyframe: a part begins with events that rebuild the page
// as it was, and ends where the next part begins. A short one is one part. Of a session that still
// runs the last part grows, and the server may have more keyframes in it by and by.

import type { eventWithTime } from "@rrweb/types";
import type { Gap } from "./protocol";

const KEPT_CHARS = 64_000_000; // of parts in memory, as JSON; a usual one has a million

/** From `at` on, the frame element `node` shows a recording of its own. */
export interface FrameLink {
  at: number;
  node: number;
  session: string;
  page_load: string;
  origin: string;
}

/** What shows a document from `from` until `until` (server ms); null: from its start, to its end. */
export interface Part {
  /** Time zero of the document: no event is earlier. */
  origin: number;
  from: number | null;
  until: number | null;
  /** Those at `from` are the keyframe's; all others are later. */
  events: eventWithTime[];
  gaps: Gap[];
  nextSeq: number;
}

/** Where the stage takes recordings from: the server, or the file that it stands in. */
export interface Source {
  /** Return the part of *load* that shows *at*. */
  part(load: string, at: number): Promise<Part>;
  /** Return all of the recording of a frame that is linked into a document. */
  frame(link: FrameLink): Promise<Part>;
  /** Return the frames that are linked into *load*, or into a frame's document, when it was fetched. */
  links(load: string | FrameLink): FrameLink[];
  /** Return what came to the end of *load* since it was fetched. */
  more(load: string): Promise<{ events: eventWithTime[]; gaps: Gap[] }>;
  /** Forget all documents but *load*: they may have grown. */
  forgetOthers(load: string | null): void;
  /** Use a new token from now on. */
  renew(base: string): void;
}

/** A part as the server tells it. */
export interface Answer {
  origin: number;
  from: number | null;
  until: number | null;
  events: eventWithTime[];
  frames?: FrameLink[];
  gaps: Gap[];
  next_seq: number;
}

interface Kept {
  load: string;
  part: Part;
  chars: number;
}

/** The address holds a token, and it is too old. */
export class Expired extends Error {}

/** Return whether *part* shows the moment *at*. */
export function covers({ from, until }: Pick<Part, "from" | "until">, at: number): boolean {
  return (from === null || from <= at) && (until === null || at < until);
}

export class Recordings implements Source {
  #kept: Kept[] = []; // the last one was used last
  #links = new Map<string, FrameLink[]>();
  #coming = new Map<string, Promise<Part>>(); // by address
  #base: string;

  /** @param base address of the stage, with its token, ending in a slash */
  constructor(base: string) {
    this.#base = base;
  }

  renew(base: string): void {
    this.#base = base;
  }

  async part(load: string, at: number): Promise<Part> {
    const known = this.#kept.find((one) => one.load === load && covers(one.part, at));
    if (known) return this.#use(known).part;
    const links = this.#links.has(load) ? "&links=0" : "";
    return this.#once(load, `loads/${path(load)}?at=${at}${links}`);
  }

  async frame(link: FrameLink): Promise<Part> {
    const load = named(link);
    const known = this.#kept.find((one) => one.load === load);
    if (known) return this.#use(known).part;
    return this.#once(load, `frames/${path(load)}`);
  }

  links(load: string | FrameLink): FrameLink[] {
    return this.#links.get(typeof load === "string" ? load : named(load)) ?? [];
  }

  async more(load: string): Promise<{ events: eventWithTime[]; gaps: Gap[] }> {
    const last = this.#kept.find((one) => one.load === load && one.part.until === null);
    if (!last) return { events: [], gaps: [] }; // it comes with its part when that is shown
    const { answer, chars } = await this.#fetch(
      `loads/${path(load)}?from_seq=${last.part.nextSeq}`,
    );
    last.part.events = last.part.events.concat(answer.events);
    last.part.events.sort((one, other) => one.timestamp - other.timestamp);
    last.part.gaps.push(...answer.gaps);
    last.part.nextSeq = answer.next_seq;
    last.chars += chars;
    this.#links.set(load, answer.frames ?? []);
    const { events, gaps } = answer;
    // What belongs before the part's keyframe is of another part: it is read with that.
    const from = last.part.from ?? Number.NEGATIVE_INFINITY;
    if (events.some((event) => event.timestamp <= from)) {
      this.#kept = this.#kept.filter((one) => one.load !== load);
    }
    return { events, gaps };
  }

  forgetOthers(load: string | null): void {
    this.#kept = this.#kept.filter((one) => one.load === load);
  }

  #use(kept: Kept): Kept {
    this.#kept.splice(this.#kept.indexOf(kept), 1);
    this.#kept.push(kept);
    let chars = 0;
    for (const one of this.#kept) chars += one.chars;
    while (chars > KEPT_CHARS && this.#kept.length > 1) chars -= this.#kept.shift()?.chars ?? 0;
    return kept;
  }

  /** Fetch a part of *load* from *place*; whoever asks meanwhile gets the same. */
  #once(load: string, place: string): Promise<Part> {
    const coming = this.#coming.get(place);
    if (coming) return coming;
    const found = this.#part(load, place).finally(() => this.#coming.delete(place));
    this.#coming.set(place, found);
    return found;
  }

  async #part(load: string, place: string): Promise<Part> {
    const { answer, chars } = await this.#fetch(place);
    if (answer.frames) this.#links.set(load, answer.frames);
    const part = partOf(answer);
    this.#kept = this.#kept.filter((one) => one.load !== load || !overlap(one.part, part));
    this.#kept.push({ load, part, chars });
    return this.#use(this.#kept[this.#kept.length - 1] as Kept).part;
  }

  async #fetch(place: string): Promise<{ answer: Answer; chars: number }> {
    const response = await fetch(this.#base + place, { credentials: "omit" });
    if (response.status === 403) throw new Expired();
    if (!response.ok) throw new Error(`HTTP ${response.status}`);
    const text = await response.text();
    return { answer: JSON.parse(text) as Answer, chars: text.length };
  }
}

export function partOf({ origin, from, until, events, gaps, next_seq: nextSeq }: Answer): Part {
  return { origin, from, until, events, gaps, nextSeq };
}

/** Return what the document of a frame is called here. */
function named({ session, page_load }: FrameLink): string {
  return `${session}/${page_load}`;
}

function path(load: string): string {
  return load.split("/").map(encodeURIComponent).join("/"); // a frame's name has its session in front
}

/** Return whether two parts tell of the same time: the later answer counts. */
function overlap(one: Part, other: Part): boolean {
  const starts = Math.max(
    one.from ?? Number.NEGATIVE_INFINITY,
    other.from ?? Number.NEGATIVE_INFINITY,
  );
  return (
    starts <
    Math.min(one.until ?? Number.POSITIVE_INFINITY, other.until ?? Number.POSITIVE_INFINITY)
  );
}
