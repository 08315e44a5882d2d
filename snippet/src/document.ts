// What a head says of the document and the browser.

import type { Config } from "./config";
import type { Privacy } from "./privacy";

export function attributes(
  config: Config,
  { urls }: Privacy,
  segment: string | undefined,
): Record<string, string> {
  const { utm_campaign: campaign } = urls.listed(location.search);
  return {
    ...(campaign ? { campaign } : {}),
    language: navigator.language.slice(0, 35),
    ...(config.release ? { release: config.release } : {}),
    ...(segment ? { segment } : {}),
  };
}

export function pageFacts({ urls }: Privacy): Record<string, string | number> {
  return {
    path: urls.place(location.href),
    width: innerWidth,
    height: innerHeight,
    dpr: devicePixelRatio,
  };
}
