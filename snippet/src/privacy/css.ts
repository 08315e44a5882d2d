// Style texts: read statement by statement as a browser reads them. URLs are cleaned; strings are
// masked except where only names of fonts, grid areas and the like can stand; custom properties
// are masked unless they hold measures and words of CSS.

import { known, measure, word } from "./csswords";
import { isPicture } from "./url";

const STRING = `"[^"\\\\\\n]*(?:\\\\[^][^"\\\\\\n]*)*"?|'[^'\\\\\\n]*(?:\\\\[^][^'\\\\\\n]*)*'?`;
const QUOTED = `"[^"\\\\]*(?:\\\\[^][^"\\\\]*)*"|'[^'\\\\]*(?:\\\\[^][^'\\\\]*)*'`;
const TOKEN = new RegExp(
  [
    "\\/\\*[^]*?(?:\\*\\/|$)",
    STRING,
    `url\\(\\s*(?:${QUOTED}|[^)\\\\]*(?:\\\\[^][^)\\\\]*)*)\\s*\\)?`,
    "[-+]?(?:\\d+\\.?\\d*|\\.\\d+)(?:e[-+]?\\d+(?![a-z]))?(?:%|[a-z]+(?![\\w-]))?(?![\\w-])",
    "[#@]?(?:[\\w-]|[^\\0-\\x7f]|\\\\[\\s\\S])+",
    "\\s+",
    "[^]",
  ].join("|"),
  "gi",
);
const URL_CALL = new RegExp(`^url\\(\\s*(${QUOTED})?`, "i");
const SPLIT = "/* rr_split */"; // the recorder's own mark between the texts of one sheet
const ICON = /^(\\[0-9a-f]{1,6}\s?|[\ue000-\uf8ff]|[^\p{L}\p{N}]|.)$/iu;
const NAME = /^[\p{L}\p{N}\s._,+#<>|*-]{0,200}$/u;
const GEOMETRY = /^\s*m[\d\s.,emlhvcsqtaz+-]*$/i;

// Where a string is a name that the sheet needs.
const NAMED =
  /^(font|font-family|src|grid(-template(-areas)?)?|font-(feature|variation)-settings|animation(-name)?|-webkit-animation(-name)?|syntax)$/;
const SHAPED = /^(clip-path|-webkit-clip-path|offset-path|shape-outside|d)$/;
const FONTS = /font|family/i;
const LINKING = /^(-webkit-image-set|image-set|image|src|url)$/i;

export interface CssOptions {
  url(url: string): string;
  /** Mask generated text (`content: "..."`), other strings and custom properties. */
  mask: boolean;
  /** What becomes of such texts when they are not masked. */
  scrub(text: string): string;
  /** The value of an attribute, as it may stand in a selector. */
  value(name: string, value: string): string;
  /** Keep pictures in data: URLs (fonts always stay). */
  pictures: boolean;
  /** A style attribute: unlike a sheet, it may be made from somebody's data. */
  attribute: boolean;
}

const isString = (token: string) => token[0] === '"' || token[0] === "'";
const isUrl = (token: string) => /^url\(/i.test(token);

function broken(token: string): boolean {
  if (isString(token)) return token.length < 2 || token[token.length - 1] !== token[0];
  return isUrl(token) && !URL_CALL.exec(token)?.[1] && /["'(<]/.test(token.slice(4));
}

function plainOf(text: string): string {
  return text.replace(/\\([0-9a-f]{1,6})\s?|\\([\s\S])/gi, (_whole, hex?: string, one?: string) => {
    const code = hex ? Number.parseInt(hex, 16) : 0;
    return hex ? (code > 0 && code < 0x110000 ? String.fromCodePoint(code) : "") : (one ?? "");
  });
}

export function cleanCss(css: string, options: CssOptions): string {
  const cover = (text: string) =>
    options.mask ? text.replace(/[\p{L}\p{N}]/gu, "x") : options.scrub(text);

  function link(token: string): string {
    const quoted = URL_CALL.exec(token)?.[1];
    const raw = quoted ? quoted.slice(1, -1) : token.slice(4).replace(/\)$/, "");
    const url = raw.trim();
    if (!/^data:/i.test(url)) return `url("${quote(options.url(plainOf(url)))}")`;
    const font = /^data:(font|application\/(x-)?font)/i.test(url);
    const image = options.mask ? isPicture(plainOf(url)) : /^data:image\//i.test(url);
    const picture = options.pictures && image;
    return font || picture ? `url("${url.replace(/"/g, "%22")}")` : 'url("data:,")';
  }

  function masked(token: string): string {
    const inner = token.slice(1, -1);
    if (!inner || ICON.test(inner)) return token;
    if (!options.mask) return token[0] + options.scrub(inner) + token[0];
    return token[0] + inner.replace(/\\[0-9a-f]{1,6}\s?|\\[\s\S]|\S/gi, "x") + token[0];
  }

  function named(token: string): string {
    return NAME.test(token.slice(1, -1)) && !/\d{5}/.test(token) ? token : masked(token);
  }

  function string(token: string, property: string, call: string): string {
    if (LINKING.test(call)) return `"${quote(options.url(plainOf(token.slice(1, -1))))}"`;
    if (NAMED.test(property)) return named(token);
    if (SHAPED.test(property) && GEOMETRY.test(token.slice(1, -1))) return token;
    return masked(token);
  }

  /** *tokens* with their strings and URLs cleaned. */
  function value(tokens: string[], property: string): string {
    const calls: string[] = [];
    const clean = tokens.map((token, at) => {
      if (token === "(") calls.push(tokens[at - 1] ?? "");
      else if (token === ")") calls.pop();
      if (isUrl(token)) return link(token);
      return isString(token) ? string(token, property, calls[calls.length - 1] ?? "") : token;
    });
    return clean.join("");
  }

  /** The value of a custom property: measures, words of CSS and masked strings. */
  function custom(tokens: string[], property: string): string {
    const fonts = FONTS.test(property) && !options.attribute;
    const bare = tokens.filter((token, at) => {
      if (isString(token) || isUrl(token) || measure(token)) return false;
      return word(token) && !(tokens[at + 1] === "(" && /^-?[a-z][\w-]*$/.test(token));
    });
    const alone = bare.length === 1 && !options.attribute;
    const fine = bare.every(
      (one) =>
        known(one) ||
        /^--[a-z][\w-]*$/.test(one) ||
        (alone && /^[a-z-]+$/.test(one)) ||
        (fonts && /^[a-z-]+$/i.test(one)),
    );
    const shown = (token: string) => (fine || !options.mask ? token : cover(token));
    const clean = tokens.map((token) => {
      if (isUrl(token)) return link(token);
      if (isString(token)) return fonts ? named(token) : masked(token);
      return shown(token);
    });
    return options.mask ? clean.join("") : options.scrub(clean.join(""));
  }

  function declaration(tokens: string[], colon: number): string {
    const front = tokens.slice(0, colon + 1).join("");
    const property = front.slice(0, -1).trim().toLowerCase();
    const rest = tokens.slice(colon + 1);
    if (property.startsWith("--")) return front + custom(rest, property);
    // What the browser does not take draws nothing: in an attribute it is somebody's text.
    const text = rest.join("");
    const drawn = !options.attribute || /^-\w+-/.test(property) || supports(property, text);
    return front + (drawn || rest.every(measure) ? value(rest, property) : cover(text));
  }

  /** A selector or the front of an at-rule: values of attributes as the attributes' own. */
  function prelude(tokens: string[]): string {
    let name = "";
    let inside = false;
    let compared = false;
    const clean = tokens.map((token) => {
      if (token === "[" || token === "]") {
        inside = token === "[";
        compared = false;
        name = "";
        return token;
      }
      if (isUrl(token)) return link(token);
      if (!inside) return isString(token) ? masked(token) : token;
      if (token === "=") compared = true;
      else if (isString(token)) {
        return token[0] + quote(options.value(name, token.slice(1, -1)), token[0]) + token[0];
      } else if (word(token)) {
        if (compared && !/^[is]$/i.test(token)) return options.value(name, token);
        if (!compared) name = token.toLowerCase();
      }
      return token;
    });
    return clean.join("");
  }

  function finish(tokens: string[], end: string): string {
    const text = tokens.join("");
    if (!/\S/.test(text)) return text;
    const plain = !/["'[\\]|--|url\(/i.test(text); // most statements
    if (plain && !options.attribute && (end === "{" || /[:@]/.test(text))) return text;
    if (tokens.some(broken)) return cover(text);
    if (end === "{") return prelude(tokens);
    const first = tokens.find((token) => /\S/.test(token)) ?? "";
    if (/^@(import|namespace)$/i.test(first)) return linked(tokens);
    if (first[0] === "@") return value(tokens, /^@charset$/i.test(first) ? "font" : "");
    const colon = tokens.indexOf(":");
    return colon < 0 ? cover(text) : declaration(tokens, colon);
  }

  function linked(tokens: string[]): string {
    return tokens
      .map((token) => {
        if (isUrl(token)) return link(token);
        return isString(token) ? `"${quote(options.url(plainOf(token.slice(1, -1))))}"` : token;
      })
      .join("");
  }

  let out = "";
  let statement: string[] = [];
  let depth = 0;
  let braces = 0; // of a custom property's value
  for (const token of css.match(TOKEN) ?? []) {
    if (token.startsWith("/*")) {
      if (token === SPLIT) statement.push(token);
      continue;
    }
    if (token === "(" || token === "[") depth++;
    else if (token === ")" || token === "]") depth = Math.max(0, depth - 1);
    else if (token === "{" && /^\s*--[\w-]*\s*:/.test(statement.join(""))) braces++;
    else if (token === "}" && braces) braces--;
    else if (token === "}" || ((token === ";" || token === "{") && !depth && !braces)) {
      out += finish(statement, token) + token;
      statement = [];
      depth = 0;
      continue;
    }
    statement.push(token);
  }
  return out + finish(statement, "");
}

function supports(property: string, value: string): boolean {
  return CSS.supports(property, value.replace(/!\s*important\s*$/i, "").trim());
}

function quote(text: string, mark = '"'): string {
  return text
    .replace(/[\\\n]/g, "")
    .split(mark)
    .join("");
}
