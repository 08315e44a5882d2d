// Style texts: URLs are cleaned, generated text and quoted custom properties are masked.

const URL_CALL = /url\(\s*(?:"((?:[^"\\]|\\.)*)"|'((?:[^'\\]|\\.)*)'|([^)"']*))\s*\)/gi;
const COMMENT = /\/\*[\s\S]*?\*\//g;
const IMPORT = /(@import\s+)(["'])([^"']*)\2/gi;
const CONTENT = /(\bcontent\s*:\s*)([^;}]*)/gi;
const CUSTOM = /(--[\w-]+\s*:)([^;}]*)/g;
const STRING = /"((?:[^"\\]|\\.)*)"|'((?:[^'\\]|\\.)*)'/g;

// A value that cannot carry personal text: numbers, units, colours, keywords, functions of them.
const HARMLESS = /^[\s\w#%.,()/*+-]*$/;
const MEASURE =
  /^\s*(#[0-9a-f]{3,8}|[-+]?[\d.]+[a-z%]*|(rgb|hsl)a?\([\s\d.,%/]*\)|(var|calc)\([\s\w.+*/%-]*\))?\s*(!important)?\s*$/i;
const ESCAPED_ICON = /^(\\[0-9a-f]{1,6}\s?|[\ue000-\uf8ff]|[^\p{L}\p{N}]|.)$/iu;

export interface CssOptions {
  url(url: string): string;
  /** Mask generated text (`content: "..."`) and strings in custom properties. */
  mask: boolean;
  /** Keep pictures in data: URLs (fonts always stay). */
  pictures: boolean;
  /** A style attribute: unlike a sheet, it may be made from somebody's data. */
  attribute: boolean;
}

function maskStrings(text: string): string {
  return text.replace(STRING, (whole, double?: string, single?: string) => {
    const inner = double ?? single ?? "";
    if (!inner || ESCAPED_ICON.test(inner)) return whole;
    const quote = whole[0] as string;
    return quote + inner.replace(/\\[0-9a-f]{1,6}\s?|\\.|\S/gi, "x") + quote;
  });
}

export function cleanCss(css: string, options: CssOptions): string {
  let text = css
    .replace(COMMENT, "")
    .replace(URL_CALL, (_whole, a?: string, b?: string, c?: string) => {
      const url = (a ?? b ?? c ?? "").trim();
      if (/^data:/i.test(url)) {
        const font = /^data:(font|application\/(x-)?font)/i.test(url);
        const picture = options.pictures && /^data:image\//i.test(url);
        return font || picture ? `url("${url.replace(/"/g, "%22")}")` : 'url("data:,")';
      }
      return `url("${options.url(url)}")`;
    })
    .replace(IMPORT, (_whole, front: string, quote: string, url: string) => {
      return front + quote + options.url(url) + quote;
    });
  if (!options.mask) return text;
  text = text.replace(
    CONTENT,
    (_whole, front: string, value: string) => front + maskStrings(value),
  );
  return text.replace(CUSTOM, (_whole, front: string, value: string) => {
    if (!options.attribute) return front + (HARMLESS.test(value) ? value : maskStrings(value));
    return front + (MEASURE.test(value) ? value : value.replace(/[\p{L}\p{N}]/gu, "x"));
  });
}
