// Owns which events a Replayer holds: those of parts that follow one another without a hole, so that
// it never plays over one. The first of them begins with its keyframe; of the others the keyframes
// are left out, since what is drawn is that already. To draw a moment of a later part anew, that part
// is made the first.

import { EventType, type eventWithTime } from "@rrweb/types";
import { covers } from "./recordings";

const FAR_MS = 10 * 365 * 86_400_000;
const MOST_RUNS = 8; // behind the moment that is shown; older ones are fetched again

/** The events of a part that can be drawn; the first `begun` are its keyframe's. */
export interface Run {
  from: number | null;
  until: number | null;
  events: eventWithTime[];
  begun: number;
}

export class Reel {
  readonly #start: number;
  readonly #runs: Run[];
  #events: eventWithTime[] = [];
  #first = 0; // the run whose keyframe is held; less than 0: it was let go

  /** @param start time zero; no event is earlier */
  constructor(start: number, run: Run) {
    this.#start = start;
    this.#runs = [run];
    this.#refill();
  }

  get events(): eventWithTime[] {
    return this.#events;
  }

  /** Hold the events in *events* from now on: the Replayer made an array of its own. */
  set events(events: eventWithTime[]) {
    this.#events = events;
  }

  /** Where the last run ends; null: with the document. */
  get until(): number | null {
    return this.#runs.at(-1)?.until ?? null;
  }

  covers(at: number): boolean {
    return this.#runAt(at) >= 0;
  }

  /** Hold *run* alone, which does not follow what is held. */
  replace(run: Run): void {
    this.#runs.splice(0, this.#runs.length, run);
    this.#first = 0;
    this.#refill();
  }

  /** Take *run*, which follows; the caller adds its events. What ended long before *now* is let go. */
  append(run: Run, now: number): void {
    this.#runs.push(run);
    while (
      this.#runs.length > MOST_RUNS &&
      (this.#runs[0]?.until ?? Number.POSITIVE_INFINITY) < now
    ) {
      const gone = this.#runs.shift() as Run;
      const held = this.#first < 0 ? 0 : gone.events.length - (this.#first === 0 ? 0 : gone.begun);
      if (this.#first <= 0) this.#events.splice(1, held);
      this.#first -= 1;
    }
  }

  /** Take *events* into the last run; return those that belong there: the caller adds them. */
  grow(events: eventWithTime[]): eventWithTime[] {
    const last = this.#runs.at(-1);
    if (!last) return [];
    const own = events.filter((event) => last.from === null || event.timestamp > last.from);
    last.events.push(...own);
    last.events.sort((one, other) => one.timestamp - other.timestamp);
    return own;
  }

  /**
   * Make ready to draw the moment *at*, when *shown* is drawn now. Nothing is to be done where the way
   * goes on within a run; else it begins with the keyframe of the run that shows *at*.
   */
  aim(at: number, shown: number): void {
    const wanted = this.#runAt(at);
    if (wanted < 0 || wanted === this.#first) return;
    if (at >= shown && wanted === this.#runAt(shown)) return;
    this.#first = wanted;
    this.#refill();
  }

  #runAt(at: number): number {
    return this.#runs.findIndex((run) => covers(run, at));
  }

  /** In place: the array is the Replayer's. A marker at either end keeps times and the play going. */
  #refill(): void {
    this.#events.length = 0;
    this.#events.push(marker(this.#start));
    this.#runs.forEach((run, number) => {
      if (number < this.#first) return;
      const skipped = number === this.#first ? 0 : run.begun;
      for (let n = skipped; n < run.events.length; n++) {
        this.#events.push(run.events[n] as eventWithTime);
      }
    });
    this.#events.push(marker(this.#start + FAR_MS));
  }
}

function marker(timestamp: number): eventWithTime {
  return { type: EventType.Custom, timestamp, data: { tag: "stolper", payload: {} } };
}
