// The site's configuration, as the collector writes it into the loader (docs/wire-format.md).

import type { Part } from "./lazy/parts";

export type Mode = "full" | "cookieless";
export type Preset = "strict" | "standard" | "open";

export interface Config {
  key: string;
  base: string;
  recorder: string;
  mode: Mode;
  privacy: Preset;
  idle_timeout_ms: number;
  flush_ms: number;
  /** Hashes of style sheets that the server holds. */
  assets?: string[];
  release?: string;
  /** What the owner has set otherwise than usual (core/site_options.py). */
  options?: Options;
  /** Paths of further files that the options ask for. */
  parts?: string[];
}

export interface Options {
  enabled?: boolean;
  mask?: string;
  unmask?: string;
  block?: string;
  ignore?: string;
  url_params?: string[];
  frame_origins?: string[];
  images?: "capture" | "placeholder";
  fonts?: boolean;
  canvas?: boolean;
  code_button?: "left" | "right";
}

/** What an early press or error left behind before the recorder was there. */
export type Early =
  | { kind: "press"; t: number; event: PointerEvent; path: EventTarget[] }
  | { kind: "error"; t: number; event: ErrorEvent | PromiseRejectionEvent };

/** A call made before the recorder was there: arguments, and who waits for the answer. */
export interface Call {
  args: unknown[];
  answer?: (value: unknown) => void;
}

/** `window.stolper`: a queue until the recorder takes over. */
export interface Stolper {
  (...args: unknown[]): unknown;
  q?: ArrayLike<unknown>[];
  calls?: Call[];
  early?: Early[];
  config?: Config;
  unhook?: () => void;
  running?: boolean;
  /** Load a file of ours, as the page's policies want it. */
  load?: (path: string) => void;
  /** Takes the parts that were loaded. */
  plug?: (part: Part) => void;
}

declare global {
  interface Window {
    stolper?: Stolper;
  }
}
