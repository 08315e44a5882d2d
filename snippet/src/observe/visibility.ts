// The tab was hidden or shown.

import type { Stop } from "../guard";
import type { Emit, Scope } from "../scope";

export function observeVisibility(emit: Emit, { guard, signals, now }: Scope): Stop {
  return guard.listen(document, "visibilitychange", () => {
    const state = document.visibilityState === "visible" ? "visible" : "hidden";
    emit("visibility", { state });
    if (state === "hidden") signals.reaction.send({ kind: "visibility", t: now() });
  });
}
