// Nothing of ours is ever thrown into the page: every callback passes through here once, and what
// goes wrong is counted and sent in head.snippet.errors.

export interface Stop {
  stop(): void;
}

export interface Guard {
  /** Wrap *callback* so that it never throws; undefined is its answer when it would have. */
  <A extends unknown[], R>(callback: (...args: A) => R): (...args: A) => R | undefined;
  errors(): number;
  count(): void;
  /** The same for another *place*, a short name of ours under which its errors are counted. */
  at(place: string): Guard;
  /** Errors by place since this was asked last. */
  fresh(): Record<string, number>;
  listen<E extends Event = Event>(
    target: EventTarget,
    types: string | string[],
    callback: (event: E) => void,
    options?: AddEventListenerOptions,
  ): Stop;
  /** *page* may have been opened anew (`document.open`), which takes all listeners away. */
  again(page: Document): void;
  later(callback: () => void, ms: number): Stop;
  /**
   * Replace a method by one that calls through faithfully.
   *
   * *before* sees the arguments; a function that it returns sees the result or the error. Neither
   * can throw. What the function returns, if anything, goes to the page in place of the result.
   */
  patch(
    owner: object | undefined | null,
    name: string,
    before: (self: unknown, args: unknown[]) => unknown,
  ): Stop;
}

export function all(stops: Stop[]): Stop {
  return {
    stop: () => {
      for (const one of stops.splice(0).reverse()) one.stop();
    },
  };
}

type Method = (this: unknown, ...args: unknown[]) => unknown;

/**
 * A browser's method as zone.js (Angular) found it: what goes through the zone's own would run the
 * application's change detection, and keep it from coming to rest.
 */
export function native<T extends object, N extends keyof T & string>(owner: T, name: N): T[N] {
  return ((owner as Record<string, unknown>)[`__zone_symbol__${name}`] as T[N]) ?? owner[name];
}

export function makeGuard(
  place = "core",
  tally = {
    errors: 0,
    fresh: {} as Record<string, number>,
    kept: new WeakMap<EventTarget, Set<() => void>>(),
  },
): Guard {
  function count(): void {
    tally.errors++;
    tally.fresh[place] = (tally.fresh[place] ?? 0) + 1;
  }

  function wrap<A extends unknown[], R>(callback: (...args: A) => R) {
    return (...args: A): R | undefined => {
      try {
        return callback(...args);
      } catch {
        count(); // told to the server with the next batch; the page must not notice
        return undefined;
      }
    };
  }

  function listen<E extends Event>(
    target: EventTarget,
    types: string | string[],
    callback: (event: E) => void,
    options: AddEventListenerOptions = { capture: true, passive: true },
  ): Stop {
    const guarded = wrap(callback) as EventListener;
    const names = typeof types === "string" ? [types] : types;
    const each = (method: "addEventListener" | "removeEventListener") => {
      for (const name of names) native(target, method).call(target, name, guarded, options);
    };
    const add = () => each("addEventListener"); // what is there already is not added twice
    add();
    const { kept } = tally;
    const adds = kept.get(target) ?? new Set<() => void>();
    if (!options.once) kept.set(target, adds.add(add));
    return {
      stop: () => {
        adds.delete(add);
        each("removeEventListener");
      },
    };
  }

  function later(callback: () => void, ms: number): Stop {
    const timer = native(window, "setTimeout")(wrap(callback), ms);
    return { stop: () => native(window, "clearTimeout")(timer) };
  }

  function patch(
    owner: object | undefined | null,
    name: string,
    before: (self: unknown, args: unknown[]) => unknown,
  ): Stop {
    const holder = owner as Record<string, Method> | undefined | null;
    const original = holder?.[name];
    if (!holder || typeof original !== "function") return { stop: () => {} };
    const own = Object.getOwnPropertyDescriptor(holder, name);
    let active = true;
    const guarded = wrap(before);
    const replacement: Method = function (...args) {
      if (!active) return original.apply(this, args);
      const answer = guarded(this, args);
      if (typeof answer !== "function") return original.apply(this, args);
      const after = wrap(answer as (result: unknown, error?: unknown) => unknown);
      let result: unknown;
      try {
        result = original.apply(this, args);
      } catch (error) {
        after(undefined, error);
        throw error; // the page's own error, not ours
      }
      return after(result) ?? result;
    };
    try {
      // Its name and length, and what others have hung on it.
      Object.defineProperties(replacement, Object.getOwnPropertyDescriptors(original));
      Object.defineProperty(holder, name, {
        value: replacement,
        configurable: true,
        writable: true,
        enumerable: own?.enumerable ?? true,
      });
    } catch {
      count(); // frozen by the page: it stays as it is
      return { stop: () => {} };
    }
    return {
      stop: () => {
        active = false;
        if (holder[name] !== replacement) return; // patched again over us: becomes a pass-through
        if (own) Object.defineProperty(holder, name, own);
        else delete holder[name];
      },
    };
  }

  return Object.assign(wrap, {
    errors: () => tally.errors,
    count,
    at: (name: string) => makeGuard(name, tally),
    fresh: () => {
      const { fresh } = tally;
      tally.fresh = {};
      return fresh;
    },
    listen,
    again: (page: Document) => {
      for (const one of [page, page.defaultView]) {
        for (const add of (one && tally.kept.get(one)) ?? []) add();
      }
    },
    later,
    patch,
  }) as Guard;
}
