// Requests by fetch, XMLHttpRequest and sendBeacon: what, how long, with what result. No headers,
// no bodies.

import type { EventFields } from "../events.gen";
import { all, native, type Stop } from "../guard";
import type { Hands, View } from "../roots";
import type { Emit, Open, RequestStart, Scope } from "../scope";
import type { Actions } from "./actions";
import type { Fields } from "./fields";

type Kind = NonNullable<EventFields["request"]["kind"]>;

const MOST = 500;
const INPUT_MS = 2000; // pages wait for a pause before they ask for what was typed
const NATIVE = Object.getPrototypeOf((async () => {})()); // where the page has replaced Promise, too

interface Running {
  end(status: number, facts?: { aborted?: boolean; size?: number }): void;
}

export function observeRequests(emit: Emit, scope: Scope, actions: Actions, fields: Fields): Stop {
  const { guard, privacy, signals, now } = scope;
  const xhrs = new WeakMap<object, { method: string; url: string }>();
  const unasked = new Set<string>(); // what was requested without anybody's doing
  let told = 0;

  function start(kind: Kind, method: string, url: string): Running | undefined {
    if (scope.ours(url) || /^(data|blob):/.test(url) || ++told > MOST) return undefined;
    const t = now();
    const action = actions.before(t);
    const request: RequestStart = { t, action, awaited: kind !== "beacon" };
    const template = privacy.urls.template(url);
    const since_input_ms = t - fields.lastInput();
    const typed = since_input_ms <= INPUT_MS;
    if (!action && !typed) unasked.add(template);
    const facts = {
      kind,
      method: method.toUpperCase().slice(0, 16),
      url: template,
      first_party: privacy.urls.firstParty(url),
      ...(action ? { click: action.i, since_action_ms: t - action.t } : {}),
      ...(typed ? { since_input_ms, unasked: unasked.has(template) } : {}),
    };
    const open: Open<"request"> = emit.open("request", t, () => ({ ...facts, aborted: true }));
    signals.requestStart.send(request);
    return {
      end: (status, { aborted, size } = {}) => {
        if (request.done) return;
        request.done = { t: now(), status: aborted ? -1 : status };
        const duration = request.done.t - t;
        open.done({
          ...facts,
          status,
          duration_ms: duration,
          ...(size === undefined ? {} : { size }),
          ...(aborted ? { aborted } : {}),
          // A content blocker answers at once; a network never does.
          ...(status === 0 && !aborted && duration <= 3 ? { blocked: true } : {}),
        });
        signals.requestEnd.send(request);
      },
    };
  }

  function onSend(self: unknown) {
    const xhr = self as XMLHttpRequest;
    const known = xhrs.get(xhr);
    if (!known) return;
    const running = start("xhr", known.method, known.url);
    if (!running) return;
    const end = (facts: { aborted?: boolean }) => running.end(xhr.status, facts);
    guard.listen(xhr, "loadend", () => end({}), { once: true });
    guard.listen(xhr, "abort", () => end({ aborted: true }), { once: true });
  }

  function hook(view: View, { patch }: Hands): Stop {
    const at = (url: unknown) =>
      view === window ? String(url) : new URL(String(url), view.document.baseURI).href;
    const { XMLHttpRequest, Navigator } = view;

    function onFetch(_self: unknown, [input, init]: unknown[]) {
      const request = input as { url?: string; method?: string };
      const method = (init as RequestInit | undefined)?.method ?? request?.method ?? "GET";
      const url = at(typeof input === "string" ? input : (request?.url ?? input));
      const running = start("fetch", method, url);
      if (!running) return;
      return (result: unknown, thrown?: unknown) => {
        if (thrown) return running.end(0);
        const arrived = guard((response: Response) => {
          const length = Number(response.headers.get("content-length"));
          running.end(
            response.type === "opaque" ? 200 : response.status,
            length ? { size: length } : {},
          );
        });
        const failed = guard((error: { name?: string } | undefined) =>
          running.end(0, { aborted: error?.name === "AbortError" }),
        );
        return follow(result as Promise<Response>, view, arrived, failed);
      };
    }

    return all([
      patch(view, "fetch", onFetch),
      patch(XMLHttpRequest.prototype, "open", (self, [method, url]) => {
        xhrs.set(self as object, { method: String(method), url: at(url) });
      }),
      patch(XMLHttpRequest.prototype, "send", onSend),
      patch(Navigator.prototype, "sendBeacon", (_self, [url]) => {
        const running = start("beacon", "POST", at(url));
        if (!running) return;
        return (accepted: unknown) => running.end(accepted ? 200 : 0);
      }),
    ]);
  }

  scope.roots.frames(hook);
  return hook(window, guard);
}

/**
 * Look at what becomes of *promise*; returns what the page is to have instead.
 *
 * A handler on the page's own promise would mark its rejection as handled, and a branch beside it
 * would be a second unhandled one. So the page gets the promise that follows ours: with it handled
 * or not, the browser tells of a rejection as it would without us. A promise with methods of its own (a
 * library's) stays the page's own.
 */
function follow(
  promise: Promise<Response>,
  view: View,
  arrived: (response: Response) => void,
  failed: (error: { name?: string } | undefined) => void,
): Promise<Response> | undefined {
  const own = promise as unknown as Record<PropertyKey, unknown>;
  const kind = Object.getPrototypeOf(promise);
  const bare =
    (kind === view.Promise.prototype || kind === NATIVE) &&
    !Reflect.ownKeys(promise).some((key) => typeof own[key] === "function");
  if (!bare) {
    promise.then(arrived, failed);
    return undefined;
  }
  return native(promise, "then").call(
    promise,
    (response: Response) => {
      arrived(response);
      return response;
    },
    (error: { name?: string }) => {
      failed(error);
      throw error; // the page's own error, not ours
    },
  ) as Promise<Response>;
}
