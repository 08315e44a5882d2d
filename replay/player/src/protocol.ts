// What the console's page and the stage say to one another by postMessage. Times are server
// milliseconds. Both sides check that a message comes from the other window and from this origin.

/** One document of the session; it stays in view until `until`. */
export interface Load {
  id: string;
  tab: string;
  at: number;
  until: number;
}

/** What there is to play. Sent again whenever it grows. */
export interface Program {
  loads: Load[];
  start: number;
  end: number;
  /** More may come: at the end the stage waits instead of stopping. */
  running: boolean;
}

/** A wish to be at a moment. Reports of the time carry the `turn` of the newest one that counts. */
export interface Seek {
  turn: number;
  at: number;
  tab: string;
  play: boolean;
}

export type ToStage =
  | { type: "program"; program: Program; changed: boolean }
  | { type: "seek"; seek: Seek }
  | { type: "tab"; tab: string }
  | { type: "play" }
  | { type: "pause" }
  | { type: "speed"; speed: number }
  | { type: "token"; base: string }
  | { type: "refused"; view: View; reason: string }
  | { type: "words"; blank: string }
  | { type: "dom"; ask: { turn: number; open: number[] } }
  | { type: "light"; node: number }
  | { type: "pick"; on: boolean }
  | { type: "pick_step"; step: PickStep }
  | { type: "map"; keys: string[]; preset: string };

/** Left, top, width and height in px of the page. */
export type Box = [number, number, number, number];

/** The size of the page that is drawn, in its whole height, and where elements are in it, by key. */
export interface Mapped {
  width: number;
  height: number;
  boxes: Record<string, Box>;
}

/** Why the stage shows what it shows. Everything but `shown` comes with a sentence on the page. */
export type View =
  | "shown"
  | "loading"
  | "no_snapshot"
  | "waiting"
  | "not_open"
  | "no_recording"
  | "failed"
  | "signed_out"
  | "broken";

export interface Gap {
  kind: string;
  at: number;
  until: number;
  reason: string;
}

/** What a key does while an element is picked. */
export type PickStep = "parent" | "child" | "previous" | "next" | "take";

/** An element as the snippet describes a target; *path* goes from it to its ancestors. */
export interface Picked {
  tag: string;
  role: string;
  label: string;
  path: object[];
}

/** A node of the recorded page. *children* and *more* are told of those that are open. */
export interface DomNode {
  id: number;
  kind: "element" | "text" | "other";
  name: string;
  text: string;
  attributes?: [string, string][];
  /** Has something to open. */
  inside: boolean;
  children?: number[];
  /** Children that are not told of. */
  more?: number;
}

export interface KeyPress {
  key: string;
  code: string;
  shift: boolean;
  alt: boolean;
}

export type FromStage =
  | { type: "ready" }
  | { type: "time"; turn: number; at: number; playing: boolean; waiting: boolean }
  | { type: "view"; view: View; reason: string }
  | { type: "size"; width: number; height: number }
  | { type: "gaps"; gaps: Gap[] }
  | { type: "ended" }
  | { type: "expired" }
  | { type: "dom"; turn: number; nodes: DomNode[] | null }
  | { type: "key"; press: KeyPress }
  | { type: "hovered"; picked: Picked | null }
  | { type: "picked"; picked: Picked }
  | { type: "mapped"; mapped: Mapped };

/** Send *message* to *target*; both documents have this origin. */
export function tell(target: Window, message: ToStage | FromStage): void {
  target.postMessage(message, location.origin);
}

/** Hear messages of *source* only. */
export function hear<Message extends ToStage | FromStage>(
  source: () => Window | null,
  receive: (message: Message) => void,
): void {
  window.addEventListener("message", (event) => {
    if (event.origin !== location.origin || event.source !== source()) return;
    receive(event.data as Message);
  });
}
