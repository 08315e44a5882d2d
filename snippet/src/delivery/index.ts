// Delivery: content is sealed into a batch, compressed off the critical path, sent in order and kept
// until the collector has said that it is durable. Sent again it is the same to the byte, except
// for the clock at sending.

import type { Stop } from "../guard";
import { farewell } from "./farewell";
import { type Context, makeOutbox } from "./outbox";
import { makeSender } from "./sender";
import { stamp } from "./wire";

export type { Order } from "./outbox";

const BATCH_BYTES = 48_000; // unsent recording stays below what one beacon can take
const BEACON_BYTES = 60_000; // the browser's 64 KiB hold for all beacons and keepalive requests
const FAREWELL_BYTES = 8000; // of them, for the events of the end, whatever else wants to go
const BUFFER_BYTES = 4_000_000; // what waits while the collector cannot be reached
const CALM_MS = 30_000; // how fast a page was hurries nobody: it goes along with the next batch
const URGENT_MS = 1000; // errors in a loop are not sent one by one

export interface Delivery {
  /** Send what is queued. True once it is durable, false if it was given up. */
  flush(): Promise<boolean>;
  /** Ask the server for something of this session once it has what is queued; false if it has none. */
  ask(what: string): Promise<string | false>;
  /** The queue has grown: send soon, or at once if it is large; *calm*: it can wait a while. */
  grown(calm: boolean): void;
  /** Something happened that must not wait: flush, at most once a second. */
  urgent(): void;
  /** Close the queue's content under the identity it was made with. */
  seal(): void;
  /** The network is back. */
  online(): void;
  /** The document may never run again: what has no answer goes into the reload buffer. */
  freeze(): void;
  /** The document goes: one beacon; it and the rest into the reload buffer. */
  leave(): void;
  /** The document came back from the back/forward cache. */
  back(): void;
  /** A new page load id; returns the indices of events that go under it (*renumber*). */
  restart(renumber: boolean): number[];
  /** The buffer is full: recording has to pause. */
  full(): boolean;
  drop(): void;
  stop(): void;
}

export function makeDelivery(context: Context): Delivery {
  const { guard, queue, now } = context;
  const outbox = makeOutbox(context);
  const sender = makeSender({ ...context, outbox, schedule, halt });
  let timer: Stop | undefined;
  let timerAt = Number.POSITIVE_INFINITY;
  let lastUrgent = Number.NEGATIVE_INFINITY;
  let left = false;
  let stopped = false;

  function schedule(ms: number): void {
    const at = now() + ms;
    if (at >= timerAt || stopped) return;
    timer?.stop();
    timerAt = at;
    timer = guard.later(() => {
      timerAt = Number.POSITIVE_INFINITY;
      seal();
      sender.pump();
    }, ms);
  }

  function seal(): void {
    if (!stopped && !left) outbox.seal();
  }

  function drop(): void {
    queue.clear();
    for (const batch of [...outbox.all()]) outbox.finish(batch, false);
  }

  function halt(): void {
    stopped = true;
    sender.hold();
    timer?.stop();
    drop();
  }

  function flush(): Promise<boolean> {
    if (stopped) return Promise.resolve(false);
    timer?.stop(); // what it was set for goes now; what waits longer sets it anew
    timerAt = Number.POSITIVE_INFINITY;
    seal();
    const done = outbox
      .all()
      .map((batch) => new Promise<boolean>((settle) => batch.settle.push(settle)));
    sender.pump();
    return Promise.all(done).then((all) => all.every(Boolean));
  }

  function leave(): void {
    if (left || stopped) return;
    const room = BEACON_BYTES - FAREWELL_BYTES - sender.keepalive();
    const last = farewell(context, outbox, sender.again(room) + FAREWELL_BYTES);
    left = true;
    sender.hold();
    if (last?.batch.body) {
      const { body } = last.batch;
      stamp(body, now());
      if (body.length <= BEACON_BYTES) sender.parting(body);
      last.batch.tried = true;
      // A beacon tells nothing of its fate: whether it arrived or not it is sent again later.
      outbox.keep(last.batch);
      if (last.rest) outbox.keep(last.rest);
    }
    outbox.leave();
  }

  function back(): void {
    if (!left) return;
    left = false;
    outbox.back();
    sender.resume();
  }

  return {
    flush,
    ask: (what) =>
      flush()
        .then(() => sender.ask(what))
        .catch(() => false),
    grown: (calm) => {
      schedule(queue.size() >= BATCH_BYTES ? 0 : calm ? CALM_MS : sender.flushMs());
    },
    urgent: () => {
      if (now() - lastUrgent < URGENT_MS) return schedule(sender.flushMs());
      lastUrgent = now();
      schedule(0);
    },
    seal,
    online: () => {
      seal();
      sender.online();
    },
    freeze: () => {
      seal();
      outbox.leave();
    },
    leave,
    back,
    restart: outbox.restart,
    full: () => outbox.size() > BUFFER_BYTES,
    drop,
    stop: halt,
  };
}
