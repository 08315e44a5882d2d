// What is masked, shown, left out and not told of: the attribute `data-stolper`, and the selectors
// of the site's configuration, which do the same without touching the page.

export type Word = "mask" | "unmask" | "block" | "ignore";
/** One selector list for each word, fit for `matches` and `closest`. */
export type Selectors = Record<Word, string>;
/** As configured: not checked yet, for a configuration may be older than its browser's CSS. */
export type Chosen = Partial<Record<Word, unknown>>;

/** *one* is a selector to this browser, and ends where it ends: nothing behind it is swallowed. */
function sound(one: unknown): boolean {
  try {
    return document.createElement("i").matches(`${one},*`);
  } catch {
    return false;
  }
}

export function makeSelectors(chosen: Chosen): Selectors {
  function list(word: Word): string {
    const given = ([] as unknown[]).concat(chosen[word] ?? []);
    // What cannot be read may have meant anything: it hides everything and releases nothing.
    const fit = given.map((one) => (sound(one) ? one : word === "unmask" ? "" : "*"));
    return [`[data-stolper~="${word}"]`, ...fit.filter(Boolean)].join();
  }
  return {
    mask: list("mask"),
    unmask: list("unmask"),
    block: list("block"),
    ignore: list("ignore"),
  };
}
