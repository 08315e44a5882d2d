// Sends the outbox in order, one batch at a time, and does what the answers say
// (docs/wire-format.md).

import { toJson } from "../json";
import type { Batch, Context, Outbox } from "./outbox";
import type { Content } from "./queue";
import { stamp } from "./wire";

const KEEPALIVE_BYTES = 20_000; // small batches survive their page, and leave room for the beacon
const RETRY_MS = 1000;
const RETRY_MAX_MS = 60_000;
const FASTEST_FLUSH_MS = 250;
const ANSWER_MS = 60_000; // a connection that died unnoticed: tried again on another one
const TYPE = "text/plain;charset=UTF-8"; // needs no preflight

export interface Sender {
  /** Send what waits, unless something is on its way or it is too early. */
  pump(): void;
  /** Ask for *what* of this session; false if there is none. */
  ask(what: string): Promise<string | false>;
  /** Bytes of requests on their way that outlive the page. */
  keepalive(): number;
  flushMs(): number;
  /** The network is back: try now, unless the server has asked to wait. */
  online(): void;
  /** The page ends: send *body* so that it outlives it. The browser does not tell whether it came. */
  parting(body: Uint8Array<ArrayBuffer>): void;
  /** The page ends: send once more what has no answer and would end with it, up to *room* bytes;
   * returns what is left of them. */
  again(room: number): number;
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
  let asked = false; // the server named the wait
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
    const answer = await post(body, alive > 0).catch(() => undefined); // cut off: tried again
    keepaliveBytes -= alive;
    if (answer) await judge(batch, answer);
    else if (!held) retry(null);
  }

  function post(body: BodyInit, keepalive: boolean, path = ""): Promise<Response> {
    return send(url + path, {
      method: "POST",
      body,
      headers: { "Content-Type": TYPE },
      credentials: "omit",
      referrerPolicy: "no-referrer", // where the page's own is unsafe-url, it would tell the query
      keepalive,
      cache: "no-store",
      signal: AbortSignal.timeout?.(ANSWER_MS) ?? null,
    });
  }

  function parting(body: Uint8Array<ArrayBuffer>): void {
    // Absent in some browsers, refused where other scripts have used up what a page may leave.
    if (navigator.sendBeacon?.(url, new Blob([body], { type: TYPE }))) return;
    post(body, true).catch(() => {});
  }

  async function judge(batch: Batch, answer: Response): Promise<void> {
    const { status } = answer;
    if (status === 429 || status >= 500) {
      retry(answer.headers.get("Retry-After") ?? "");
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
    } else if (status === 404 || told.code === "origin" || told.code === "off") {
      context.halt();
      context.order(told.code === "off" ? "off" : "stop");
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

  /** *after*: what the server asked for; null if it did not answer. */
  function retry(after: string | null): void {
    asked = after !== null;
    const backoff = Math.min(RETRY_MAX_MS, RETRY_MS * 2 ** attempts++);
    const least = Number(after) > 0 ? Number(after) * 1000 : 0;
    const wait = Math.max(least, backoff * (0.5 + Math.random() / 2));
    notBefore = now() + wait;
    schedule(wait);
  }

  async function ask(what: string): Promise<string | false> {
    const { session, secret } = context.identity();
    const answer = await post(toJson({ session, secret }), false, `/${what}`);
    return (await answer.json())[what] ?? false;
  }

  return {
    pump,
    ask,
    keepalive: () => keepaliveBytes,
    flushMs: () => flushMs,
    online: () => {
      if (!asked) notBefore = 0;
      pump();
    },
    parting,
    again: (room) => {
      let left = room;
      for (const batch of outbox.all()) {
        const { body, tried, clock } = batch;
        const alive = batch === inFlight && keepaliveBytes > 0;
        if (!tried || !body || alive || body.length > left) continue;
        stamp(body, clock());
        parting(body);
        left -= body.length;
      }
      return left;
    },
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
