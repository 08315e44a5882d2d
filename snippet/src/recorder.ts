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
    const stolper = install(before, recording.commands, recording.guard.at("call"));
    if (!config.parts) return;
    stolper.plug = recording.guard(recording.plug);
    for (const path of config.parts) before.load?.(path);
  };
  const { prerendering } = document as Document & { prerendering?: boolean };
  // The snapshot wants a parsed document; nothing waits for pictures.
  const parsed = () => {
    if (document.readyState === "loading") whenever("DOMContentLoaded", begin);
    else begin();
  };
  // A page made ahead is no visit until it is shown.
  if (prerendering) whenever("prerenderingchange", parsed);
  else parsed();
}

function whenever(type: string, run: () => void): void {
  document.addEventListener(type, () => safely(run), { once: true });
}

function safely(run: () => void): void {
  try {
    run();
  } catch {
    // The page must go on without us. Nothing was sent yet, so there is nobody to tell.
  }
}

safely(start);
