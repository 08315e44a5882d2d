// Who sends: session, its secret, tab, page load and visitor. Mode `full` shares them over pages
// and tabs in first-party storage; `cookieless` stores nothing, a session is one document.

import type { Config, Mode } from "./config";
import { all, type Guard, type Stop } from "./guard";
import { secret, uuid7 } from "./ids";
import { toJson } from "./json";

export interface Identity {
  session: string;
  secret: string;
  page_load: string;
  tab: string;
  visitor?: string | undefined;
}

export interface Sessions {
  current(): Identity;
  /** An event happened: the session lives on from here. */
  touch(): void;
  /** More than the idle timeout has passed since the last event in any tab. */
  expired(): boolean;
  /** Begin another session, in all tabs of mode `full`. */
  renew(): void;
  /** Take a new page load id in the same session. */
  reload(): void;
  mode(): Mode;
  /** Raise to `full`, lower to `cookieless`; lowering deletes what was stored, whoever stored it. */
  setMode(mode: Mode): void;
  /** Withdrawn: delete what was stored, in all tabs of the site. */
  forget(): void;
  /** Another tab's visitor withdrew. */
  onForgotten(listener: () => void): void;
  /** The visit goes on here: another tab began *session*. */
  onAdopted(listener: () => void): Stop;
  /** The document goes: leave the tab's id to the next one of this tab. */
  leave(): void;
  back(): void;
}

interface Stored {
  id: string;
  secret: string;
  last: number;
}

const VISITOR_MS = 395 * 86_400_000; // 13 months, the longest a visitor may be known
const WITHDRAWN = "withdrawn"; // stands in the storage for a moment only
const WRITE_MS = 1000; // localStorage is slow; the session's last event is written this often

export function makeSessions(config: Config, guard: Guard): Sessions {
  const key = `stolper.${config.key}`;
  let mode = config.mode;
  let last = Date.now();
  let written = 0;
  let tab = "";
  let identity: Identity = { session: "", secret: "", page_load: "", tab: "" };
  let adopted: () => void = () => {};
  let forgotten: () => void = () => {};

  // Storage may be blocked or absent: then a session is one document. Or full: then nothing is kept.
  const read = guard((store: "localStorage" | "sessionStorage", name: string): string | null =>
    window[store].getItem(name),
  );
  const put = guard((store: "localStorage" | "sessionStorage", name: string, value: string) =>
    window[store].setItem(name, value),
  );
  const drop = guard((store: "localStorage" | "sessionStorage", name: string) =>
    window[store].removeItem(name),
  );

  function stored(): Stored | undefined {
    if (mode !== "full") return undefined;
    const text = read("localStorage", key);
    if (!text) return undefined;
    try {
      const value = JSON.parse(text) as Stored;
      return value.id && value.secret && value.last > 0 ? value : undefined;
    } catch {
      return undefined; // written by something else: overwritten with the next event
    }
  }

  function save(now: number): void {
    if (mode !== "full") return;
    written = now;
    put("localStorage", key, toJson({ id: identity.session, secret: identity.secret, last }));
  }

  function visitor(now: number): string | undefined {
    if (mode !== "full") return undefined;
    const name = `${key}.visitor`;
    const [id, until] = (read("localStorage", name) ?? "").split(" ");
    if (id && Number(until) > now) return id;
    const made = secret();
    put("localStorage", name, `${made} ${now + VISITOR_MS}`);
    return made;
  }

  function begin(found: Stored | undefined): void {
    const now = Date.now();
    identity = {
      session: found?.id ?? uuid7(now),
      secret: found?.secret ?? secret(),
      page_load: secret(),
      tab,
      visitor: visitor(now),
    };
    last = now;
    save(now);
  }

  function takeTab(): void {
    // Taken out while the document lives: a duplicated tab copies the storage, not the id.
    const name = `${key}.tab`;
    tab = (mode === "full" && read("sessionStorage", name)) || tab || secret();
    if (mode === "full") drop("sessionStorage", name);
    identity.tab = tab;
  }

  function live(found: Stored | undefined): Stored | undefined {
    return found && Date.now() - found.last <= config.idle_timeout_ms ? found : undefined;
  }

  function setMode(wanted: Mode): void {
    if (wanted === "full") {
      if (mode === wanted) return;
      mode = wanted;
      identity = { ...identity, visitor: visitor(Date.now()) };
      save(Date.now());
      return;
    }
    // Also where this page stores nothing: an earlier one may have, with consent.
    for (const name of [key, `${key}.visitor`]) drop("localStorage", name);
    for (const name of [`${key}.tab`, `${key}.rest`]) drop("sessionStorage", name);
    mode = wanted;
    identity = { ...identity, visitor: undefined };
  }

  if (mode === "full" && !guard(() => localStorage && sessionStorage)()) mode = "cookieless";
  takeTab();
  begin(live(stored()));

  const shared = guard.listen<StorageEvent>(window, "storage", (event) => {
    if (event.key !== key) return;
    if (event.newValue === WITHDRAWN) forgotten();
    if (mode !== "full") return;
    if (event.newValue === null) setMode("cookieless"); // lowered in another tab: store no more
    const found = live(stored());
    if (!found || found.id === identity.session) return;
    begin(found);
    adopted();
  });

  return {
    current: () => identity,
    touch: () => {
      last = Date.now();
      if (Math.abs(last - written) >= WRITE_MS) save(last);
    },
    expired: () => {
      const now = Date.now();
      last = Math.min(last, now); // the clock was set back: the wait begins here
      if (now - last <= config.idle_timeout_ms) return false;
      const other = stored();
      return !(other && other.id === identity.session && live(other));
    },
    renew: () => {
      const found = live(stored());
      begin(found && found.id !== identity.session ? found : undefined);
    },
    reload: () => {
      identity = { ...identity, page_load: secret() };
    },
    mode: () => mode,
    setMode,
    forget: () => {
      setMode("cookieless");
      // Tabs hear of changes only, and keep nothing of them.
      put("localStorage", key, WITHDRAWN);
      drop("localStorage", key);
    },
    onForgotten: (listener) => {
      forgotten = listener;
    },
    onAdopted: (listener) => {
      adopted = listener;
      return all([
        shared,
        {
          stop: () => {
            adopted = () => {};
          },
        },
      ]);
    },
    leave: () => {
      if (mode !== "full") return;
      put("sessionStorage", `${key}.tab`, tab);
      save(Date.now());
    },
    back: takeTab,
  };
}
