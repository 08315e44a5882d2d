// How long a route of a single-page application took to be there: from the route's change until
// nothing was inserted, written or requested for 200 ms.

import { all, type Stop } from "../guard";
import type { Emit, RequestStart, Scope } from "../scope";

const QUIET_MS = 200;
const LONGEST_MS = 20_000; // a page that never rests tells nothing

interface Route {
  t: number;
  busy: number; // when something happened last
  requests: Set<RequestStart>;
  hidden: boolean;
  timer: Stop | undefined;
}

export function observeRoutes(emit: Emit, { guard, signals, now }: Scope): Stop {
  let route: Route | undefined;

  function begin(t: number): void {
    drop();
    const hidden = document.visibilityState === "hidden";
    route = { t, busy: t, requests: new Set(), hidden, timer: undefined };
    look();
  }

  function drop(): void {
    route?.timer?.stop();
    route = undefined;
  }

  function look(): void {
    if (!route) return;
    const t = now();
    const rest = QUIET_MS - (t - route.busy);
    if (t - route.t > LONGEST_MS) drop();
    else if (!route.requests.size && rest <= 0) tell(route.busy);
    else route.timer = guard.later(look, Math.max(rest, 50));
  }

  function tell(until: number): void {
    if (!route) return;
    const { t, hidden } = route;
    drop();
    emit("vitals", { kind: "route", route_ms: Math.max(0, until - t), hidden });
  }

  return all([
    { stop: drop },
    signals.route.on(({ t }) => begin(t)),
    signals.mutations.on(({ records, t }) => {
      if (!route) return;
      // Attributes move and colour what is there; a route is there when its words are.
      if (records.some(({ type }) => type !== "attributes")) route.busy = t;
    }),
    signals.requestStart.on((request) => {
      if (!route || !request.awaited) return;
      route.requests.add(request);
      route.busy = request.t;
    }),
    signals.requestEnd.on((request) => {
      if (route?.requests.delete(request)) route.busy = now();
    }),
    guard.listen(document, "visibilitychange", () => {
      if (route) route.hidden = true;
    }),
    // What follows is the answer to that.
    guard.listen(window, ["pointerdown", "keydown"], ({ isTrusted }) => {
      if (route && isTrusted) tell(route.requests.size ? now() : route.busy);
    }),
  ]);
}
