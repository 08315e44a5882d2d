// Images, scripts, style sheets and media that did not load.

import type { EventFields } from "../events.gen";
import type { Stop } from "../guard";
import { hear } from "../roots";
import type { Emit, Scope } from "../scope";

type Kind = NonNullable<EventFields["asset"]["kind"]>;
type Timing = PerformanceResourceTiming & { responseStatus?: number };

const KINDS: Record<string, Kind> = {
  img: "image",
  script: "script",
  link: "style",
  video: "media",
  audio: "media",
  source: "media",
};
const MOST = 50;
const SOON_MS = 300;

export interface Assets extends Stop {
  /** Tell what had not loaded before anybody listened, as far as the page and the browser still show it. */
  early(): void;
}

export function observeAssets(emit: Emit, scope: Scope): Assets {
  let told = 0;
  let begun = 0;
  const known = new Set<Element>(); // told already, before their own event came

  function tell(element: Element): void {
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
  }

  const stop = hear(scope, "error", (event) => {
    const element = event.target as Element | null;
    if (element?.nodeType !== 1) return; // a script error
    if (known.has(element) && scope.now() < begun + SOON_MS) return;
    tell(element);
  });

  function early(): void {
    begun = scope.now();
    // An image shows it itself. Of a vector image without a size browsers may tell none, too.
    const missing: Element[] = [...document.images].filter(
      ({ complete, currentSrc, naturalWidth }) =>
        complete && currentSrc && !naturalWidth && !/\.svgz?($|[?#])/i.test(currentSrc),
    );
    const gone = new Set<string>();
    for (const entry of performance.getEntriesByType("resource") as Timing[]) {
      if ((entry.responseStatus ?? 0) >= 400) gone.add(entry.name); // of other hosts it is not told
    }
    if (gone.size) {
      for (const element of document.querySelectorAll("script,link")) {
        const { src, href } = element as HTMLScriptElement & HTMLLinkElement;
        if (gone.has(src || href)) missing.push(element);
      }
    }
    for (const element of missing) {
      known.add(element);
      tell(element);
    }
  }

  return { ...stop, early: scope.guard(early) };
}
