// A property of the browser whose setting is heard. What the page sets, and what it gets for it,
// is the browser's own.

import type { Stop } from "../guard";

export function hookSetter(
  owner: object | undefined,
  name: string,
  after: (self: unknown) => void,
): Stop {
  const own = owner && Object.getOwnPropertyDescriptor(owner, name);
  const { set } = own ?? {};
  if (!owner || !own?.configurable || !set) return { stop: () => {} };
  let active = true;
  const hooked = function (this: unknown, value: unknown) {
    set.call(this, value);
    if (active) after(this);
  };
  try {
    Object.defineProperty(owner, name, { ...own, set: hooked });
  } catch {
    return { stop: () => {} }; // frozen by the page: it stays as it is
  }
  return {
    stop: () => {
      active = false;
      const now = Object.getOwnPropertyDescriptor(owner, name);
      if (now?.set === hooked) Object.defineProperty(owner, name, own);
    },
  };
}
