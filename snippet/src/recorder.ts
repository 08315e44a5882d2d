// The recorder's entry: puts the pieces together and keeps them in step with the session.

import { install } from "./api";
import type { Stolper } from "./config";
import { makeRecording } from "./recording";

function start(): void {
  const before: Stolper | undefined =
    typeof window.stolper === "function" ? window.stolper : undefined;
  const config = before?.config;
  if (!before || !config || before.running) return;
  before.running = true;
  const begin = () => {
    const recording = makeRecording(config);
    before.unhook?.();
    recording.start(before.early ?? []);
    const stolper = install(before, recording.commands, recording.guard);
    if (!config.parts) return;
    stolper.plug = recording.guard(recording.plug);
    for (const path of config.parts) before.load?.(path);
  };
  // The snapshot wants a parsed document; nothing waits for pictures.
  if (document.readyState === "loading") {
    document.addEventListener("DOMContentLoaded", () => safely(begin), { once: true });
  } else {
    begin();
  }
}

function safely(run: () => void): void {
  try {
    run();
  } catch {
    // The page must go on without us. Nothing was sent yet, so there is nobody to tell.
  }
}

safely(start);
