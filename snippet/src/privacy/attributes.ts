// The allow-list of attributes: what is not named here is masked (strict, standard) or, under
// `open`, kept unless it is typed, code or a URL. Names of attributes always stay.

import { cleanCss } from "./css";
import { enumerated } from "./keywords";
import { maskText, type Policy } from "./policy";
import { isSensitive } from "./sensitive";
import { isPicture, type Urls } from "./url";

export type Value = string | number | boolean | null;

const words = (text: string) => new Set(text.split(/\s+/));

// Enumerations, states and measures: nobody's data.
const CLEAR = words(`
  type role dir lang hidden disabled readonly required multiple checked selected open rows cols wrap
  colspan rowspan span width height size maxlength minlength tabindex target rel method enctype
  formmethod formnovalidate novalidate autocomplete autocapitalize autocorrect inputmode spellcheck
  draggable contenteditable loading decoding fetchpriority media sizes scope slot part is async defer
  crossorigin referrerpolicy sandbox allowfullscreen controls loop muted playsinline preload kind
  ismap shape reversed start inert popover popovertargetaction enterkeyhint translate accept
  as align valign bgcolor border cellpadding cellspacing color face hspace vspace nowrap clear
  charset data-stolper data-stolper-ignore data-rr-is-password
  aria-expanded aria-hidden aria-checked aria-selected aria-pressed aria-disabled aria-busy aria-live
  aria-modal aria-haspopup aria-invalid aria-required aria-current aria-orientation aria-level
  aria-atomic aria-relevant aria-multiline aria-multiselectable aria-readonly aria-sort
  aria-autocomplete aria-colcount aria-colspan aria-rowcount aria-rowspan aria-posinset aria-setsize
  d viewbox preserveaspectratio x y x1 y1 x2 y2 cx cy r rx ry dx dy fx fy fr fill stroke fill-rule
  clip-rule stroke-width stroke-linecap stroke-linejoin stroke-dasharray stroke-dashoffset
  stroke-miterlimit stroke-opacity fill-opacity opacity points transform gradienttransform
  gradientunits spreadmethod offset stop-color stop-opacity patternunits patterntransform pathlength
  clip-path mask filter marker-start marker-mid marker-end text-anchor dominant-baseline font-size
  font-family font-weight xmlns xmlns:xlink version vector-effect overflow display visibility
  rr_width rr_height rr_scrollleft rr_scrolltop rr_open_mode rr_mediastate rr_mediacurrenttime
  rr_mediaplaybackrate rr_mediamuted rr_medialoop rr_mediavolume`);

// Names that the page gave to things: kept if they look like names, for style sheets need them.
const NAMES = words(`
  id class name for form list headers itemprop itemtype usemap popovertarget commandfor command
  aria-controls aria-labelledby aria-describedby aria-owns aria-errormessage aria-activedescendant
  aria-details aria-flowto data-testid data-test data-test-id data-cy data-qa data-track data-state
  data-theme data-variant data-size data-side data-align data-orientation data-mode data-open
  data-active data-disabled data-toggle data-target data-bs-toggle data-bs-target data-bs-theme`);

const URLS = words(`
  href src srcset action formaction poster data cite background xlink:href longdesc manifest
  imagesrcset ping archive classid codebase profile rr_src usemap`);

// Sentences: released as the text of their element is.
const RELEASED = /^(title|aria-label|alt|label)$/;

// Longer or with other signs than enumerations have.
const SHAPES = words("d points transform gradienttransform patterntransform viewbox");
const SHAPE =
  /^(?:[\s\d.,+\-emlhvcsqtaz()%]|matrix|translate|scale|rotate|skew[xy]|none|deg|rad)*$/i;
const LISTS = words("media sizes sandbox accept autocomplete font-family data-stolper-ignore");
const LIST = /^[\w\s.,:;%#()/+*<>='"-]{0,300}$/;
const MIME = /^[\w.+-]+\/[\w.+-]+(;\s*codecs="?[\w., -]+"?)?$/;

// What goober, Emotion, styled-jsx, styled-components and Svelte make of a style's hash: without it
// the element has none of its styles.
const HASHED = /^(go\d{6,12}|(css|jsx|sc|svelte)-[a-z0-9]{5,12})$/i;

const DROPPED = /^(on\w+|srcdoc|nonce|integrity)$/;
const CLICKABLE_INPUT = /^(submit|button|reset)$/;

export interface Attributes {
  /** The value of *name* on *element* (tag *tag*) as it may be recorded. */
  clean(element: Element | null, tag: string, name: string, value: Value): Value;
}

/** *placeholders*: pictures are empty boxes, also those that stand in the page itself. */
export function makeAttributes(policy: Policy, urls: Urls, placeholders = false): Attributes {
  // Classes and ids repeat endlessly; what was judged once is not judged again.
  const judgedClasses = new Map<string, string>();
  const judgedNames = new Map<string, string>();

  function token(text: string, hashed: boolean): string {
    // Cascading names may hold digits (col-12), not much more: an e-mail, a long number, a name.
    const personal = /@|%40|\d{5,}/.test(text) && !(hashed && HASHED.test(text));
    return personal || policy.typed.within(text) ? maskText(text) : text;
  }

  function names(value: string, hashed = false): string {
    const judged = hashed ? judgedClasses : judgedNames;
    const known = policy.typed.within(value) ? undefined : judged.get(value);
    if (known !== undefined) return known;
    const result = value
      .split(/(\s+)/)
      .map((part) => (part.trim() ? token(part, hashed) : part))
      .join("");
    if (judged.size > 5000) judged.clear();
    judged.set(value, result);
    return result;
  }

  function srcset(value: string, preset: string): string {
    return value
      .split(/,\s+/)
      .map((candidate) => {
        const [url = "", ...rest] = candidate.trim().split(/\s+/);
        const size = rest.filter((one) => /^[\d.]+[wxh]$/.test(one)); // else a URL's beginning
        return [source(url, preset), ...size].join(" ");
      })
      .join(", ");
  }

  function source(url: string, preset: string): string {
    if (/^data:/i.test(url)) {
      const shown = preset === "open" ? /^data:image\//i.test(url) : isPicture(url);
      return preset !== "strict" && !placeholders && shown ? url : "data:,";
    }
    return urls.clean(url);
  }

  /** *value* as the text of *element* is shown. */
  function released(value: string, element: Element | null): string {
    return policy.releases(value, element) ? policy.typed.scrub(value) : maskText(value);
  }

  function inputValue(element: Element | null, value: string): string {
    if (!element || isSensitive(element)) return "";
    const type = (element as HTMLInputElement).type;
    if (element.localName === "input" && CLICKABLE_INPUT.test(type)) {
      return released(value, element);
    }
    return policy.input(value, element);
  }

  /** The value of *name* in an attribute selector of a sheet. */
  function selected(name: string, value: string): string {
    return String(clean(null, "", name, value) ?? "");
  }

  function clear(name: string, value: string): string {
    if (/url\(/i.test(value)) {
      const css = `${name}:${value}`;
      const options = { url: urls.clean, scrub: policy.typed.scrub, value: selected };
      return cleanCss(css, { ...options, mask: true, pictures: false, attribute: true }).slice(
        name.length + 1,
      );
    }
    if (SHAPES.has(name)) return SHAPE.test(value) ? value : maskText(value);
    if (LISTS.has(name)) {
      return LIST.test(value) && !policy.typed.within(value) ? value : maskText(value);
    }
    if (name === "type" && MIME.test(value)) return value;
    return enumerated(value, policy.typed.within) ? value : maskText(value);
  }

  function clean(element: Element | null, tag: string, raw: string, value: Value): Value {
    const name = raw.toLowerCase();
    if (value === null || typeof value === "boolean") return value;
    if (typeof value === "number") return CLEAR.has(name) ? value : 0;
    if (!value) return value;
    if (DROPPED.test(name)) return "";
    const preset = policy.presetAt(element);
    if (CLEAR.has(name)) return clear(name, value);
    if (name === "value" && /^(input|textarea|select)$/.test(tag))
      return inputValue(element, value);
    if (name === "style" || name === "_csstext") {
      const attribute = name === "style";
      return cleanCss(value, {
        url: urls.clean,
        mask: preset !== "open",
        scrub: policy.typed.scrub,
        value: selected,
        pictures: preset === "open" || (preset === "standard" && !attribute),
        attribute,
      });
    }
    if (name === "srcset" || name === "imagesrcset") return srcset(value, preset);
    if (name === "usemap" && value[0] === "#") return names(value);
    if (name === "href" && /^(a|area)$/.test(tag)) return urls.link(value);
    if (URLS.has(name) && !(name === "data" && tag !== "object")) return source(value, preset);
    if (NAMES.has(name)) return names(value, name === "class");
    if (preset === "open") return policy.typed.scrub(openUrl(value));
    if (RELEASED.test(name) || (tag === "button" && name === "value")) {
      return released(value, element);
    }
    return maskText(value);
  }

  // An unknown attribute that holds a URL loses its query values under every preset.
  function openUrl(value: string): string {
    return /^(https?:)?\/\/\S+$/i.test(value) || /^\/\S*[?#]\S*$/.test(value)
      ? urls.clean(value)
      : value;
  }

  return { clean };
}
