import type { Early } from "../config";
import { all, type Stop } from "../guard";
import type { Emit, Scope } from "../scope";

export interface Clicks extends Stop {
  early(items: Early[]): void;
}

export function observeClicks(emit: Emit, scope: Scope): Clicks {
  return {
    early: () => {},
    ...all([
      scope.guard.listen<PointerEvent>(window, "pointerdown", (event) => {
        const target = event.composedPath()[0] as Element;
        const i = emit("click", {
          target: scope.describe(target),
          x: event.clientX,
          y: event.clientY,
        });
        scope.signals.action.send({ i, t: scope.now(), kind: "click" });
      }),
    ]),
  };
}
