// Owns what is done to recorded style texts so that the replay's pointer can hover. rrweb parses each
// text as a whole for it, which is half of the work of opening a page; here only rules that say
// `:hover` are looked at. They come to hold for the class `:hover` too, which the Replayer gives.

const HOVER = ":hover";
const DEVICE = /\b(max|min)-device-(width|height)\b/g; // the reader's screen is not the visitor's
const QUOTE = /["']/g;

/** Return the style text *css* as the replay needs it. */
export function adapt(css: string): string {
  const text = css.includes("-device-") ? css.replace(DEVICE, "$1-$2") : css;
  let found = "";
  let done = 0;
  for (let at = text.indexOf(HOVER); at >= 0; at = text.indexOf(HOVER, at)) {
    const end = delimiter(text, at, 1);
    if (text[end] === "{") {
      const selectors = text.slice(Math.max(done, delimiter(text, at, -1) + 1), end);
      found += text.slice(done, end) + hovered(selectors.slice(selectors.lastIndexOf("*/") + 1));
      done = end;
    }
    at = end;
  }
  return found + text.slice(done);
}

/** Return what makes the rule of *selectors* hold for the class; nothing if they are none after all. */
function hovered(selectors: string): string {
  const own = selectors.replace(/^\//, ""); // of the end of a comment
  const open = (own.match(QUOTE)?.length ?? 0) % 2 === 1; // it begins in a string
  return open || own.trimStart().startsWith("@") ? "" : `,${own.replaceAll(HOVER, ".\\:hover")}`;
}

/** Return where the next of `{};` is from *at* on, in the direction of *step*. */
function delimiter(text: string, at: number, step: 1 | -1): number {
  let found = at;
  while (found >= 0 && found < text.length && !"{};".includes(text[found] ?? "")) found += step;
  return found;
}

/** Takes the place of the Replayer's memory of adapted texts: it finds all of them there. */
export class Adapted {
  readonly #known = new Map<string, string>();

  get(css: string): string {
    const known = this.#known.get(css) ?? adapt(css);
    this.#known.set(css, known);
    return known;
  }

  set(): void {
    // Of an empty text the Replayer asks nothing and tells its own.
  }
}
