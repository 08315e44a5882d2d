// Texts of errors and messages: digits, quoted text, addresses and what visitors typed are masked.

import type { Privacy } from ".";

export function maskMessage(text: string, { policy, urls }: Privacy): string {
  return policy.typed
    .scrub(text.slice(0, 1000))
    .replace(/\bhttps?:\/\/[^\s"'<>)]+/g, (url) => urls.place(url))
    .replace(/[?#][^\s"'<>)]+/g, "?…")
    .replace(/[^\s@"'<>]+@[^\s@"'<>]+/g, "•@•")
    .replace(/"[^"]*"|'[^']*'|`[^`]*`|„[^“]*“|“[^”]*”|«[^»]*»/g, '"…"')
    .replace(/\d+/g, "#")
    .slice(0, 300);
}
