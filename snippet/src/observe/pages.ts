// Page views: loads, returns from the back/forward cache, and routes of single-page applications;
// and how each was left.

import type { EventFields } from "../events.gen";
import { all, type Stop } from "../guard";
import { hash } from "../hash";
import type { Action, Emit, Facts, NavigateLike, Scope } from "../scope";

type Nav = NonNullable<EventFields["page"]["nav"]>;
type LeaveKind = NonNullable<EventFields["leave"]["kind"]>;

const LINK_MS = 2000; // a press that leads away does so within this

export interface Pages extends Stop {
  /** The page view as of *t*, as it is told at the start of another page load id. */
  view(t: number): void;
}

/** What makes another page view when it changes; also a route after a `#`. */
function address(): string {
  const { pathname, search, hash: fragment } = location;
  return pathname + search + (/^#!?\//.test(fragment) ? fragment : "");
}

export function observePages(emit: Emit, scope: Scope): Pages {
  const { guard, privacy, signals, now } = scope;
  const { urls, policy } = privacy;
  let here = address();
  let path = urls.place(location.href);
  let since = now();
  let shown = document.visibilityState === "visible" ? since : undefined;
  let visibleMs = 0;
  let lastAction: Action | undefined;
  let departedAt = Number.NEGATIVE_INFINITY; // a navigation to another document began
  let traversal = false;
  const navigation = (window as { navigation?: EventTarget }).navigation; // not in every browser

  function visible(): number {
    return visibleMs + (shown === undefined ? 0 : now() - shown);
  }

  function restart(): void {
    since = now();
    visibleMs = 0;
    shown = document.visibilityState === "visible" ? since : undefined;
  }

  function referrer(): { referrer: "none" | "same" | "foreign"; from_path?: string } {
    if (!document.referrer) return { referrer: "none" };
    if (!urls.firstParty(document.referrer)) return { referrer: "foreign" };
    return { referrer: "same", from_path: urls.place(document.referrer) };
  }

  function view(nav: Nav, from?: { path: string; dwell: number }, t = now()): void {
    const timing = performance.getEntriesByType("navigation")[0] as
      | (PerformanceNavigationTiming & { responseStatus?: number })
      | undefined;
    const loaded = nav === "load" || nav === "reload" || nav === "back_forward";
    const keys = urls.keys(location.search).filter(policy.harmless);
    const query = urls.listed(location.search);
    const facts: Facts<"page"> = {
      nav,
      title_hash: document.title
        ? hash(policy.text(document.title, document.querySelector("title")))
        : "",
      ...(from
        ? { referrer: "same" as const, from_path: from.path, dwell_ms: from.dwell }
        : referrer()),
      ...(loaded && timing?.responseStatus ? { status: timing.responseStatus } : {}),
      ...(keys.length ? { query_keys: keys.slice(0, 20) } : {}),
      ...(Object.keys(query).length ? { query } : {}),
      visible: document.visibilityState === "visible",
      auto_refresh: refreshesItself(),
      width: innerWidth,
      height: innerHeight,
    };
    emit("page", facts, t);
  }

  function route(): void {
    const current = address();
    if (current === here) return; // only a place in the page or the state
    const from = { path, dwell: visible() };
    signals.route.send({ t: now(), path });
    // The address is the new route's already.
    emit("leave", { kind: "route", visible_ms: from.dwell }, undefined, path);
    here = current;
    path = urls.place(location.href);
    restart();
    scope.nextView();
    view("route", from);
  }

  function leaveKind(): LeaveKind {
    if (traversal) return "back";
    if (lastAction && now() - lastAction.t <= LINK_MS) {
      if (navigation ? departedAt >= lastAction.t : lastAction.leads) return "link";
    }
    return document.visibilityState === "hidden" ? "hidden" : "close";
  }

  const moved = () => {
    signals.navigation.send({ t: now(), route: true });
    route();
  };
  const onState = (_self: unknown, args: unknown[]) => {
    const before = location.href;
    return () => {
      if (args[2] != null && location.href !== before) moved();
    };
  };

  const stops: Stop[] = [
    guard.patch(History.prototype, "pushState", onState),
    guard.patch(History.prototype, "replaceState", onState),
    guard.listen(window, ["popstate", "hashchange"], moved),
    guard.listen(document, "visibilitychange", () => {
      if (document.visibilityState === "visible") shown = now();
      else if (shown !== undefined) {
        visibleMs += now() - shown;
        shown = undefined;
      }
    }),
    signals.action.on((action) => {
      lastAction = action;
    }),
    signals.leaving.on(() => emit("leave", { kind: leaveKind(), visible_ms: visible() })),
    guard.listen<PageTransitionEvent>(window, "pageshow", (event) => {
      if (!event.persisted) return;
      restart();
      traversal = false;
      scope.nextView();
      view("bfcache");
    }),
  ];
  if (navigation) {
    stops.push(
      guard.listen<NavigateLike>(navigation, "navigate", (event) => {
        // A step through the history is told before it happens.
        traversal = event.navigationType === "traverse" && !event.hashChange;
        if (event.downloadRequest == null && event.destination?.sameDocument !== true) {
          departedAt = now();
        }
      }),
    );
  }

  return {
    ...all(stops),
    view: (t) => {
      restart();
      view(loadKind(), undefined, t);
    },
  };
}

/** A meta refresh without an address, or with the document's own. */
function refreshesItself(): boolean {
  const meta = document.querySelector('meta[http-equiv="refresh" i]');
  const found = /^\s*[\d.]+\s*(?:[;,\s]\s*(?:url\s*=\s*)?['"]?([^'"]*))?/i.exec(
    meta?.getAttribute("content") ?? "",
  );
  if (!found) return false;
  const [here] = location.href.split("#");
  try {
    return new URL(found[1]?.trim() ?? "", location.href).href.split("#")[0] === here;
  } catch {
    return false; // no address, so the browser stays where it is, too
  }
}

function loadKind(): Nav {
  const entry = performance.getEntriesByType("navigation")[0] as
    | PerformanceNavigationTiming
    | undefined;
  if (entry?.type === "reload") return "reload";
  return entry?.type === "back_forward" ? "back_forward" : "load";
}
