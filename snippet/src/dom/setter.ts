// A property of the browser whose setting or getting is heard. What the page sets, and what it gets,
// is the browser's own.

import type { Stop } from "../guard";

type Heard = (self: unknown) => void;

/** Call *after* when *name* of *owner* has been set. */
export function hookSetter(owner: object | undefined, name: string, after: Heard): Stop {
  return hook(owner, name, "set", after);
}

/** Call *after* when *name* of *owner* has been got. */
export function hookGetter(owner: object | undefined, name: string, after: Heard): Stop {
  return hook(owner, name, "get", after);
}

function hook(owner: object | undefined, name: string, part: "get" | "set", after: Heard): Stop {
  const own = owner && Object.getOwnPropertyDescriptor(owner, name);
  const original = own?.[part] as ((value?: unknown) => unknown) | undefined;
  if (!owner || !own?.configurable || !original) return { stop: () => {} };
  let active = true;
  function call(self: unknown, args: [] | [unknown]): unknown {
    const result = original?.apply(self, args);
    if (active) after(self);
    return result;
  }
  const hooked =
    part === "get"
      ? function (this: unknown) {
          return call(this, []);
        }
      : function (this: unknown, value: unknown) {
          call(this, [value]);
        };
  try {
    Object.defineProperty(owner, name, { ...own, [part]: hooked });
  } catch {
    return { stop: () => {} }; // frozen by the page: it stays as it is
  }
  return {
    stop: () => {
      active = false;
      const now = Object.getOwnPropertyDescriptor(owner, name);
      if (now?.[part] === hooked) Object.defineProperty(owner, name, own);
    },
  };
}
