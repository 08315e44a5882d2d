// From queued content to the two texts of a batch: head and chunk (docs/wire-format.md).

import type { Named, Sheets } from "../assets/sheets";
import type { Target } from "../events.gen";
import { toJson } from "../json";
import type { Identity } from "../session";
import type { Content } from "./queue";

/** What a head says beside its events: sticky facts, sent once unless they change. */
export interface Extras {
  attributes?: Record<string, string>;
  page?: Record<string, string | number>;
  identity?: Record<string, unknown>;
}

export interface Texts {
  head: string;
  chunk: string;
}

export function write(
  content: Content,
  identity: Identity,
  seq: number,
  extras: Extras,
  snippet: { version: string; errors: number; failed: Record<string, number> },
  last: boolean,
  sheets: Sheets,
): Texts {
  const targets: Target[] = [];
  const places = new Map<string, number>();
  const place = (target: Target): number => {
    const text = toJson(target);
    let at = places.get(text);
    if (at === undefined) {
      at = targets.push(target) - 1;
      places.set(text, at);
    }
    return at;
  };
  const events = content.events.map(({ i, t, type, view, path, fields, target }) => {
    const event: Record<string, unknown> = { i, t, type, view, path, ...fields };
    if (target) event.target = place(target);
    return event;
  });
  const { dom } = content;
  const { version, errors, failed } = snippet;
  // What is empty, zero or false is left out: most batches are small, and consist of their heads.
  const some = <T>(list: T[]) => (list.length ? list : undefined);
  const head: Record<string, unknown> = {
    session: identity.session,
    secret: identity.secret,
    page_load: identity.page_load,
    tab: identity.tab,
    seq,
    targets: some(targets),
    events: some(events),
    void: some(content.void),
    gaps: some(content.gaps),
    ...extras,
    snippet: {
      version,
      errors: errors || undefined,
      failed: Object.keys(failed).length ? failed : undefined,
    },
    last: last || undefined,
  };
  if (identity.visitor) head.visitor = identity.visitor;
  if (dom.length) {
    head.chunk = {
      count: dom.length,
      first_t: dom[0]?.t,
      last_t: dom[dom.length - 1]?.t,
      snapshot: dom.some((event) => event.snapshot),
    };
  }
  const named: Named = { used: new Set(), sent: new Set() };
  const chunk = dom.map((event) => sheets.written(event.json, named)).join(",");
  if (named.used.size || named.sent.size) {
    head.assets = { used: [...named.used], sent: [...named.sent] };
  }
  return { head: toJson(head), chunk: dom.length ? `[${chunk}]` : "" };
}
