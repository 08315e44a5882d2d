// The reload buffer (mode `full`): batches that the leaving document could not send, or of whose
// arrival it cannot know, are kept in the tab's storage. The next page of the site in that tab sends
// them; they stay until they are acknowledged.

import type { Guard } from "../guard";
import { toJson } from "../json";

export interface Left {
  /** Page load and number: the same for every copy. */
  name: string;
  body: Uint8Array<ArrayBuffer>;
  /** The monotonic clock of the page load that made it, as it stands now. */
  clock(): number;
}

export interface Rest {
  /** What earlier documents of this tab left, oldest first. */
  found(): Left[];
  /**
   * Keep *left*, oldest first, as many as fit, in place of what was kept before.
   *
   * The end always: by its number the server knows what is missing before it.
   */
  keep(left: Left[]): void;
  /** *name* has been acknowledged or given up. */
  forget(name: string): void;
}

interface Kept {
  n: string;
  b: string;
  t: number;
  wall: number;
}

const END = 2; // the last batch, and what the beacon could not take of it
/** What it holds; as text a third more. A tab's storage has about 5 million characters per origin. */
export const REST_BYTES = 1_000_000;

function encode(body: Uint8Array): string {
  let text = "";
  for (let i = 0; i < body.length; i += 8192) {
    text += String.fromCharCode(...body.subarray(i, i + 8192));
  }
  return btoa(text);
}

function decode(text: string): Uint8Array<ArrayBuffer> {
  const binary = atob(text);
  const body = new Uint8Array(binary.length);
  for (let i = 0; i < binary.length; i++) body[i] = binary.charCodeAt(i);
  return body;
}

export function makeRest(guard: Guard, site: string): Rest {
  const key = `${site}.rest`;
  let names = new Set<string>(); // in the storage, as far as this document knows

  function write(kept: Kept[]): void {
    names = new Set(kept.map(({ n }) => n));
    if (kept.length) sessionStorage.setItem(key, toJson(kept));
    else sessionStorage.removeItem(key);
  }

  function read(): Kept[] {
    const kept = JSON.parse(sessionStorage.getItem(key) ?? "[]") as Kept[];
    names = new Set(kept.map(({ n }) => n));
    return kept;
  }

  return {
    found: () => {
      const left = guard(() =>
        read().map(({ n, b, t, wall }) => ({
          name: n,
          body: decode(b),
          clock: () => t + Math.max(0, Date.now() - wall),
        })),
      )();
      return left ?? [];
    },
    keep: guard((left: Left[]) => {
      const wall = Date.now();
      const end = left.slice(-END);
      let room = end.reduce((sum, { body }) => sum - body.length, REST_BYTES);
      const first = left.slice(0, -END).filter(({ body }) => {
        room -= body.length;
        return room >= 0;
      });
      write(
        [...first, ...end].map(({ name, body, clock }) => ({
          n: name,
          b: encode(body),
          t: clock(),
          wall,
        })),
      );
    }),
    forget: guard((name: string) => {
      if (names.has(name)) write(read().filter(({ n }) => n !== name));
    }),
  };
}
