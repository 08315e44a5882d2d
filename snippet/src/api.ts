// window.stolper once the recorder runs (docs/snippet.md). Never throws; unknown calls are counted
// as own errors.

import type { Call, Stolper } from "./config";
import type { Scalar } from "./events.gen";
import type { Guard } from "./guard";

export interface Commands {
  identify(id: string, traits?: Record<string, unknown>, signature?: string): void;
  track(name: string, props?: Record<string, unknown>): void;
  error(thrown: unknown): void;
  consent(level: string): void;
  session(): string | undefined;
  flush(): Promise<boolean>;
  code(): Promise<string | false>;
  url(): Promise<string | false>;
  "new"(): string | undefined;
  stop(): void;
}

const PROPS = 40;
const TEXT = 64;

/** Numbers, booleans and short texts; what else was given is left out. */
export function properties(
  props: Record<string, unknown> | undefined,
  harmless: (text: string) => string,
): Record<string, Scalar> {
  const kept: Record<string, Scalar> = {};
  for (const [name, value] of Object.entries(props ?? {}).slice(0, PROPS)) {
    if (typeof value === "boolean" || (typeof value === "number" && Number.isFinite(value))) {
      kept[harmless(name.slice(0, TEXT))] = value;
    } else if (typeof value === "string") {
      kept[harmless(name.slice(0, TEXT))] = harmless(value.slice(0, TEXT));
    }
  }
  return kept;
}

/** Take over from the loader's queue: earlier calls are made now, in order. */
export function install(before: Stolper, commands: Commands, guard: Guard): Stolper {
  const table = commands as unknown as Record<string, (...args: unknown[]) => unknown>;
  const call = (args: unknown[]): unknown => {
    const [name, ...rest] = args;
    const command = Object.hasOwn(table, String(name)) ? table[String(name)] : undefined;
    if (!command) {
      guard.count();
      return undefined;
    }
    return guard(command)(...rest);
  };
  const stolper = ((...args: unknown[]) => call(args)) as Stolper;
  if (before.config) stolper.config = before.config;
  stolper.running = true;
  window.stolper = stolper;
  for (const { args, answer } of (before.calls ?? []) as Call[]) {
    const result = call(args);
    if (answer) Promise.resolve(result).then(answer, () => answer(false));
  }
  return stolper;
}
