// The end of a page: one plain batch of what is there, small enough for a beacon. Nothing is
// compressed any more; the browser would not wait for it.

import type { Batch, Context, Outbox } from "./outbox";
import type { Content } from "./queue";
import { REST_BYTES } from "./rest";
import { pack, plain } from "./wire";

const OVERHEAD = 200; // the chunk's own facts in the head, brackets

/**
 * Merge the queue and untried batches into one of at most *limit* bytes; *rest* did not fit.
 *
 * Where nobody can send the rest later, the batch names it as a gap.
 */
export function farewell(
  { queue, sheets, mode }: Context,
  outbox: Outbox,
  limit: number,
): { batch: Batch; rest: Batch | undefined } | undefined {
  const untried = outbox.untried();
  const parts = untried.map((one) => one.content as Content);
  const queued = queue.take();
  if (queued) parts.push(queued);
  if (!parts.length) return undefined;
  const whole: Content = {
    events: parts.flatMap((part) => part.events),
    dom: parts.flatMap((part) => part.dom),
    void: parts.flatMap((part) => part.void),
    gaps: parts.flatMap((part) => part.gaps),
  };
  const batch = outbox.make({ ...whole, dom: [] });
  for (const one of untried) {
    batch.settle.push(...one.settle);
    batch.extras = { ...one.extras, ...batch.extras };
    for (const [place, count] of Object.entries(one.failed)) {
      batch.failed[place] = (batch.failed[place] ?? 0) + count;
    }
  }
  const bytes = (text: string) => new TextEncoder().encode(text).length;
  let room = limit - bytes(outbox.texts(batch, true).head) - OVERHEAD;
  let fitting = 0;
  const named = { used: new Set<string>(), sent: new Set<string>() };
  for (const event of whole.dom) {
    if (sheets.weight(event.json) > room) break; // a large snapshot is not even encoded
    room -= bytes(sheets.written(event.json, named)) + 1;
    if (room < 0) break;
    fitting++;
  }
  const over = whole.dom.slice(fitting);
  let left = mode() === "full" ? REST_BYTES : 0; // what the next page of the tab can send,
  for (const { size } of outbox.all()) left -= size; // behind what may have arrived already
  const kept = over.findIndex(({ json }) => {
    left -= sheets.weight(json);
    return left < 0;
  });
  const lost = kept < 0 ? [] : over.splice(kept);
  const from_t = lost[0]?.t ?? 0;
  const gap = { kind: "end", reason: "too_large", recorded: lost.length, from_t };
  batch.content = {
    ...whole,
    dom: whole.dom.slice(0, fitting),
    gaps: lost.length ? [...whole.gaps, gap] : whole.gaps,
  };
  const { head, chunk } = outbox.texts(batch, true);
  batch.body = pack(plain(head), plain(chunk));
  const rest = over.length ? outbox.make({ events: [], dom: over, void: [], gaps: [] }) : undefined;
  return { batch, rest };
}
