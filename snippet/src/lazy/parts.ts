// Parts of the recorder that only some sites need: files of their own, loaded when the site's options
// ask for them.

import type { Keeper } from "../assets/keeper";
import type { Gap } from "../delivery/queue";
import type { Stop } from "../guard";
import type { Scope } from "../scope";
import type { Signal } from "../signal";

export interface Tools {
  scope: Scope;
  keeper: Keeper;
  /** Record an event of ours. */
  record(tag: string, payload: object): void;
  gap(gap: Gap): void;
  /** A snapshot was taken: what was told by node or URL has to be told again. */
  snapshots: Signal<void>;
}

export type Part = (tools: Tools) => Stop;

/** Hand *part* to the recorder that runs on this page. */
export function plug(part: Part): void {
  window.stolper?.plug?.(part);
}
