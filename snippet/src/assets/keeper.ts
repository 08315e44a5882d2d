// Has the server keep fonts and pictures, each once per site, and lets the recording say under which
// hash the content of a URL is kept. All of it while the page has nothing else to do.

import type { Config } from "../config";
import type { Guard } from "../guard";
import { hashOf, type Sheets } from "./sheets";

const MOST_BYTES = 500_000;
const MOST = 100; // of one page
const IDLE_MS = 5000;
// Where the page's own policy is unsafe-url, a referrer would tell its query.
const UNNAMED: RequestInit = { credentials: "omit", referrerPolicy: "no-referrer" };

export interface Keeper {
  /** Fetch *url*, keep its content, and say so of *named*: its URL as recorded, or its node. */
  keep(
    kind: "font" | "image",
    url: string,
    named: Record<string, string | number>,
  ): Promise<boolean>;
  /** A new snapshot was taken: say again what was said. */
  again(): void;
}

interface KeeperContext {
  config: Config;
  guard: Guard;
  sheets: Sheets;
  running(): boolean;
  /** Record an event of ours. */
  record(tag: string, payload: object): void;
}

export function idle(guard: Guard, callback: () => void): void {
  const guarded = guard(callback);
  if (typeof requestIdleCallback !== "function")
    guard.later(callback, IDLE_MS / 10); // Safari
  else requestIdleCallback(guarded, { timeout: IDLE_MS });
}

export function makeKeeper({ config, guard, sheets, running, record }: KeeperContext): Keeper {
  const send = window.fetch.bind(window); // before the page patches it, and before we do
  const route = `${config.base}/i/${config.key}/asset`;
  const said: object[] = [];
  const closed = new Set<string>(); // origins that a policy or their server does not let us read
  let left = MOST;
  let turn: Promise<unknown> = Promise.resolve(); // one after the other

  async function content(url: string): Promise<ArrayBuffer | undefined> {
    const { origin } = new URL(url, document.baseURI);
    if (closed.has(origin)) return undefined;
    const answer = await send(url, { cache: "force-cache", credentials: "same-origin" }).catch(
      () => {
        closed.add(origin);
        return undefined;
      },
    );
    const bytes = answer?.ok ? await answer.arrayBuffer() : undefined;
    return bytes && bytes.byteLength <= MOST_BYTES ? bytes : undefined;
  }

  /** Whether the server keeps it under *hash*, now or since earlier. */
  async function stored(kind: string, hash: string, bytes: ArrayBuffer): Promise<boolean> {
    if (sheets.holds(hash)) return true;
    const known = await send(`${route}/${hash}`, UNNAMED);
    if ((await known.json()).stored) return true;
    const answer = await send(`${route}?kind=${kind}`, {
      ...UNNAMED,
      method: "POST",
      body: new Blob([bytes]), // without a type: no preflight
      cache: "no-store",
    });
    if ((await answer.json()).asset === hash) return true;
    left = 0; // full or refused: the next page may ask again
    return false;
  }

  async function one(kind: string, url: string, named: object): Promise<boolean> {
    await new Promise<void>((resolve) => idle(guard, resolve));
    if (left-- <= 0 || !running()) return false;
    const bytes = await content(url);
    if (!bytes) return false;
    const hash = await hashOf(bytes);
    if (!(await stored(kind, hash, bytes))) return false;
    const payload = { ...named, asset: sheets.reference(hash) };
    said.push(payload);
    record("stolper.asset", payload);
    return true;
  }

  return {
    keep: (kind, url, named) => {
      const next = turn.then(() => one(kind, url, named)).catch(() => false); // offline: not kept
      turn = next;
      return next;
    },
    again: guard(() => {
      for (const payload of said) record("stolper.asset", payload);
    }),
  };
}
