// Owns reading what stands in the exported file: recordings, style texts, fonts and pictures, each in an
// element of its own, inflated when it is needed. replay/offline.py writes them.

import type { Texts, Timeline } from "../model";
import type { Gap, Load } from "../protocol";
import { covers, type FrameLink, type Part, type Source } from "../recordings";

const SCHEME = "stolper-asset:";
const NAMED = /stolper-asset:([0-9a-f]{32})/g;
const KEPT = 8; // parts that are ready to be drawn; a large one has some megabytes
const SHARED = "stolper_text";

// What would have to be fetched. The file's policy refuses that, too; here it is told as missing.
const ELSEWHERE = /^\s*(?!data:|stolper-asset:|#)\S/i;
const ELSEWHERE_IN_CSS = /url\(\s*(?!["']?\s*(?:data:|stolper-asset:|#))[^)]*\)|@import\s[^;]*;?/gi;
const LOADS = /^(?:src|srcset|poster|background|data|xlink:href)$/i;
const PLACEHOLDER = `data:image/svg+xml,${encodeURIComponent(
  '<svg xmlns="http://www.w3.org/2000/svg" width="100%" height="100%"><defs><pattern id="p" width="12" height="12" patternUnits="userSpaceOnUse" patternTransform="rotate(45)"><rect width="12" height="12" fill="#f1f2f4"/><rect width="6" height="12" fill="#e4e6ea"/></pattern></defs><rect width="100%" height="100%" fill="url(#p)"/></svg>',
)}`;

export interface Sentence {
  part: string;
  tone: string;
  place: number;
  offset: string;
  text: string;
  flag: string;
}

/** What the file says in one language. */
export interface Words {
  name: string;
  texts: Texts;
  timeline: Timeline;
  transcript: { text: string; lines: Sentence[] };
  title: string;
  facts: string[];
  notes: { at: number; author: string; text: string }[];
}

export interface Data {
  format: number;
  /** Where the session began: times are told from there, also in a clip. */
  base: number;
  start: number;
  end: number;
  loads: Load[];
  /** What of the recordings could not be read. */
  missing: Gap[];
  inactive: [number, number][];
  words: Record<string, Words>;
}

/** What the file says of a document's recording. */
interface About {
  origin: number;
  /** From when and until when each of its parts shows it. */
  parts: [number | null, number | null][];
  frames: FrameLink[];
}

/** Return what the file says of the session as a whole. */
export async function readData(): Promise<Data> {
  return JSON.parse(await inflated("data")) as Data;
}

/** The recordings of the file. */
export class Inlined implements Source {
  readonly #abouts = new Map<string, Promise<About>>();
  readonly #kept = new Map<string, Promise<Part>>();
  readonly #links = new Map<string, FrameLink[]>();
  readonly #texts = new Map<number, Promise<string>>();
  readonly #assets = new Map<string, string>();

  async part(load: string, at: number): Promise<Part> {
    const about = await this.#about(load);
    const number = about.parts.findIndex(([from, until]) => covers({ from, until }, at));
    const name = `part ${number} ${load}`;
    const known = this.#kept.get(name);
    this.#kept.delete(name);
    const made = known ?? this.#read(name, about.origin, about.parts[number]);
    this.#kept.set(name, made); // the last one was used last
    for (const oldest of this.#kept.keys()) {
      if (this.#kept.size <= KEPT) break;
      this.#kept.delete(oldest);
    }
    return made;
  }

  frame(link: FrameLink): Promise<Part> {
    return this.part(named(link), link.at);
  }

  links(load: string | FrameLink): FrameLink[] {
    return this.#links.get(typeof load === "string" ? load : named(load)) ?? [];
  }

  more(): Promise<Pick<Part, "events" | "gaps">> {
    return Promise.resolve({ events: [], gaps: [] });
  }

  forgetOthers(): void {}

  renew(): void {}

  #about(load: string): Promise<About> {
    const known = this.#abouts.get(load);
    if (known) return known;
    const made = inflated(`recording ${load}`).then((text) => {
      const about = JSON.parse(text) as About;
      this.#links.set(load, about.frames);
      return about;
    });
    this.#abouts.set(load, made);
    return made;
  }

  async #read(
    name: string,
    origin: number,
    span: About["parts"][number] = [null, null],
  ): Promise<Part> {
    const events = JSON.parse(await inflated(name)) as Part["events"];
    await this.#restore(events);
    const [from, until] = span;
    return { origin, from, until, events, gaps: [], nextSeq: 0 };
  }

  /** Put style texts and addresses of assets into *root*; without recursion, pages nest deep. */
  async #restore(root: object): Promise<void> {
    const open: object[] = [root];
    const shared: [Record<string, unknown>, string, number][] = [];
    for (let node = open.pop(); node; node = open.pop()) {
      const holder = node as Record<string, unknown>;
      for (const key of Object.keys(holder)) {
        const value = holder[key];
        if (key === "attributes" && isPlain(value)) withoutElsewhere(value, holder.tagName);
        if (typeof value === "string") {
          if (value.includes(SCHEME)) holder[key] = this.#addressed(value);
        } else if (value && typeof value === "object") {
          const number = (value as Record<string, unknown>)[SHARED];
          if (typeof number === "number") shared.push([holder, key, number]);
          else open.push(value);
        }
      }
    }
    for (const [holder, key, number] of shared) holder[key] = await this.#text(number);
  }

  #text(number: number): Promise<string> {
    const known = this.#texts.get(number);
    if (known) return known;
    const made = inflated(`text ${number}`).then((text) => this.#addressed(text));
    this.#texts.set(number, made);
    return made;
  }

  #addressed(text: string): string {
    return cssWithout(text).replace(NAMED, (_, name: string) => this.#asset(name));
  }

  /** Return the address of an asset; of one that is not in the file, one that holds nothing. */
  #asset(name: string): string {
    const known = this.#assets.get(name);
    if (known) return known;
    const element = find(`asset ${name}`);
    const media = element?.dataset.media ?? "text/plain";
    const made = `data:${media};base64,${element?.textContent ?? ""}`;
    this.#assets.set(name, made);
    return made;
  }
}

/** Return what the document of a frame is called here. */
function named({ session, page_load }: FrameLink): string {
  return `${session}/${page_load}`;
}

function isPlain(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Take out of an element's *attributes* what would be fetched; a picture becomes a hatched one. */
function withoutElsewhere(attributes: Record<string, unknown>, tag: unknown): void {
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value !== "string") continue;
    if (name === "style" || name === "_cssText") attributes[name] = cssWithout(value);
    else if (LOADS.test(name) && ELSEWHERE.test(value)) {
      if (name === "src" && (tag === "img" || tag === undefined)) attributes[name] = PLACEHOLDER;
      else delete attributes[name];
    } else if (
      name === "href" &&
      ELSEWHERE.test(value) &&
      /^(?:link|image|use|feImage)$/.test(`${tag}`)
    ) {
      delete attributes[name];
    }
  }
}

function cssWithout(text: string): string {
  return text.replace(ELSEWHERE_IN_CSS, (found) => (found.startsWith("@") ? "" : "url()"));
}

function find(name: string): HTMLElement | null {
  for (const element of document.scripts) if (element.dataset.stolper === name) return element;
  return null;
}

async function inflated(name: string): Promise<string> {
  const element = find(name);
  if (!element) throw new Error(`the file holds no ${name}`);
  const bytes = Uint8Array.from(atob(element.textContent ?? ""), (sign) => sign.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate-raw"));
  return new Response(stream).text();
}
