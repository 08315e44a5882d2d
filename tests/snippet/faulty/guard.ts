// The snippet's guard, with a fault in every callback that passes through it. The test's build puts
// this in the place of snippet/src/guard.ts; `window.faults` says which callback throws, and when.

import { type Guard, makeGuard as real } from "../../../snippet/src/guard";

export type { Guard, Stop } from "../../../snippet/src/guard";
export { all, native } from "../../../snippet/src/guard";

interface Callback {
  name: string;
  kind: "callback" | "listen" | "later" | "patch" | "after";
  types?: string[];
  target?: EventTarget;
  owner?: object;
  method?: string;
  calls: number;
  thrown: number;
  /** What it threw of its own accord. */
  failed?: string;
}

interface Faults {
  known: Map<string, Callback>;
  /** Whether *callback* throws now, in the place of its work or after it. */
  throws(callback: Callback, place: "before" | "after"): boolean;
}

type Known = Omit<Callback, "name" | "calls" | "thrown">;
// biome-ignore lint/suspicious/noExplicitAny: any callback at all
type Any = (...args: any[]) => any;

function working<R>(one: Callback, run: () => R): R {
  try {
    return run();
  } catch (error) {
    one.failed ??= String((error as Error)?.stack ?? error);
    throw error;
  }
}

export function makeGuard(): Guard {
  return withFaults(real());
}

function withFaults(guard: Guard): Guard {
  const { faults } = window as unknown as { faults: Faults };

  function inject<F extends Any>(callback: F, known: Known): F {
    // The same lines of code are the same callback, however often it is made.
    const name = `${known.kind} ${known.types ?? known.method ?? ""} ${callback}`;
    const one = faults.known.get(name) ?? { name, ...known, calls: 0, thrown: 0 };
    faults.known.set(name, one);
    const fault = (place: "before" | "after") => {
      if (!faults.throws(one, place)) return;
      one.thrown++;
      throw new Error(`fault in ${name.slice(0, 80)}`);
    };
    return ((...args: unknown[]) => {
      one.calls++;
      fault("before");
      const result = working(one, () => callback(...args));
      fault("after");
      if (known.kind !== "patch" || typeof result !== "function") return result;
      return inject(result as Any, { ...known, kind: "after" });
    }) as F;
  }

  const faulty = ((callback: Any) => guard(inject(callback, { kind: "callback" }))) as Guard;
  return Object.assign(faulty, guard, {
    at: (place: string) => withFaults(guard.at(place)),
    listen: ((target, types, callback, options) =>
      guard.listen(
        target,
        types,
        inject(callback, { kind: "listen", target, types: [types].flat() }),
        options,
      )) as Guard["listen"],
    later: ((callback, ms) =>
      guard.later(inject(callback, { kind: "later" }), ms)) as Guard["later"],
    patch: ((owner, name, before) => {
      // What this browser does not have is not patched.
      if (typeof (owner as Record<string, unknown> | undefined)?.[name] !== "function") {
        return guard.patch(owner, name, before);
      }
      const known: Known = { kind: "patch", method: name, ...(owner ? { owner } : {}) };
      return guard.patch(owner, name, inject(before, known));
    }) as Guard["patch"],
  });
}
