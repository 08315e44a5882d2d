// Delivery: content is sealed into a batch, compressed off the critical path, sent in order and kept
// until the collector has said that it is durable. Sent again it is the same to the byte, except
// for the clock at sending.

import { type Extras, write } from "./batch";
import type { Config, Mode } from "./config";
import type { Guard } from "./guard";
import type { Content, Queue } from "./queue";
import { keep, takeRest } from "./rest";
import type { Identity } from "./session";
import { compress, pack, plain, stamp } from "./wire";

const BATCH_BYTES = 48_000; // unsent recording stays below what one beacon can take
const BEACON_BYTES = 60_000; // the browser's 64 KiB hold for all beacons and keepalive requests
const KEEPALIVE_BYTES = 20_000; // small batches survive their page, and leave room for the beacon
const BUFFER_BYTES = 4_000_000; // what waits while the collector cannot be reached
const RETRY_MS = 1000;
const RETRY_MAX_MS = 60_000;

/** What an answer asks of the recorder. */
export type Order = "session" | "page_load" | "stop" | "snapshot";

export interface Delivery {
  /** Send what is queued. True once it is durable, false if it was given up. */
  flush(): Promise<boolean>;
  /** The queue has grown: send soon, or at once if it is large. */
  grown(): void;
  /** Something happened that must not wait (an error): flush, at most once a second. */
  urgent(): void;
  /** Close the queue's content under the identity it was made with. */
  seal(): void;
  /** The document goes: one beacon, the rest into the reload buffer. */
  leave(): void;
  back(): void;
  /** A new page load id: sequence numbers start again. */
  restart(renumber: boolean): number[];
  /** The buffer is full: recording has to pause. */
  full(): boolean;
  drop(): void;
  stop(): void;
}

interface Batch {
  content: Content | undefined; // undefined: from an earlier document, only its bytes are left
  identity: Identity | undefined;
  seq: number;
  extras: Extras;
  body: Uint8Array<ArrayBuffer> | undefined;
  size: number;
  clock: () => number;
  tried: boolean;
  packing: boolean;
  settle: ((ok: boolean) => void)[];
}

export interface Context {
  config: Config;
  guard: Guard;
  queue: Queue;
  now(): number;
  identity(): Identity;
  mode(): Mode;
  /** Sticky facts for the next head; handed out once. */
  extras(first: boolean): Extras;
  order(order: Order): void;
  version: string;
}

export function makeDelivery(context: Context): Delivery {
  const { config, guard, queue, now } = context;
  const url = `${config.base}/i/${config.key}`;
  const storageKey = `stolper.${config.key}`;
  const send = window.fetch.bind(window); // the page may patch fetch later, and so do we
  let outbox: Batch[] = [];
  let seq = 0;
  let flushMs = config.flush_ms;
  let attempts = 0;
  let notBefore = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let timerAt = Number.POSITIVE_INFINITY;
  let lastUrgent = Number.NEGATIVE_INFINITY;
  let inFlight: Batch | undefined;
  let keepaliveBytes = 0;
  let left = false;
  let stopped = false;

  function schedule(ms: number): void {
    const at = now() + ms;
    if (at >= timerAt || stopped) return;
    if (timer !== undefined) clearTimeout(timer);
    timerAt = at;
    timer = setTimeout(
      guard(() => {
        timer = undefined;
        timerAt = Number.POSITIVE_INFINITY;
        seal();
        pump();
      }),
      ms,
    );
  }

  function make(content: Content): Batch {
    const extras = context.extras(seq === 0);
    return {
      content,
      identity: context.identity(),
      seq: seq++,
      extras,
      body: undefined,
      size: content.dom.reduce((sum, event) => sum + event.json.length, 400),
      clock: now,
      tried: false,
      packing: false,
      settle: [],
    };
  }

  function texts(batch: Batch, last = false) {
    const snippet = { version: context.version, errors: guard.errors() };
    return write(
      batch.content as Content,
      batch.identity as Identity,
      batch.seq,
      batch.extras,
      snippet,
      last,
    );
  }

  function seal(): void {
    if (stopped) return;
    const content = queue.take();
    if (content) outbox.push(make(content));
  }

  async function packed(batch: Batch): Promise<void> {
    batch.packing = true;
    const { head, chunk } = texts(batch);
    const [headPart, chunkPart] = await Promise.all([compress(head), compress(chunk)]);
    batch.packing = false;
    if (batch.body) return;
    batch.body = pack(headPart, chunkPart);
    batch.size = batch.body.length;
  }

  function pump(): void {
    const batch = outbox[0];
    if (!batch || inFlight || left || stopped) return;
    const wait = notBefore - now();
    if (wait > 0) {
      schedule(wait);
      return;
    }
    inFlight = batch;
    attempt(batch).then(
      guard(() => {
        if (inFlight === batch) inFlight = undefined;
        pump();
      }),
      () => guard.count(),
    );
  }

  async function attempt(batch: Batch): Promise<void> {
    let answer: Response;
    let alive = 0;
    try {
      if (!batch.body) await packed(batch);
      const body = batch.body;
      if (!body || left || !outbox.includes(batch)) return;
      stamp(body, batch.clock());
      batch.tried = true;
      alive = body.length <= KEEPALIVE_BYTES ? body.length : 0;
      keepaliveBytes += alive;
      answer = await send(url, {
        method: "POST",
        body,
        headers: { "Content-Type": "text/plain;charset=UTF-8" },
        credentials: "omit",
        keepalive: alive > 0,
        cache: "no-store",
      });
    } catch {
      if (!left) retry(undefined); // offline, refused by the network, blocked
      return;
    } finally {
      keepaliveBytes -= alive;
    }
    await judge(batch, answer);
  }

  async function judge(batch: Batch, answer: Response): Promise<void> {
    const { status } = answer;
    if (status === 429 || status >= 500) return retry(answer.headers.get("Retry-After"));
    attempts = 0;
    if (status === 200) {
      finish(batch, true);
      const told = (await answer.json().catch(() => undefined)) as
        | { flush_ms?: number }
        | undefined;
      if (told?.flush_ms && told.flush_ms >= 250) flushMs = told.flush_ms;
      return;
    }
    if (status === 409) {
      if (batch.content && batch.identity?.page_load === context.identity().page_load) {
        return context.order("page_load");
      }
      return finish(batch, false);
    }
    const told = (await answer.json().catch(() => undefined)) as { code?: string } | undefined;
    if (status === 404 || told?.code === "origin") {
      halt();
      return context.order("stop");
    }
    if (status === 403 || status === 410) {
      const { session } = batch.identity ?? {};
      for (const old of outbox.filter(
        (one) => one.identity?.session === session || one === batch,
      )) {
        finish(old, false);
      }
      if (session === context.identity().session) context.order("session");
      return;
    }
    finish(batch, false);
    refused(batch, status, told?.code ?? "refused");
  }

  function refused(batch: Batch, status: number, reason: string): void {
    const { content } = batch;
    if (!content) return;
    queue.gap({ kind: "refused", reason, status, ...span(content) });
    for (const event of content.events) queue.void(event.i);
    for (const i of content.void) queue.void(i);
    if (content.dom.length) context.order("snapshot"); // what follows would not fit on a hole
  }

  function retry(after: string | null | undefined): void {
    const backoff = Math.min(RETRY_MAX_MS, RETRY_MS * 2 ** attempts++);
    const asked = Number(after) > 0 ? Number(after) * 1000 : 0;
    const wait = Math.max(asked, backoff * (0.5 + Math.random() / 2));
    notBefore = now() + wait;
    schedule(wait);
  }

  function finish(batch: Batch, ok: boolean): void {
    outbox = outbox.filter((one) => one !== batch);
    for (const settle of batch.settle.splice(0)) settle(ok);
  }

  function halt(): void {
    stopped = true;
    if (timer !== undefined) clearTimeout(timer);
    queue.clear();
    for (const batch of [...outbox]) finish(batch, false);
  }

  function flush(): Promise<boolean> {
    if (stopped) return Promise.resolve(false);
    seal();
    const open = [...outbox];
    const done = open.map((batch) => new Promise<boolean>((settle) => batch.settle.push(settle)));
    pump();
    return Promise.all(done).then((all) => all.every(Boolean));
  }

  /** Untried batches and the queue become one plain batch of at most *limit* bytes. */
  function farewell(limit: number): { body: Uint8Array<ArrayBuffer>; rest: Batch[] } | undefined {
    const untried = outbox.filter((one) => !one.tried && one.content);
    const mine = untried.filter((one) => one.identity === context.identity());
    outbox = outbox.filter((one) => !mine.includes(one));
    const parts = mine.map((one) => one.content as Content);
    const queued = queue.take();
    if (queued) parts.push(queued);
    if (!parts.length) return undefined;
    if (mine[0]) seq = mine[0].seq;
    const whole: Content = {
      events: parts.flatMap((part) => part.events),
      dom: parts.flatMap((part) => part.dom),
      void: parts.flatMap((part) => part.void),
      gaps: parts.flatMap((part) => part.gaps),
    };
    const batch = make({ ...whole, dom: [] });
    Object.assign(batch.extras, ...mine.map((one) => one.extras));
    const bare = new TextEncoder().encode(texts(batch, true).head).length;
    let room = limit - bare - 200; // the chunk's own facts, commas, brackets
    const fits: Content["dom"] = [];
    for (const event of whole.dom) {
      room -= event.json.length * 1.02 + 1; // letters beyond ASCII take more bytes than characters
      if (room < 0) break;
      fits.push(event);
    }
    batch.content = { ...whole, dom: fits };
    const over = whole.dom.slice(fits.length);
    const { head, chunk } = texts(batch, true);
    const rest = over.length ? [make({ events: [], dom: over, void: [], gaps: [] })] : [];
    return { body: pack(plain(head), plain(chunk)), rest };
  }

  function leave(): void {
    if (left || stopped) return;
    const last = farewell(BEACON_BYTES - keepaliveBytes);
    const kept: Uint8Array[] = [];
    left = true;
    for (const batch of outbox) kept.push(bytes(batch)); // on the way or waiting: sent again
    if (last) {
      stamp(last.body, now());
      const type = "text/plain;charset=UTF-8";
      const taken =
        last.body.length <= BEACON_BYTES &&
        navigator.sendBeacon(url, new Blob([last.body], { type }));
      // A beacon tells nothing of its fate: while the collector cannot be reached it is kept too.
      if (!taken || attempts > 0) kept.push(last.body);
      for (const batch of last.rest) kept.push(bytes(batch));
    }
    if (context.mode() === "full" && kept.length) keep(guard, storageKey, kept, now());
  }

  function bytes(batch: Batch): Uint8Array<ArrayBuffer> {
    if (batch.body) return batch.body;
    const { head, chunk } = texts(batch);
    batch.body = pack(plain(head), plain(chunk));
    return batch.body;
  }

  function back(): void {
    if (!left) return;
    left = false;
    if (context.mode() === "full") takeRest(guard, storageKey); // still in the outbox here
    inFlight = undefined;
    pump();
  }

  function restart(renumber: boolean): number[] {
    seq = 0;
    if (!renumber) return [];
    const known: number[] = [];
    for (const batch of outbox.filter((one) => one.content)) {
      batch.seq = seq++;
      batch.identity = context.identity();
      batch.body = undefined;
      batch.tried = false;
      known.push(...(batch.content as Content).events.map((event) => event.i));
    }
    return known;
  }

  for (const rest of takeRest(guard, storageKey)) {
    outbox.push({
      content: undefined,
      identity: undefined,
      seq: -1,
      extras: {},
      body: rest.body,
      size: rest.body.length,
      clock: rest.t,
      tried: true,
      packing: false,
      settle: [],
    });
  }

  return {
    flush,
    grown: () => (queue.size() >= BATCH_BYTES ? schedule(0) : schedule(flushMs)),
    urgent: () => {
      if (now() - lastUrgent < 1000) return;
      lastUrgent = now();
      schedule(0);
    },
    seal,
    leave,
    back,
    restart,
    full: () => outbox.reduce((sum, batch) => sum + batch.size, queue.size()) > BUFFER_BYTES,
    drop: () => {
      queue.clear();
      for (const batch of [...outbox]) finish(batch, false);
    },
    stop: halt,
  };
}

function span(content: Content): Record<string, number> {
  const facts: Record<string, number> = {
    events: content.events.length,
    recorded: content.dom.length,
  };
  const first = content.dom[0]?.t ?? content.events[0]?.t;
  const end =
    content.dom[content.dom.length - 1]?.t ?? content.events[content.events.length - 1]?.t;
  if (first !== undefined) facts.from_t = first;
  if (end !== undefined) facts.until_t = end;
  return facts;
}
