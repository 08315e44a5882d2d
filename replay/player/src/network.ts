// Owns the panel of requests: a table whose rows lead to their moments. Bodies are never recorded.

import type { DrawerRow } from "./drawer";
import { clock, fill, type Texts } from "./model";
import { type DrawerParts, make } from "./page";

export interface Request {
  id: string;
  at: number;
  kind: string;
  method: string;
  url: string;
  status: number | null;
  duration: number | null;
  size: number | null;
  outcome: "" | "aborted" | "blocked" | "failed";
}

const NARROWEST = 2; // per cent of the bar: a fast request is still seen

/** Draw *requests* into the table; return its rows. */
export function drawRequests(
  parts: DrawerParts,
  requests: Request[],
  start: number,
  texts: Texts,
  jump: (at: number) => void,
): DrawerRow[] {
  let longest = 1;
  for (const { duration } of requests) longest = Math.max(longest, duration ?? 0);
  const rows = requests.map((one) => {
    const element = make("tr", one.outcome ? `outcome-${one.outcome}` : "");
    const time = make("th");
    time.scope = "row";
    const button = make("button", "offset", clock(one.at - start));
    button.type = "button";
    time.append(button);
    element.append(
      time,
      make("td", "method", one.method),
      cell("url", one.url),
      make("td", "status", status(one, texts)),
      make("td", "kind", one.kind),
      make("td", "number size", one.size === null ? "" : bytes(one.size, texts)),
      one.duration === null ? make("td", "number took") : took(one.duration, longest, texts),
    );
    element.addEventListener("click", () => jump(one.at));
    const words = `${one.method} ${one.url} ${one.status ?? ""} ${one.kind}`.toLowerCase();
    return { at: one.at, element, words, failed: one.outcome === "failed" };
  });
  parts.networkRows.replaceChildren(...rows.map(({ element }) => element));
  return rows;
}

/** A cell whose text may be cut off. */
export function cell(name: string, text: string): HTMLTableCellElement {
  const made = make("td", name, text);
  made.title = text;
  return made;
}

function status(one: Request, texts: Texts): string {
  if (one.outcome === "aborted" || one.outcome === "blocked") return texts[one.outcome] ?? "";
  if (one.status) return String(one.status);
  return (one.outcome === "failed" ? texts.failed_request : texts.pending) ?? "";
}

/** The time it took, with a bar that compares it with the longest. */
export function took(ms: number, longest: number, texts: Texts): HTMLTableCellElement {
  const made = make("td", "number took");
  const bar = make("span", "took-bar");
  bar.setAttribute("aria-hidden", "true");
  const inner = make("span");
  inner.style.width = `${Math.max(NARROWEST, (ms / longest) * 100)}%`;
  bar.append(inner);
  made.append(bar, make("span", "", span(ms, texts)));
  return made;
}

/** Return *ms* as milliseconds, or from one second on as seconds. */
export function span(ms: number, texts: Texts): string {
  if (ms < 1000) return fill(texts.milliseconds, { number: Math.round(ms) });
  return fill(texts.seconds, { number: decimal(ms / 1000) });
}

function bytes(size: number, texts: Texts): string {
  if (size < 1000) return fill(texts.bytes, { number: size });
  return fill(texts.kilobytes, { number: decimal(size / 1000) });
}

export function decimal(value: number, digits = 1): string {
  const language = document.documentElement.lang;
  return value.toLocaleString(language, { maximumFractionDigits: digits });
}
