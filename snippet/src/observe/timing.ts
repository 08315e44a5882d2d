// What the browser's performance timeline tells, where it does, and the two things that every
// measurement asks: was the tab hidden meanwhile, and was the page still loading.

import type { Guard, Stop } from "../guard";

export interface Watch extends Stop {
  /** Take what the browser has noted and not yet told. */
  flush(): void;
}

const NOTHING: Watch = { flush: () => {}, stop: () => {} };

/** Hear of entries of *type*, from before the recorder too. Not in every browser: then nothing. */
export function watch<T extends PerformanceEntry>(
  guard: Guard,
  type: string,
  each: (entries: T[]) => void,
  options: { durationThreshold?: number } = {},
): Watch {
  const Observer = window.PerformanceObserver;
  if (!Observer?.supportedEntryTypes?.includes(type)) return NOTHING;
  const take = guard((entries: PerformanceEntryList) => {
    if (entries.length) each(entries as T[]);
  });
  const begin = guard(() => {
    const observer = new Observer((list) => take(list.getEntries()));
    observer.observe({ type, buffered: true, ...options } as PerformanceObserverInit);
    return { flush: () => take(observer.takeRecords()), stop: () => observer.disconnect() };
  });
  return begin() ?? NOTHING;
}

function navigation(): (PerformanceNavigationTiming & { activationStart?: number }) | undefined {
  return performance.getEntriesByType("navigation")[0] as PerformanceNavigationTiming | undefined;
}

/** When the visitor saw the page first: a prerendered one was not seen from its begin. */
export function shownAt(): number {
  return navigation()?.activationStart ?? 0;
}

/** The page was still loading at *t*. */
export function loading(t: number): boolean {
  const end = navigation()?.loadEventEnd ?? 0;
  return end === 0 ? document.readyState !== "complete" : t < end;
}

/** The tab was hidden at some time before *t*, as far as the browser remembers. */
export function hiddenBefore(t: number): boolean {
  return performance
    .getEntriesByType("visibility-state")
    .some(({ name, startTime }) => name === "hidden" && startTime < t);
}
