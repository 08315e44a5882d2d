// Owns what of the view stands in the page's address: the moment, the search, the open panel, and the
// list that the session was opened from.

/** The parts of the address beside the moment. */
export type Kept = "list" | "q" | "kind" | "panel";

const ORDER = ["flag", "at", "kind", "q", "panel", "list"];

function query(): URLSearchParams {
  return new URLSearchParams(location.search);
}

function put(values: URLSearchParams): void {
  const ordered = new URLSearchParams();
  for (const name of ORDER) {
    const value = values.get(name);
    if (value) ordered.set(name, value);
  }
  const text = ordered.toString();
  history.replaceState(null, "", location.pathname + (text ? `?${text}` : ""));
}

/** Return what the address says of *name*. */
export function read(name: Kept): string {
  return query().get(name) ?? "";
}

/** Keep *value* of *name* in the address; an empty one goes. */
export function keep(name: Kept, value: string): void {
  const values = query();
  values.set(name, value);
  put(values);
}

/** Keep the moment *offset* (milliseconds from the start), or the flag that stands for one. */
export function keepMoment(moment: { at: number } | { flag: string }): void {
  const values = query();
  values.delete("at");
  values.delete("flag");
  if ("flag" in moment) values.set("flag", moment.flag);
  else values.set("at", String(Math.round(moment.at)));
  put(values);
}

/** Return a link to the moment *offset* for somebody else: without the reader's own list and search. */
export function shared(offset: number): string {
  const url = new URL(location.pathname, location.origin);
  url.searchParams.set("at", String(Math.round(offset)));
  const panel = read("panel");
  if (panel) url.searchParams.set("panel", panel);
  return url.href;
}
