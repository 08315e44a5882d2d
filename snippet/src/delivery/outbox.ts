// Batches that are sealed and not yet acknowledged, in the order they are sent.

import type { Sheets } from "../assets/sheets";
import type { Config, Mode } from "../config";
import type { Guard } from "../guard";
import type { Identity } from "../session";
import type { Content, Queue } from "./queue";
import { type Left, makeRest } from "./rest";
import { type Extras, type Texts, write } from "./texts";
import { compress, pack, plain } from "./wire";

/** What an answer asks of the recorder. */
export type Order = "session" | "page_load" | "stop" | "off" | "snapshot";

export interface Context {
  config: Config;
  guard: Guard;
  queue: Queue;
  sheets: Sheets;
  now(): number;
  identity(): Identity;
  mode(): Mode;
  /** Sticky facts for the next head; handed out once. */
  extras(first: boolean): Extras;
  /** Whether such facts wait that are worth a batch of their own. */
  waiting(): boolean;
  order(order: Order): void;
  version: string;
}

export interface Batch {
  /** Of a batch from an earlier document: its name in the reload buffer. */
  name?: string;
  content: Content | undefined; // undefined: from an earlier document, only its bytes are left
  identity: Identity | undefined;
  seq: number;
  extras: Extras;
  /** Own errors since the batch before, by place. */
  failed: Record<string, number>;
  body: Uint8Array<ArrayBuffer> | undefined;
  size: number;
  /** The monotonic clock of the page load that made it. */
  clock: () => number;
  tried: boolean;
  settle: ((ok: boolean) => void)[];
}

export interface Outbox {
  all(): Batch[];
  /** Close the queue's content under the identity of now. */
  seal(): void;
  make(content: Content): Batch;
  texts(batch: Batch, last?: boolean): Texts;
  /** Compress and frame *batch*, unless it has been. */
  pack(batch: Batch): Promise<void>;
  /** Its bytes now, uncompressed if it was not framed before. */
  bytes(batch: Batch): Uint8Array<ArrayBuffer>;
  finish(batch: Batch, ok: boolean): void;
  keep(batch: Batch): void;
  /** The document goes: what is here goes into the reload buffer too. */
  leave(): void;
  /** It came back: what other documents have left meanwhile is sent here. */
  back(): void;
  /** Take out this page load's batches that were never tried; their numbers are free again. */
  untried(): Batch[];
  /** A new page load id: numbers start again. With *renumber* what waits goes under it; the
   * indices of its events are returned. */
  restart(renumber: boolean): number[];
  size(): number;
}

export function makeOutbox(context: Context): Outbox {
  const { config, guard, queue, sheets, now } = context;
  let seq = 0;
  const rest = makeRest(guard, `stolper.${config.key}`);
  let batches: Batch[] = rest.found().map(restored);

  function restored({ name, body, clock }: Left): Batch {
    return {
      name,
      content: undefined,
      identity: undefined,
      seq: -1,
      extras: {},
      failed: {},
      body,
      size: body.length,
      clock,
      tried: true,
      settle: [],
    };
  }

  function nameOf({ name, identity, seq: nth }: Batch): string {
    return name ?? `${identity?.page_load}/${nth}`;
  }

  function make(content: Content): Batch {
    const extras = context.extras(seq === 0);
    return {
      content,
      identity: context.identity(),
      seq: seq++,
      extras,
      failed: guard.fresh(),
      body: undefined,
      size: content.dom.reduce((sum, event) => sum + sheets.weight(event.json), 400),
      clock: now,
      tried: false,
      settle: [],
    };
  }

  function texts(batch: Batch, last = false): Texts {
    const { content, identity, seq: nth, extras, failed } = batch;
    const snippet = { version: context.version, errors: guard.errors(), failed };
    return write(content as Content, identity as Identity, nth, extras, snippet, last, sheets);
  }

  async function packBatch(batch: Batch): Promise<void> {
    if (batch.body) return;
    await sheets.ready();
    if (batch.body) return;
    const { head, chunk } = texts(batch);
    const [headPart, chunkPart] = await Promise.all([compress(head), compress(chunk)]);
    if (batch.body) return; // the page ended meanwhile and framed it uncompressed
    batch.body = pack(headPart, chunkPart);
    batch.size = batch.body.length;
  }

  function bytes(batch: Batch): Uint8Array<ArrayBuffer> {
    if (!batch.body) {
      const { head, chunk } = texts(batch);
      batch.body = pack(plain(head), plain(chunk));
    }
    return batch.body;
  }

  function untried(): Batch[] {
    const identity = context.identity();
    const mine = batches.filter((one) => !one.tried && one.content && one.identity === identity);
    batches = batches.filter((one) => !mine.includes(one));
    if (mine[0]) seq = mine[0].seq;
    return mine;
  }

  function restart(renumber: boolean): number[] {
    seq = 0;
    const known: number[] = [];
    if (!renumber) return known;
    for (const batch of batches) {
      if (!batch.content) continue;
      batch.seq = seq++;
      batch.identity = context.identity();
      batch.body = undefined;
      batch.tried = false;
      known.push(...batch.content.events.map((event) => event.i));
    }
    return known;
  }

  return {
    all: () => batches,
    seal: () => {
      const content = queue.take(seq > 0 && context.waiting()); // not before the first picture
      if (content) batches.push(make(content));
    },
    make,
    texts,
    pack: packBatch,
    bytes,
    finish: (batch, ok) => {
      batches = batches.filter((one) => one !== batch);
      rest.forget(nameOf(batch));
      for (const settle of batch.settle.splice(0)) settle(ok);
    },
    keep: (batch) => {
      batches.push(batch);
    },
    leave: () => {
      if (context.mode() !== "full") return;
      const left = (batch: Batch): Left => ({
        name: nameOf(batch),
        body: bytes(batch),
        clock: batch.clock,
      });
      if (batches.length) rest.keep(batches.map(left));
    },
    back: () => {
      const mine = new Set(batches.map(nameOf));
      const others = rest.found().filter(({ name }) => !mine.has(name));
      batches.unshift(...others.map(restored));
    },
    untried,
    restart,
    size: () => batches.reduce((sum, batch) => sum + batch.size, queue.size()),
  };
}
