// Sends the outbox in order, one batch at a time, and does what the answers say
// (docs/wire-format.md).

import type { Batch, Context, Outbox } from "./outbox";
import type { Content } from "./queue";
import { stamp } from "./wire";

const KEEPALIVE_BYTES = 20_000; // small batches survive their page, and leave room for the beacon
const RETRY_MS = 1000;
const RETRY_MAX_MS = 60_000;
const FASTEST_FLUSH_MS = 250;

export interface Sender {
  /** Send what waits, unless something is on its way or it is too early. */
  pump(): void;
  /** Bytes of requests on their way that outlive the page. */
  keepalive(): number;
  flushMs(): number;
  hold(): void;
  resume(): void;
}

/** What an answer may hold (docs/wire-format.md). */
interface Told {
  flush_ms?: number;
  code?: string;
  assets?: string[];
}

export interface SenderContext extends Context {
  outbox: Outbox;
  schedule(ms: number): void;
  halt(): void;
}

export function makeSender(context: SenderContext): Sender {
  const { config, guard, queue, sheets, now, outbox, schedule } = context;
  const url = `${config.base}/i/${config.key}`;
  const send = window.fetch.bind(window); // before the page patches it, and before we do
  let flushMs = config.flush_ms;
  let attempts = 0;
  let notBefore = 0;
  let inFlight: Batch | undefined;
  let keepaliveBytes = 0;
  let held = false;

  function pump(): void {
    const batch = outbox.all()[0];
    if (!batch || inFlight || held) return;
    const wait = notBefore - now();
    if (wait > 0) {
      schedule(wait);
      return;
    }
    inFlight = batch;
    const next = guard(() => {
      if (inFlight === batch) inFlight = undefined;
      pump();
    });
    attempt(batch).then(next, () => {
      guard.count();
      retry(null); // an error of ours must not spin
      next();
    });
  }

  async function attempt(batch: Batch): Promise<void> {
    await outbox.pack(batch);
    const { body } = batch;
    if (!body || held || !outbox.all().includes(batch)) return;
    stamp(body, batch.clock());
    batch.tried = true;
    const alive = body.length <= KEEPALIVE_BYTES ? body.length : 0;
    keepaliveBytes += alive;
    const answer = await send(url, {
      method: "POST",
      body,
      headers: { "Content-Type": "text/plain;charset=UTF-8" },
      credentials: "omit",
      keepalive: alive > 0,
      cache: "no-store",
    }).catch(() => undefined); // offline, cut off, blocked: tried again
    keepaliveBytes -= alive;
    if (answer) await judge(batch, answer);
    else if (!held) retry(null);
  }

  async function judge(batch: Batch, answer: Response): Promise<void> {
    const { status } = answer;
    if (status === 429 || status >= 500) {
      retry(answer.headers.get("Retry-After"));
      return;
    }
    attempts = 0;
    const told = (await answer.json().catch(() => ({}))) as Told;
    if (status === 200) {
      outbox.finish(batch, true);
      if (told.assets) sheets.stored(told.assets);
      if (told.flush_ms) flushMs = Math.max(FASTEST_FLUSH_MS, told.flush_ms);
    } else if (status === 409) {
      conflict(batch);
    } else if (status === 404 || told.code === "origin") {
      context.halt();
      context.order("stop");
    } else if (status === 403 || status === 410) {
      forbidden(batch);
    } else {
      outbox.finish(batch, false);
      refused(batch, status, told.code ?? "refused");
    }
  }

  function conflict(batch: Batch): void {
    if (batch.identity?.page_load === context.identity().page_load) context.order("page_load");
    else outbox.finish(batch, false);
  }

  /** The session is not ours any more: neither is what waits under its id. */
  function forbidden(batch: Batch): void {
    const session = batch.identity?.session;
    for (const one of [...outbox.all()]) {
      if (one === batch || (session && one.identity?.session === session))
        outbox.finish(one, false);
    }
    if (session === context.identity().session) context.order("session");
  }

  function refused({ content }: Batch, status: number, reason: string): void {
    if (!content) return;
    queue.gap({ kind: "refused", reason, status, ...span(content) });
    for (const event of content.events) queue.void(event.i);
    for (const i of content.void) queue.void(i);
    if (content.dom.length) context.order("snapshot"); // what follows would not fit on a hole
  }

  function retry(after: string | null): void {
    const backoff = Math.min(RETRY_MAX_MS, RETRY_MS * 2 ** attempts++);
    const asked = Number(after) > 0 ? Number(after) * 1000 : 0;
    const wait = Math.max(asked, backoff * (0.5 + Math.random() / 2));
    notBefore = now() + wait;
    schedule(wait);
  }

  return {
    pump,
    keepalive: () => keepaliveBytes,
    flushMs: () => flushMs,
    hold: () => {
      held = true;
    },
    resume: () => {
      held = false;
      inFlight = undefined; // whether it arrived is not known: sent again, the same to the byte
      notBefore = 0;
      pump();
    },
  };
}

function span({ events, dom }: Content): Record<string, number> {
  const facts: Record<string, number> = { events: events.length, recorded: dom.length };
  const first = dom[0] ?? events[0];
  const last = dom[dom.length - 1] ?? events[events.length - 1];
  if (first) facts.from_t = first.t;
  if (last) facts.until_t = last.t;
  return facts;
}
