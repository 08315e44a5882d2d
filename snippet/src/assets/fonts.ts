// Web fonts that the page has loaded are kept by the server, so that the replay shows them.

import type { Stop } from "../guard";
import { watch } from "../observe/timing";
import type { Scope } from "../scope";
import type { Keeper } from "./keeper";

const FONT = /\.(woff2?|ttf|otf)$/i;
const MOST = 12; // of one page

export function observeFonts({ config, guard, privacy }: Scope, keeper: Keeper): Stop {
  const seen = new Set<string>();
  const { connection } = navigator as { connection?: { saveData?: boolean } };
  const wanted = config.options?.fonts !== false && !connection?.saveData;
  if (!wanted || !globalThis.crypto?.subtle) return { stop: () => {} };
  return watch<PerformanceResourceTiming>(guard, "resource", (entries) => {
    for (const { name, initiatorType } of entries) {
      if (initiatorType !== "css" && initiatorType !== "link") continue; // ours is a fetch
      if (!FONT.test(name.split(/[?#]/)[0] ?? "") || seen.size >= MOST || seen.has(name)) continue;
      seen.add(name);
      void keeper.keep("font", name, { url: privacy.urls.clean(name) });
    }
  });
}
