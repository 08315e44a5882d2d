// The outcome of one press: which reaction came first, how soon, and what stood in its way. Facts
// only; what is a struggle is decided by rules.

import type { Facts, Open, ReactionKind, RequestStart } from "../scope";
import type { Change } from "./changes";
import { markup } from "./changes";
import type { Surroundings } from "./near";
import type { Probe } from "./probe";

export interface Seen {
  ms: number;
  kind: ReactionKind;
}

interface Unclear {
  change: Change;
  seen: Seen;
}

export interface Press {
  open: Open<"click">;
  t0: number;
  key: string;
  element: Element;
  at: { x: number; y: number };
  around: Surroundings;
  facts: Facts<"click">;
  before: Probe;
  /** The first reaction that is this press's: its handlers' own, or the next in turn. */
  own?: Seen;
  /** The first near reaction since the press, whoever caused it. */
  shared?: Seen;
  /** Marks of being pressed (a ripple): an answer only if they last. */
  fleeting?: Seen;
  unclear: Unclear[];
  /** Changed because a field was left by the press. */
  excused: Set<Element>;
  /** The visitor typed since: what looks different now may be the echo of that. */
  typed: boolean;
  requests: RequestStart[];
  leading: number | undefined; // when a navigation began
  released?: number;
  markup: string;
  timers: { stop(): void }[];
}

export const WINDOW_MS = 2500;

export function first(known: Seen | undefined, seen: Seen): Seen {
  return known && known.ms <= seen.ms ? known : seen;
}

/** Changes that could be a background mutator's: an answer if they happened once only. */
function settled(press: Press): { answer: Seen | undefined; background: Unclear[] } {
  const background: Unclear[] = [];
  let answer: Seen | undefined;
  for (const one of press.unclear) {
    const again = press.unclear.some(({ change, seen }) => {
      const same = change.node === one.change.node && change.sort === one.change.sort;
      return same && Math.abs(seen.ms - one.seen.ms) >= 100;
    });
    if (again) background.push(one);
    else answer = first(answer, one.seen);
  }
  return { answer, background };
}

/** Complete the facts of *press*. *cut*: the page ended before the outcome was final. */
export function outcome(
  press: Press,
  cut: boolean,
): { facts: Facts<"click">; background: Change[] } {
  const { answer: late, background } = settled(press);
  let answer = press.own ?? press.shared;
  if (late) answer = answer ? first(answer, late) : late;
  if (press.fleeting && lasts(press)) {
    answer = answer ? first(answer, press.fleeting) : press.fleeting;
  }
  const facts = { ...press.facts, ...requestFacts(press) };
  if (answer) {
    facts.answered_ms = Math.max(0, answer.ms);
    facts.answer = answer.kind;
  }
  if (background.length) facts.far = (facts.far ?? 0) + background.length;
  if (cut) facts.cut = true;
  return { facts, background: background.map(({ change }) => change) };
}

function lasts(press: Press): boolean {
  return !press.element.isConnected || markup([press.element]) !== press.markup;
}

function requestFacts({ requests, t0, leading }: Press): Facts<"click"> {
  const facts: Facts<"click"> = {};
  if (leading !== undefined) facts.pending = true;
  const [start] = requests;
  if (!start) return facts;
  facts.request_ms = start.t - t0;
  const done = requests.map((request) => request.done).filter((end) => end !== undefined);
  if (done.length < requests.length) facts.pending = true;
  const ends = done.filter((end) => end.status >= 0); // aborted ones tell nothing
  if (ends.length) {
    facts.request_done_ms = Math.max(...ends.map((end) => end.t)) - t0;
    const codes = ends.map((end) => end.status);
    facts.request_status = codes.includes(0) ? 0 : Math.max(...codes);
  }
  return facts;
}
