// What every observer is given: the pieces it may use. Nothing is global.

import type { Config } from "./config";
import type { EventFields, EventName, Target } from "./events.gen";
import type { Guard } from "./guard";
import type { Privacy } from "./privacy";
import type { Roots } from "./roots";
import { type Signal, signal } from "./signal";

export type Facts<T extends EventName> = Omit<EventFields[T], "type" | "target"> & {
  target?: Target;
};

/** An event whose index and time are given and whose outcome is not known yet. */
export interface Open<T extends EventName> {
  readonly i: number;
  readonly t: number;
  done(facts: Facts<T>): void;
  /** It will never come; its index is named in `void`. */
  drop(): void;
}

export interface Emit {
  /** Send an event as of now, or of *t*; on *path* if that is not the document's any more. */
  <T extends EventName>(type: T, facts: Facts<T>, t?: number, path?: string): void;
  /** Take an index now for an event that is completed later. *cut* is asked for its facts when the page ends. */
  open<T extends EventName>(type: T, t: number, cut: () => Facts<T>): Open<T>;
}

export type ReactionKind = NonNullable<EventFields["click"]["answer"]>;

/** Something happened that may answer a press; *node* tells where, if it has a place. */
export interface Reaction {
  kind: ReactionKind;
  t: number;
  node?: Node | null;
}

export interface RequestStart {
  t: number;
  /** Index and time of the press or submit that it followed. */
  action: Action | undefined;
  /** Counts as a press's own request: not a beacon. */
  awaited: boolean;
  done?: { t: number; status: number };
}

export interface Action {
  i: number;
  t: number;
  kind: "click" | "form";
  /** As far as the element tells, it leads to another document. */
  leads: boolean;
  /** Of a submit: the press that made it. */
  press?: number | undefined;
}

/** What the Navigation API tells; not in every browser. */
export type NavigateLike = Event & {
  navigationType?: string;
  hashChange?: boolean;
  downloadRequest?: string | null;
  destination?: { sameDocument?: boolean };
};

export interface Signals {
  reaction: Signal<Reaction>;
  mutations: Signal<{ records: MutationRecord[]; t: number }>;
  requestStart: Signal<RequestStart>;
  requestEnd: Signal<RequestStart>;
  error: Signal<{ t: number; firstParty: boolean }>;
  /** The page or its route went away. */
  navigation: Signal<{ t: number; route: boolean }>;
  /** A route begins; *path* is the one that is left. Sent before its `leave`. */
  route: Signal<{ t: number; path: string }>;
  action: Signal<Action>;
  message: Signal<{ t: number; severity: string; field: string | undefined; element: Element }>;
  /** The document is being left: what is open is cut. */
  leaving: Signal<number>;
}

export function makeSignals(): Signals {
  return {
    reaction: signal(),
    mutations: signal(),
    requestStart: signal(),
    requestEnd: signal(),
    error: signal(),
    navigation: signal(),
    route: signal(),
    action: signal(),
    message: signal(),
    leaving: signal(),
  };
}

export interface Scope {
  config: Config;
  guard: Guard;
  privacy: Privacy;
  signals: Signals;
  roots: Roots;
  /** Whole milliseconds on the page load's monotonic clock. */
  now(): number;
  /** The recording's id of *node*, if it is recorded. */
  nodeId(node: Node): number | undefined;
  describe(element: Element): Target;
  /** The URL is one of ours. */
  ours(url: string): boolean;
  urgent(): void;
  view(): number;
  nextView(): void;
}
