// Owns what of the view stands in the page's address: the moment, the search, the open panel, and the
// list that the session was opened from.

/** The parts of the address beside the moment. */
export type Kept = "list" | "q" | "kind" | "panel";

const ORDER = ["flag", "at", "kind", "q", "panel", "list"];
const LEAST_MS = 300; // between two changes: browsers refuse the address to pages that change it all the time

let waiting: URLSearchParams | null = null; // what the address is to say
let last = Number.NEGATIVE_INFINITY; // when it was changed
let timer = 0;

function query(): URLSearchParams {
  return waiting ?? new URLSearchParams(location.search);
}

/** Let the address say *values*; what changes *often*, by a hand on the bar, in a while. */
function put(values: URLSearchParams, often: boolean): void {
  waiting = values;
  const rest = last + LEAST_MS - performance.now();
  if (!often || rest <= 0) write();
  else timer ||= setTimeout(write, rest);
}

function write(): void {
  clearTimeout(timer);
  timer = 0;
  if (!waiting) return;
  last = performance.now();
  const ordered = new URLSearchParams();
  for (const name of ORDER) {
    const value = waiting.get(name);
    if (value) ordered.set(name, value);
  }
  waiting = null;
  const text = ordered.toString();
  history.replaceState(null, "", location.pathname + (text ? `?${text}` : ""));
}

addEventListener("pagehide", write); // a reload comes back to the moment that was last

/** Return what the address says of *name*. */
export function read(name: Kept): string {
  return query().get(name) ?? "";
}

/** Keep *value* of *name* in the address; an empty one goes. */
export function keep(name: Kept, value: string): void {
  const values = query();
  values.set(name, value);
  put(values, name === "q");
}

/** Keep the moment *offset* (milliseconds from the start), or the flag that stands for one. */
export function keepMoment(moment: { at: number } | { flag: string }): void {
  const values = query();
  values.delete("at");
  values.delete("flag");
  if ("flag" in moment) values.set("flag", moment.flag);
  else values.set("at", String(Math.round(moment.at)));
  put(values, "at" in moment);
}

/** Return a link to the moment *offset* for somebody else: without the reader's own list and search. */
export function shared(offset: number): string {
  const url = new URL(location.pathname, location.origin);
  url.searchParams.set("at", String(Math.round(offset)));
  const panel = read("panel");
  if (panel) url.searchParams.set("panel", panel);
  return url.href;
}
