// What the page knows of a session, and what follows from it. Pure. Times are server milliseconds.

import type { Gap, Load } from "./protocol";

export interface Tab {
  id: string;
  number: number;
  at: number;
  until: number;
}

export interface View {
  at: number;
  tab: string;
  load: string;
  path: string;
}

export interface Row {
  id: string;
  at: number;
  type: string;
  tab: string;
  text: string;
  detail: string;
  tone: "plain" | "page" | "notice" | "error";
}

export interface Flag {
  id: string;
  at: number;
  until: number;
  tab: string | null;
  rule: string;
  title: string;
  target: string;
  page: string;
  severity: string;
  severity_text: string;
  provisional: boolean;
  evidence: string[];
}

/** What a reader wrote at a moment. */
export interface Note {
  id: string;
  at: number;
  author: string;
  text: string;
  made: number;
  changed: number | null;
  own: boolean;
  removable: boolean;
}

export interface GapText extends Gap {
  text: string;
}

export interface Timeline {
  session: string;
  running: boolean;
  pages: string;
  events: string;
  start: number;
  end: number;
  tabs: Tab[];
  loads: Load[];
  views: View[];
  rows: Row[];
  flags: Flag[];
  gaps: GapText[];
  notes: Note[];
  stage: string;
}

export type Span = [number, number];
export type Texts = Record<string, string>;

/** Return the last index of *items* (ascending) whose time is at or before *at*; -1 if none. */
export function lastAt(items: { at: number }[], at: number): number {
  let low = 0;
  let high = items.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((items[middle]?.at ?? 0) <= at) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

/** Return the tab that the visitor used at *at*: that of the last event before. */
export function tabInUse(timeline: Timeline, at: number): string {
  const row = timeline.rows[lastAt(timeline.rows, at)];
  const begun = timeline.tabs.filter((tab) => tab.at <= at);
  return row?.tab ?? begun.at(-1)?.id ?? timeline.tabs[0]?.id ?? "";
}

/** Return the path of the page in *tab* at *at*. */
export function pathAt(timeline: Timeline, tab: string, at: number): string {
  const own = timeline.views.filter((view) => view.tab === tab);
  return (own[lastAt(own, at)] ?? own[0])?.path ?? "";
}

/** Return the span without activity that *at* lies in. */
export function spanAt(spans: Span[], at: number): Span | null {
  return spans.find(([from, until]) => at >= from && at < until) ?? null;
}

/** Return the time of the next (1) or previous (-1) of *items*; a little slack lets one go back twice. */
export function neighbour(items: { at: number }[], at: number, step: 1 | -1): number | null {
  if (step === 1) return items.find((item) => item.at > at + 1)?.at ?? null;
  return items.findLast((item) => item.at < at - 700)?.at ?? null;
}

/** Return those of *gaps* that are not among the *known*: each part of a recording tells its own anew. */
export function unheard(known: Gap[], gaps: Gap[]): Gap[] {
  const named = (gap: Gap): string => `${gap.kind} ${gap.at} ${gap.reason}`;
  const heard = new Set(known.map(named));
  return gaps.filter((gap) => !heard.has(named(gap)));
}

/** Return *ms* as 0:07, 12:34 or 1:02:03. */
export function clock(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60];
  const two = (value: number): string => String(value).padStart(2, "0");
  const tail = two(seconds % 60);
  return hours ? `${hours}:${two(minutes)}:${tail}` : `${minutes}:${tail}`;
}

/** Put *values* into the %(name)s places of *text*. */
export function fill(text: string | undefined, values: Record<string, string | number>): string {
  return (text ?? "").replace(/%\((\w+)\)s/g, (_, name: string) => String(values[name] ?? ""));
}
