// Owns the timeline's picture: activity, pages, gaps and flags along the seek bar.

import { clock, fill, type GapText, type Span, type Texts, type Timeline } from "./model";
import { make } from "./page";

const MARKER_PX = 24; // as wide as a marker is, so that each can be clicked
const NARROWEST = 0.3; // per cent; anything thinner cannot be seen

/** The parts of the bar that are drawn. */
export interface Bar {
  markers: HTMLElement;
  activity: HTMLElement;
  ticks: HTMLElement;
  errorTicks: HTMLElement;
  played: HTMLElement;
  seek: HTMLInputElement;
  now: HTMLElement;
}

/** Draw *timeline* along *bar*. *jump* is called with a flag's id; times are told from *base* on. */
export function drawBar(
  bar: Bar,
  timeline: Timeline,
  inactive: Span[],
  gaps: GapText[],
  texts: Texts,
  jump: (flag: string) => void,
  base = timeline.start,
): void {
  const length = Math.max(1, timeline.end - timeline.start);
  const place = (at: number): number => (Math.max(0, at - timeline.start) / length) * 100;
  const span = (name: string, from: number, until: number, title = ""): HTMLElement => {
    const made = make("span", name);
    made.style.left = `${place(from)}%`;
    made.style.width = `${Math.max(NARROWEST, place(until) - place(from))}%`;
    if (title) made.title = title;
    return made;
  };
  bar.activity.replaceChildren(
    ...inactive.map(([from, until]) => span("inactive", from, until)),
    ...gaps.map((gap) => span("gap", gap.at, gap.until, gap.text)),
  );
  bar.ticks.replaceChildren(
    ...timeline.views.map((view) => {
      const tick = span("tick", view.at, view.at, view.path);
      tick.style.width = "";
      return tick;
    }),
  );
  const errors = timeline.rows.filter(({ tone }) => tone === "error").map(({ at }) => place(at));
  bar.errorTicks.replaceChildren(
    ...seen(errors).map((at) => {
      const tick = make("span", "error-tick");
      tick.style.left = `${at}%`;
      return tick;
    }),
  );
  const places = apart(
    timeline.flags.map((flag) => place(flag.at)),
    (MARKER_PX / Math.max(1, bar.markers.clientWidth)) * 100,
  );
  const focused = (document.activeElement as HTMLElement | null)?.dataset.marker;
  bar.markers.replaceChildren(
    ...timeline.flags.map((flag, number) => {
      const made = make("button", `marker severity-${flag.severity}`);
      made.type = "button";
      made.dataset.marker = flag.id;
      made.style.left = `${places[number]}%`;
      const values = { title: flag.title, at: clock(flag.at - base) };
      made.title = fill(texts.at_flag, values);
      made.setAttribute("aria-label", made.title);
      made.append(make("span", "mark"));
      made.addEventListener("click", () => jump(flag.id));
      return made;
    }),
  );
  if (focused)
    bar.markers.querySelector<HTMLElement>(`[data-marker="${CSS.escape(focused)}"]`)?.focus();
  bar.seek.max = String(Math.ceil(length));
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

/** Put the playhead where *at* is; times are told from *base* on. */
export function movePlayhead(
  bar: Bar,
  timeline: Timeline,
  at: number,
  texts: Texts,
  base = timeline.start,
): void {
  const { start, end } = timeline;
  bar.played.style.width = `${Math.min(100, ((at - start) / Math.max(1, end - start)) * 100)}%`;
  bar.seek.value = String(Math.round(at - start));
  bar.now.textContent = clock(at - base);
  const values = { at: clock(at - base), end: clock(end - base) };
  bar.seek.setAttribute("aria-valuetext", fill(texts.position, values));
}
