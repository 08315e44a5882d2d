// Owns fetching the recording of one document, and keeping the last few.

import type { eventWithTime } from "@rrweb/types";
import type { Gap } from "./protocol";

const KEPT = 6; // documents in memory; a large one has some ten megabytes

/** From `at` on, the frame element `node` shows a recording of its own. */
export interface FrameLink {
  at: number;
  node: number;
  session: string;
  page_load: string;
  origin: string;
}

export interface Recording {
  events: eventWithTime[];
  frames: FrameLink[];
  gaps: Gap[];
  nextSeq: number;
}

interface Answer {
  events: eventWithTime[];
  frames: FrameLink[];
  gaps: Gap[];
  next_seq: number;
}

/** Where the stage takes recordings from: the server, or the file that it stands in. */
export interface Source {
  /** Return the recording of the document *load*. */
  get(load: string): Promise<Recording>;
  /** Return the recording of a frame that is linked into a document. */
  frame(link: FrameLink): Promise<Recording>;
  /** Return what came to *load* since it was fetched. */
  more(load: string): Promise<Recording>;
  /** Forget all documents but *load*: they may have grown. */
  forgetOthers(load: string | null): void;
  /** Use a new token from now on. */
  renew(base: string): void;
}

/** The address holds a token, and it is too old. */
export class Expired extends Error {}

export class Recordings implements Source {
  #kept = new Map<string, Promise<Recording>>();
  #base: string;

  /** @param base address of the stage, with its token, ending in a slash */
  constructor(base: string) {
    this.#base = base;
  }

  /** Use a new token from now on. */
  renew(base: string): void {
    this.#base = base;
  }

  /** Return the recording of *load*, from memory if it is there or on its way. */
  get(load: string): Promise<Recording> {
    const found = this.#kept.get(load) ?? this.#first(load);
    this.#kept.delete(load); // the map's order is that of use
    this.#kept.set(load, found);
    for (const oldest of this.#kept.keys()) {
      if (this.#kept.size <= KEPT) break;
      this.#kept.delete(oldest);
    }
    return found;
  }

  /** Return the recording of a frame that is linked into a document. */
  frame({ session, page_load }: FrameLink): Promise<Recording> {
    return this.get(`${session}/${page_load}`);
  }

  /** Return what came to *load* since it was fetched, and keep it. */
  async more(load: string): Promise<Recording> {
    const known = await this.get(load);
    const answer = await this.#fetch(load, known.nextSeq);
    known.events.push(...answer.events);
    known.events.sort((one, other) => one.timestamp - other.timestamp);
    known.gaps.push(...answer.gaps);
    known.nextSeq = answer.next_seq;
    known.frames = answer.frames;
    return recording(answer);
  }

  /** Forget all documents but *load*: they may have grown. */
  forgetOthers(load: string | null): void {
    for (const id of this.#kept.keys()) if (id !== load) this.#kept.delete(id);
  }

  async #first(load: string): Promise<Recording> {
    try {
      return recording(await this.#fetch(load, 0));
    } catch (error) {
      this.#kept.delete(load); // a later wish may try again
      throw error;
    }
  }

  async #fetch(load: string, fromSeq: number): Promise<Answer> {
    const place = load.includes("/") ? "frames" : "loads"; // a frame's name has its session in front
    const url = `${this.#base}${place}/${load.split("/").map(encodeURIComponent).join("/")}?from_seq=${fromSeq}`;
    const response = await fetch(url, { credentials: "omit" });
    if (response.status === 403) throw new Expired();
    if (!response.ok) throw new Error(`HTTP ${response.status}`);
    return (await response.json()) as Answer;
  }
}

function recording({ events, frames, gaps, next_seq }: Answer): Recording {
  return { events, frames, gaps, nextSeq: next_seq };
}
