// Owns the panel of how fast the page was: what the browser measured, a row each, led to its moment.

import type { DrawerRow } from "./drawer";
import { clock, type Texts } from "./model";
import { cell, decimal, took } from "./network";
import { type DrawerParts, make } from "./page";

export interface Vital {
  id: string;
  at: number;
  kind: string;
  /** Milliseconds; of a layout shift a number without a unit. */
  value: number;
  path: string;
  label: string;
  slow: boolean;
}

/** Draw *vitals* into the table; return its rows. */
export function drawVitals(
  parts: DrawerParts,
  vitals: Vital[],
  start: number,
  texts: Texts,
  jump: (at: number) => void,
): DrawerRow[] {
  const timed = vitals.filter(({ kind }) => kind !== "cls");
  const longest = timed.reduce((most, { value }) => Math.max(most, value), 1);
  const rows = vitals.map((one) => {
    const element = make("tr", one.slow ? "outcome-failed" : "");
    const time = make("th");
    time.scope = "row";
    const button = make("button", "offset", clock(one.at - start));
    button.type = "button";
    time.append(button);
    const what = texts[`vital_${one.kind}`] ?? one.kind;
    const value =
      one.kind === "cls"
        ? make("td", "number took", decimal(one.value, 3))
        : took(one.value, longest, texts);
    element.append(
      time,
      make("td", "status", what),
      cell("url", one.path),
      cell("kind", one.label),
      value,
    );
    element.addEventListener("click", () => jump(one.at));
    const words = `${what} ${one.path} ${one.label}`.toLowerCase();
    return { at: one.at, element, words, failed: one.slow };
  });
  parts.performanceRows.replaceChildren(...rows.map(({ element }) => element));
  return rows;
}
