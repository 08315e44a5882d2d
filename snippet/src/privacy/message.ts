// Texts of errors and messages: digits, quoted text, addresses and what visitors typed are masked.

import type { Privacy } from ".";
import { maskText } from "./policy";

// One within a word is no quote: don't, O'Brien.
const APOSTROPHES = /(^|[^\p{L}\p{N}])['‘‚].*?['’‘](?![\p{L}\p{N}])/gu;
const WORDS = /[\p{L}\p{M}_$]+/gu;
const NOTHING = /(?!)/;

export function maskMessage(text: string, { policy, urls }: Privacy): string {
  return (
    policy.typed
      .scrub(text.slice(0, 1000))
      .replace(/\bhttps?:\/\/[^\s"'<>)]+/g, (url) => urls.place(url))
      .replace(/[?#][^\s"'<>)]+/g, "?…")
      .replace(/[^\s@"'<>]+@[^\s@"'<>]+/g, "•@•")
      // A parser quotes the middle of a text: its quotes do not pair.
      .replace(/JSON/.test(text) ? /"[\s\S]*"/ : NOTHING, '"…"')
      .replace(/"(?:[^"\\]|\\.)*"|`[^`]*`|„[^“”]*[“”]|“[^”]*”|«[^»]*»|»[^«]*«/g, '"…"')
      .replace(APOSTROPHES, '$1"…"')
      .replace(/[\w.[\]-]+=[^\s&"'<>)]*(&[\w.[\]-]+=?[^\s&"'<>)]*)+/g, "?…")
      .replace(/\d+/g, "#")
      .slice(0, 300)
      // `strict` leaves the kind of an error: the rest is the site's words, or a customer's name.
      .replace(policy.preset === "strict" ? WORDS : NOTHING, (word) =>
        /^Uncaught$|^[A-Z]\w*(Error|Exception)$/.test(word) ? word : maskText(word),
      )
  );
}
