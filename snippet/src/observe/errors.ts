// Uncaught script errors and rejected promises, with the press that they followed.

import type { Early } from "../config";
import { all, type Stop } from "../guard";
import { hash } from "../hash";
import { maskMessage } from "../privacy/message";
import { across } from "../roots";
import type { Emit, Scope } from "../scope";
import type { Actions } from "./actions";

const MOST = 100; // an error in a loop must not fill the session
const MOST_FRAMES = 8;
const NOISE = /^(ResizeObserver loop|Script error\.?$)/;

interface Place {
  file: string;
  line: number | undefined;
  column: number | undefined;
  /** Where it came through, the innermost first. */
  frames?: string[][];
}

export interface Errors extends Stop {
  early(items: Early[]): void;
  /** *thrown* was caught by the site, which reports it. */
  report(thrown: unknown): void;
}

export function observeErrors(emit: Emit, scope: Scope, actions: Actions): Errors {
  const { guard, privacy, signals } = scope;
  let told = 0;

  function tell(
    kind: "error" | "rejection",
    raw: string,
    place: Place,
    t: number,
    handled = false,
  ): void {
    if (NOISE.test(raw) || scope.ours(place.file) || ++told > MOST) return;
    const message = maskMessage(raw, privacy);
    const file = place.file ? privacy.urls.place(place.file) : "";
    const firstParty = place.file ? privacy.urls.firstParty(place.file) : true;
    const click = actions.behindError(t);
    emit(
      "error",
      {
        kind,
        hash: hash(`${message}|${file}|${place.line ?? ""}`),
        message,
        file,
        ...(place.line ? { line: place.line } : {}),
        ...(place.column ? { column: place.column } : {}),
        ...(place.frames?.length ? { stack: place.frames.map(written) } : {}),
        first_party: firstParty,
        handled,
        ...(click === undefined ? {} : { click }),
      },
      t,
    );
    if (handled) return; // the site coped: nothing to hurry for, and no press that failed
    signals.error.send({ t, firstParty });
    scope.urgent();
  }

  function written([, url = "", line, column]: string[]): string {
    return `${privacy.urls.script(url)}:${line}:${column}`;
  }

  function onError(event: ErrorEvent, t: number): void {
    if (!event.message && !event.error) return; // an asset, not a script error
    const place = {
      file: event.filename ?? "",
      line: event.lineno || undefined,
      column: event.colno || undefined,
      frames: fromStack(stackOf(event.error), scope.ours).frames ?? [],
    };
    tell("error", String(event.message), place, t);
  }

  /** An error by what was thrown alone; what is no error has nothing that may be told. */
  function tellThrown(
    kind: "error" | "rejection",
    thrown: unknown,
    t: number,
    handled = false,
  ): void {
    const reason = thrown as { message?: unknown; name?: unknown } | undefined;
    const isError = typeof reason === "object" && reason !== null && "message" in reason;
    const text = isError ? `${reason.name ?? "Error"}: ${reason.message}` : typeof reason;
    const place = fromStack(isError ? stackOf(thrown) : "", scope.ours);
    tell(kind, text, place, t, handled);
  }

  /** Not by the guard: zone.js tells of the rejections it keeps by its own listeners only. */
  function rejections(): Stop {
    const heard = guard(({ reason }: PromiseRejectionEvent) => {
      tellThrown("rejection", reason, scope.now());
    });
    scope.roots.frames((view, { listen }) => listen(view, "unhandledrejection", heard));
    window.addEventListener("unhandledrejection", heard);
    return { stop: () => window.removeEventListener("unhandledrejection", heard) };
  }

  const stops = all([
    across<ErrorEvent>(scope, "error", (event) => onError(event, scope.now()), {}),
    rejections(),
  ]);
  return {
    ...stops,
    early: (items) => {
      for (const item of items) {
        if (item.kind !== "error") continue;
        if ("reason" in item.event) tellThrown("rejection", item.event.reason, item.t);
        else onError(item.event as ErrorEvent, item.t);
      }
    },
    report: (thrown) => tellThrown("error", thrown, scope.now(), true),
  };
}

function stackOf(thrown: unknown): string {
  return String((thrown as { stack?: unknown } | null | undefined)?.stack ?? "");
}

/**
 * The places of a stack, in the forms of Chromium, Firefox and Safari, and the topmost by itself.
 *
 * What the page calls through one of our patches has a frame of *ours* on top: the page's is below.
 */
function fromStack(stack: string, ours: (url: string) => boolean): Place {
  const places = stack.matchAll(/((?:https?|file|blob|[a-z-]+-extension):[^\s()]+?):(\d+):(\d+)/g);
  const all = [...places];
  const frames = all.filter((place) => !ours(place[1] ?? ""));
  const found = frames[0] ?? all[0];
  return {
    file: found?.[1] ?? "",
    line: found ? Number(found[2]) : undefined,
    column: found ? Number(found[3]) : undefined,
    frames: frames.slice(0, MOST_FRAMES),
  };
}
