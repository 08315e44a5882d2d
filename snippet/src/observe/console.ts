// console.error and console.warn: that they were called, not what they said.

import { all, type Stop } from "../guard";
import { hash } from "../hash";
import { maskMessage } from "../privacy/message";
import type { Emit, Scope } from "../scope";

const MOST = 50;

export function observeConsole(emit: Emit, { guard, privacy }: Scope): Stop {
  let told = 0;

  function watch(level: "error" | "warn"): Stop {
    return guard.patch(console, level, (_self, args) => {
      if (++told > MOST) return;
      const text = args.map(asText).join(" ").slice(0, 1000);
      emit("console", { level, hash: hash(maskMessage(text, privacy)) });
    });
  }

  return all([watch("error"), watch("warn")]);
}

function asText(value: unknown): string {
  if (typeof value === "string") return value;
  const { name, message } = (value ?? {}) as { name?: unknown; message?: unknown };
  return typeof message === "string" ? `${name}: ${message}` : typeof value;
}
