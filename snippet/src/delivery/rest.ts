// The reload buffer (mode `full`): batches that the leaving document could not send are kept in the
// tab's storage, and the next page of the site in that tab sends them.

import type { Guard } from "../guard";

export interface Rest {
  body: Uint8Array<ArrayBuffer>;
  /** The monotonic clock of the page load that made it, as it would stand now. */
  t(): number;
}

interface Kept {
  b: string;
  t: number;
  wall: number;
}

const LIMIT = 1_500_000; // characters; a tab's storage holds about 5 million for the whole origin

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

/** Keep *bodies*, oldest first, as many as fit, in place of what was kept before. */
export function keep(guard: Guard, key: string, bodies: Uint8Array[], t: number): void {
  const wall = Date.now();
  const kept: Kept[] = [];
  let size = 0;
  for (const body of bodies) {
    size += body.length * 1.4;
    if (size > LIMIT) break;
    kept.push({ b: encode(body), t, wall });
  }
  guard(() => {
    if (kept.length) sessionStorage.setItem(`${key}.rest`, JSON.stringify(kept));
    else sessionStorage.removeItem(`${key}.rest`);
  })();
}

/** Take out what an earlier document of this tab kept. */
export function takeRest(guard: Guard, key: string): Rest[] {
  const found = guard((): Kept[] => {
    const text = sessionStorage.getItem(`${key}.rest`);
    sessionStorage.removeItem(`${key}.rest`);
    return text ? (JSON.parse(text) as Kept[]) : [];
  })();
  return (found ?? []).map(({ b, t, wall }) => ({
    body: decode(b),
    t: () => t + Math.max(0, Date.now() - wall),
  }));
}
