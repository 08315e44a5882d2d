// The DOM recorder behind one small interface. Another one that emits events for rrweb's player can
// stand here and be measured against it: record-rrweb.ts does.

import type { Guard, Stop } from "./guard";
import type { Privacy } from "./privacy";

export interface RecorderOptions {
  guard: Guard;
  privacy: Privacy;
  now(): number;
  /** What stands for a whole cleaned style text in an event (assets/sheets.ts). */
  sheetText(clean: string): string;
  emit(event: { json: string; t: number; snapshot: boolean }): void;
  /** A field's value was set, by the visitor or by a script. */
  onInput(node: Node | null): void;
  /** An open shadow root is recorded from now on. */
  onRoot(root: ShadowRoot): void;
  /** A document in a frame is recorded from now on. */
  onFrame(inner: Document): void;
  /** A snapshot has been emitted. */
  complete(): void;
}

export interface Recorder extends Stop {
  start(): void;
  /** Take a full snapshot: Meta and the whole tree; a large one not at once. */
  snapshot(): void;
  /** Emit what waits to be emitted. */
  flush(): void;
  nodeId(node: Node): number | undefined;
}

export { makeRecorder } from "./dom";
