// Images, scripts, style sheets and media that did not load.

import type { EventFields } from "../events.gen";
import type { Stop } from "../guard";
import { hear } from "../roots";
import type { Emit, Scope } from "../scope";

type Kind = NonNullable<EventFields["asset"]["kind"]>;

const KINDS: Record<string, Kind> = {
  img: "image",
  script: "script",
  link: "style",
  video: "media",
  audio: "media",
  source: "media",
};
const MOST = 50;

export function observeAssets(emit: Emit, scope: Scope): Stop {
  let told = 0;
  return hear(scope, "error", (event) => {
    const element = event.target as Element | null;
    if (element?.nodeType !== 1) return; // a script error
    const kind = KINDS[element.localName];
    // Of a srcset the one that was chosen.
    const chosen = (element as HTMLImageElement).currentSrc;
    const url = chosen || (element.getAttribute("src") ?? element.getAttribute("href") ?? "");
    if (!kind || !url || scope.ours(url) || ++told > MOST) return;
    if (scope.privacy.policy.blocked(element)) return; // its name may be a person's
    if (kind === "style" && !/stylesheet/i.test(element.getAttribute("rel") ?? "")) return;
    const box = element.getBoundingClientRect();
    const inside =
      box.bottom > 0 && box.right > 0 && box.top < innerHeight && box.left < innerWidth;
    emit("asset", {
      kind,
      url: scope.privacy.urls.place(url),
      first_party: scope.privacy.urls.firstParty(url),
      ...(kind === "image" || kind === "media"
        ? { width: Math.round(box.width), height: Math.round(box.height), in_viewport: inside }
        : {}),
    });
  });
}
