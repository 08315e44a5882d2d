// The words of CSS, as the browser itself knows them: a custom property may hold these, and
// nothing that a person could be called.

const UNIT =
  /^(px|r?em|r?ex|r?ch|r?ic|r?lh|r?cap|[sld]?v(w|h|i|b|min|max)|cq(w|h|i|b|min|max)|%|m?s|deg|g?rad|turn|fr|dpi|dppx|dpcm|x|in|cm|mm|pt|pc|q|k?hz)?$/i;
const NUMBER = /^[-+]?(\d*)(?:\.\d*)?(?:e[-+]?\d+)?(%|[a-z]*)$/i;

// None of these takes a name of the page's own making.
const PROPERTIES = [
  "align-content",
  "align-items",
  "all",
  "background-attachment",
  "background-blend-mode",
  "background-clip",
  "background-position",
  "background-repeat",
  "background-size",
  "border-collapse",
  "border-style",
  "border-width",
  "box-sizing",
  "break-inside",
  "clear",
  "color",
  "cursor",
  "display",
  "flex-direction",
  "flex-wrap",
  "float",
  "font-size",
  "font-stretch",
  "font-style",
  "font-variant",
  "font-weight",
  "grid-auto-flow",
  "isolation",
  "justify-content",
  "justify-items",
  "mix-blend-mode",
  "object-fit",
  "overflow",
  "pointer-events",
  "position",
  "resize",
  "scroll-behavior",
  "scroll-snap-type",
  "text-align",
  "text-decoration-line",
  "text-decoration-style",
  "text-transform",
  "touch-action",
  "transform-style",
  "transition-timing-function",
  "user-select",
  "vertical-align",
  "visibility",
  "white-space",
  "width",
  "word-break",
  "writing-mode",
  "animation-direction",
  "animation-fill-mode",
  "animation-iteration-count",
  "animation-play-state",
];
const MORE = new Set(
  `important inset from to at in of and or not circle ellipse closest-side closest-corner
  farthest-side farthest-corner srgb srgb-linear display-p3 oklab oklch lab lch hsl hwb xyz shorter
  longer hue increasing decreasing jump-start jump-end jump-none jump-both start end infinity pi e
  system-ui sans-serif serif monospace cursive fantasy ui-sans-serif ui-serif ui-monospace
  ui-rounded emoji math -apple-system true false linear none even odd calc-size span dense
  auto-fill auto-fit light dark only minmax masonry currentcolor`.split(/\s+/),
);
const judged = new Map<string, boolean>();

/** A number with its unit, a colour in hexadecimal, or punctuation. */
export function measure(token: string): boolean {
  if (/^#([0-9a-f]{3,4}|[0-9a-f]{6}|[0-9a-f]{8})$/i.test(token)) return true;
  if (!/[\p{L}\p{N}]/u.test(token)) return true;
  const [, whole, unit] = NUMBER.exec(token) ?? [];
  if (whole === undefined || unit === undefined || !UNIT.test(unit)) return false;
  return whole.length < 6 || /^9+$/.test(whole) || whole === "2147483647"; // z-index and the like
}

/** Something that may say something. */
export function word(token: string): boolean {
  return /[\p{L}\p{N}]/u.test(token);
}

/** A word of CSS itself: the name of a property, or a value of one that takes no other names. */
export function known(token: string): boolean {
  if (/^currentcolor$/i.test(token) || MORE.has(token)) return true;
  if (!/^-?[a-z][a-z0-9-]*$/.test(token) || typeof CSS === "undefined") return false;
  const before = judged.get(token);
  if (before !== undefined) return before;
  const found =
    CSS.supports(token, "initial") || PROPERTIES.some((name) => CSS.supports(name, token));
  if (judged.size > 2000) judged.clear();
  judged.set(token, found);
  return found;
}
