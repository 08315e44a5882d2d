// Which press or submit something followed: by 1 s, or by one of its requests having ended.

import { all, type Stop } from "../guard";
import type { Action, RequestStart, Scope } from "../scope";

const LINK_MS = 1000;
const ERROR_LINK_MS = 5000; // an error may come as late as this if a request of the press ended

export interface Actions extends Stop {
  /** The newest press or submit within 1 s before *t*. */
  before(t: number): Action | undefined;
  /** Index of the press that an error at *t* follows. */
  behindError(t: number): number | undefined;
  forget(): void;
}

export function observeActions(scope: Scope): Actions {
  const { signals } = scope;
  let recent: Action[] = [];
  let ended: RequestStart[] = [];

  const stops = all([
    signals.action.on((action) => {
      recent = [...recent.filter((one) => action.t - one.t < 10_000), action].slice(-20);
    }),
    signals.requestEnd.on((request) => {
      if (request.action) ended = [...ended, request].slice(-20);
    }),
  ]);

  function before(t: number): Action | undefined {
    for (let at = recent.length - 1; at >= 0; at--) {
      const action = recent[at] as Action;
      if (action.t <= t && t - action.t <= LINK_MS) return action;
    }
    return undefined;
  }

  return {
    ...stops,
    before,
    behindError: (t) => {
      const near = before(t);
      if (near) return near.i;
      const own = ended.filter(({ action, done }) => {
        return action && done && done.t <= t && t - action.t <= ERROR_LINK_MS;
      });
      return own[own.length - 1]?.action?.i;
    },
    forget: () => {
      recent = [];
      ended = [];
    },
  };
}
