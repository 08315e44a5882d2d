// Long style texts wait in the queue as markers. When a batch is written a marker becomes the text's
// hash, if the server has said that it holds it, else the text itself: nothing depends on an upload
// that a closing tab could cut off.

import type { Guard } from "../guard";
import { secret } from "../ids";
import { toJson } from "../json";

const LONG = 1000; // shorter texts are not worth a hash of 32 characters and a row on the server
const HELD = 2_000_000; // characters kept here; what a page makes beyond that goes as it is
const LATE_MS = 1000; // a digest takes some milliseconds
const HASH_BYTES = 16; // of SHA-256: nobody can make another text for a hash that is stored

/** What a written chunk names: hashes in place of texts, and hashes of the texts that are in it. */
export interface Named {
  used: Set<string>;
  sent: Set<string>;
}

export interface Sheets {
  /**
   * Take *clean*, a style text as it may be recorded. The answer stands in the event in its place,
   * as a whole string: the text itself, or a marker.
   */
  text(clean: string): string;
  /** *json*, an event's JSON, with the markers in it replaced; *named* hears of their hashes. */
  written(json: string, named: Named): string;
  /** Its length then, as far as is known yet. */
  weight(json: string): number;
  /** All hashes of texts taken so far are there, or late. */
  ready(): Promise<unknown>;
  /** The server holds *hashes*. */
  stored(hashes: string[]): void;
  /** The server is known to hold *hash*. */
  holds(hash: string): boolean;
  /** What stands in an event for *hash* of something else that the server holds. */
  reference(hash: string): string;
}

interface Held {
  text: string;
  hash: string | undefined;
}

/** SHA-256 of *bytes*, 32 hexadecimal digits of it; on secure origins only. */
export async function hashOf(bytes: BufferSource): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", bytes);
  return Array.from(new Uint8Array(digest, 0, HASH_BYTES), (byte) =>
    byte.toString(16).padStart(2, "0"),
  ).join("");
}

export function makeSheets(guard: Guard, known: string[] = []): Sheets {
  const onServer = new Set(known);
  const held: Held[] = [];
  const markers = new Map<string, string>();
  const front = `${secret()}~`; // nothing that a page holds looks like it
  const marker = new RegExp(`"${front}(\\d+)"`, "g");
  let room = HELD;
  let pending: Promise<unknown>[] = [];

  function hold(text: string): string {
    const one: Held = { text, hash: undefined };
    room -= text.length;
    pending.push(
      hashOf(new TextEncoder().encode(text)).then((hash) => {
        one.hash = hash;
      }, guard.count),
    );
    return front + (held.push(one) - 1);
  }

  const named = ({ hash }: Held) => hash !== undefined && onServer.has(hash);

  function replace(json: string, by: (one: Held) => string): string {
    if (!held.length || !json.includes(front)) return json;
    return json.replace(marker, (_whole, nth: string) => by(held[Number(nth)] as Held));
  }

  return {
    text: (clean) => {
      if (clean.length < LONG || !globalThis.crypto?.subtle) return clean;
      let found = markers.get(clean);
      if (found === undefined) {
        if (clean.length > room) return clean;
        found = hold(clean);
        markers.set(clean, found);
      }
      return found;
    },
    written: (json, { used, sent }) =>
      replace(json, (one) => {
        if (named(one)) {
          used.add(one.hash as string);
          return `{"sha256":"${one.hash}"}`;
        }
        if (one.hash) sent.add(one.hash);
        return toJson(one.text);
      }),
    weight: (json) => {
      let more = 0;
      replace(json, (one) => {
        if (!named(one)) more += one.text.length;
        return "";
      });
      return json.length + more;
    },
    ready: () => {
      const all = Promise.all(pending);
      pending = [];
      // A page may have put something of its own in the place of the browser's digest.
      return Promise.race([all, new Promise<void>((late) => guard.later(late, LATE_MS))]);
    },
    stored: (hashes) => {
      for (const hash of hashes) onServer.add(hash);
    },
    holds: (hash) => onServer.has(hash),
    reference: (hash) => {
      onServer.add(hash);
      return front + (held.push({ text: "", hash }) - 1);
    },
  };
}
