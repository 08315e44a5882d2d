// How fast and how steady a page view was drawn: its largest contentful paint, and how much of it
// jumped about. As the browser measures it, where it does.

import { all, type Stop } from "../guard";
import type { Emit, Scope } from "../scope";
import { hiddenBefore, loading, shownAt, type Watch, watch } from "./timing";

const SETTLED_MS = 3000; // nothing larger for so long: that was it
const GAP_MS = 1000; // shifts further apart belong to different bursts ...
const BURST_MS = 5000; // ... and no burst is longer: the worst one counts, as web-vitals has it

interface Shift extends PerformanceEntry {
  value: number;
  hadRecentInput: boolean;
}

export function observeVitals(emit: Emit, scope: Scope): Stop {
  return all([observeLargest(emit, scope), observeShifts(emit, scope)]);
}

/** Told once: at the first input, when nothing larger comes, or when the page view ends. */
function observeLargest(emit: Emit, { guard, signals }: Scope): Stop {
  let largest: number | undefined;
  let told = false;
  let timer: Stop | undefined;

  const seen: Watch = watch(guard, "largest-contentful-paint", (entries) => {
    largest = entries[entries.length - 1]?.startTime;
    wait();
  });

  function wait(): void {
    timer?.stop();
    timer = guard.later(() => (loading(performance.now()) ? wait() : tell()), SETTLED_MS);
  }

  function tell(path?: string): void {
    if (told) return;
    seen.flush();
    timer?.stop();
    if (largest === undefined) return;
    told = true;
    seen.stop();
    emit(
      "vitals",
      {
        kind: "lcp",
        lcp_ms: Math.max(0, Math.round(largest - shownAt())),
        hidden: hiddenBefore(largest),
      },
      undefined,
      path,
    );
  }

  return all([
    seen,
    { stop: () => timer?.stop() },
    guard.listen(window, ["pointerdown", "keydown"], ({ isTrusted }) => {
      if (isTrusted) tell();
    }),
    guard.listen(document, "visibilitychange", () => {
      if (document.visibilityState === "hidden") tell();
    }),
    signals.route.on(({ path }) => tell(path)),
    signals.leaving.on(() => tell()),
  ]);
}

/** Told when the page view ends, if anything jumped. */
function observeShifts(emit: Emit, { guard, signals }: Scope): Stop {
  let worst = 0;
  let burst = { value: 0, from: 0, to: Number.NEGATIVE_INFINITY };

  const seen = watch<Shift>(guard, "layout-shift", (entries) => {
    for (const { hadRecentInput, startTime, value } of entries) {
      if (hadRecentInput) continue; // what the visitor set off is expected to move
      const goes = startTime - burst.to < GAP_MS && startTime - burst.from < BURST_MS;
      burst = goes
        ? { value: burst.value + value, from: burst.from, to: startTime }
        : { value, from: startTime, to: startTime };
      worst = Math.max(worst, burst.value);
    }
  });

  function tell(path?: string): void {
    seen.flush();
    const cls = Math.round(worst * 1000) / 1000;
    worst = 0;
    burst = { value: 0, from: 0, to: Number.NEGATIVE_INFINITY };
    if (cls > 0) emit("vitals", { kind: "cls", cls }, undefined, path);
  }

  return all([seen, signals.route.on(({ path }) => tell(path)), signals.leaving.on(() => tell())]);
}
