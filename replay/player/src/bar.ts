// Owns the timeline's picture: activity, pages, gaps and flags along the seek bar.

import { clock, fill, type GapText, type Span, type Texts, type Timeline } from "./model";
import { make, type Page } from "./page";

export const MARKER_PX = 24; // as wide as a marker is, so that each can be clicked
const NARROWEST = 0.3; // per cent; anything thinner cannot be seen

/** Draw *timeline* along the bar. *jump* is called with a flag's id. */
export function drawBar(
  page: Page,
  timeline: Timeline,
  inactive: Span[],
  gaps: GapText[],
  texts: Texts,
  jump: (flag: string) => void,
): void {
  const length = Math.max(1, timeline.end - timeline.start);
  const place = (at: number): number => ((at - timeline.start) / length) * 100;
  const span = (name: string, from: number, until: number, title = ""): HTMLElement => {
    const made = make("span", name);
    made.style.left = `${place(from)}%`;
    made.style.width = `${Math.max(NARROWEST, place(until) - place(from))}%`;
    if (title) made.title = title;
    return made;
  };
  page.activity.replaceChildren(
    ...inactive.map(([from, until]) => span("inactive", from, until)),
    ...gaps.map((gap) => span("gap", gap.at, gap.until, gap.text)),
  );
  page.ticks.replaceChildren(
    ...timeline.views.map((view) => {
      const tick = span("tick", view.at, view.at, view.path);
      tick.style.width = "";
      return tick;
    }),
  );
  const errors = timeline.rows.filter(({ tone }) => tone === "error").map(({ at }) => place(at));
  page.errorTicks.replaceChildren(
    ...seen(errors).map((at) => {
      const tick = make("span", "error-tick");
      tick.style.left = `${at}%`;
      return tick;
    }),
  );
  const places = apart(
    timeline.flags.map((flag) => place(flag.at)),
    (MARKER_PX / Math.max(1, page.markers.clientWidth)) * 100,
  );
  page.markers.replaceChildren(
    ...timeline.flags.map((flag, number) => {
      const made = make("button", `marker severity-${flag.severity}`);
      made.type = "button";
      made.style.left = `${places[number]}%`;
      const values = { title: flag.title, at: clock(flag.at - timeline.start) };
      made.title = fill(texts.at_flag, values);
      made.setAttribute("aria-label", made.title);
      made.append(make("span", "mark"));
      made.addEventListener("click", () => jump(flag.id));
      return made;
    }),
  );
  page.seek.max = String(Math.ceil(length));
}

/** Return those of *places* (per cent) that can be told apart: a page may fail a thousand times. */
function seen(places: number[]): number[] {
  return [...new Set(places.map((at) => Math.round(at / NARROWEST) * NARROWEST))];
}

/**
 * Return *places* (per cent, ascending) at least *gap* apart, as far as the bar is long enough:
 * flags of the same second would cover each other.
 */
export function apart(places: number[], gap: number): number[] {
  const step = Math.min(gap, 100 / Math.max(1, places.length));
  const moved = [...places];
  moved.forEach((at, number) => {
    moved[number] = Math.max(at, number > 0 ? (moved[number - 1] ?? 0) + step : 0);
  });
  let limit = 100;
  for (let number = moved.length - 1; number >= 0; number -= 1) {
    moved[number] = Math.min(moved[number] ?? 0, limit);
    limit = (moved[number] ?? 0) - step;
  }
  return moved;
}

/** Put the playhead where *at* is. */
export function movePlayhead(page: Page, timeline: Timeline, at: number, texts: Texts): void {
  const length = Math.max(1, timeline.end - timeline.start);
  const offset = at - timeline.start;
  page.played.style.width = `${Math.min(100, (offset / length) * 100)}%`;
  page.seek.value = String(Math.round(offset));
  page.now.textContent = clock(offset);
  const values = { at: clock(offset), end: clock(length) };
  page.seek.setAttribute("aria-valuetext", fill(texts.position, values));
}
