// Owns where one can go from the player and how fast: the moment to begin at, links of the page, the full screen.

import type { Texts, Timeline } from "./model";
import type { Page } from "./page";
import type { Toast } from "./toast";

export const LIVE_LAG_MS = 700; // behind the newest event, so that the picture rarely waits

const SPEEDS = [0.5, 1, 2, 4, 8, 16];

/** Return the speed next to *speed*, up or down. */
export function faster(speed: number, step: 1 | -1): number {
  const next = SPEEDS.indexOf(speed) + step;
  return SPEEDS[Math.min(SPEEDS.length - 1, Math.max(0, next))] ?? 1;
}

/** Return *at*, or the end of *timeline* that is nearest to it. */
export function within(timeline: Timeline, at: number): number {
  return Math.min(Math.max(at, timeline.start), timeline.end);
}

/** Return where to begin: *lead* ms before the flag in the address, at its `at`, or at the start. */
export function beginning(timeline: Timeline, lead: number): number {
  const query = new URLSearchParams(location.search);
  const wanted = query.get("flag");
  const flag = timeline.flags.find((one) => one.id === wanted);
  const at = Number(query.get("at"));
  if (query.has("at") && Number.isFinite(at)) return within(timeline, timeline.start + at);
  if (flag) return within(timeline, flag.at - lead);
  if (timeline.running) return within(timeline, timeline.end - LIVE_LAG_MS);
  return timeline.start;
}

export class Places {
  readonly #page: Page;
  readonly #texts: Texts;
  readonly #toast: Toast;

  constructor(page: Page, texts: Texts, toast: Toast) {
    this.#page = page;
    this.#texts = texts;
    this.#toast = toast;
  }

  /** Press the link *id* of the page; where there is none, say *why*. */
  press(id: string, why: string): void {
    const link = document.getElementById(id);
    if (link) link.click();
    else this.#toast.say(this.#texts[why]);
  }

  /** Go to the page at *path*, if the main navigation leads there. */
  visit(path: string): void {
    const there = document.querySelector(`header a[href="${path}"]`);
    if (there instanceof HTMLElement) there.click();
    else this.#toast.say(this.#texts.no_goal);
  }

  /** Fill the screen with the replay, or no longer. */
  fullScreen(): void {
    if (document.fullscreenElement) void document.exitFullscreen();
    else void this.#page.replay.requestFullscreen().catch(() => undefined);
  }
}
