// What an attribute of an element says in the recording: as it stands in the page, cleaned; as the
// element's state is, where that differs; and the few that the replayer adds of its own (`rr_`).

import type { Privacy } from "../privacy";
import { absolute, absoluteUrls, speechless } from "./css";
import type { Fields } from "./fields";
import { nameOf } from "./read";

export type Value = string | number | boolean | null;

export interface Values {
  /** The attribute *name* of *element*; null: the replay's element has none. */
  of(element: Element, name: string): Value;
  /** Names of what *element* tells beside its attributes. */
  extra(element: Element): readonly string[];
}

// Code, or of no use where nothing is loaded or played by itself.
const LEFT_OUT = /^(on\w+|srcdoc|nonce|integrity|autoplay)$/;
const ADDRESSES = /^(src|href|xlink:href|poster|background|data|action|formaction|cite)$/;
const MEDIA = [
  "rr_mediaState",
  "rr_mediaCurrentTime",
  "rr_mediaPlaybackRate",
  "rr_mediaMuted",
  "rr_mediaLoop",
  "rr_mediaVolume",
];
const EXTRA: Record<string, readonly string[]> = {
  input: ["value", "checked"],
  textarea: ["value"],
  option: ["selected"],
  dialog: ["rr_open_mode"],
  iframe: ["rr_src"],
  audio: MEDIA,
  video: MEDIA,
};
const NONE: readonly string[] = [];

export function makeValues({ attributes, policy }: Privacy, fields: Fields): Values {
  function media(element: HTMLMediaElement, name: string): Value {
    switch (name) {
      case "rr_mediaState":
        return element.paused ? "paused" : "played";
      case "rr_mediaCurrentTime":
        return element.currentTime;
      case "rr_mediaPlaybackRate":
        return element.playbackRate;
      case "rr_mediaMuted":
        return element.muted;
      case "rr_mediaLoop":
        return element.loop;
      default:
        return element.volume;
    }
  }

  function own(element: Element, tag: string, name: string): Value {
    if (name.startsWith("rr_media")) return media(element as HTMLMediaElement, name);
    if (name === "rr_open_mode") {
      const { open } = element as HTMLDialogElement;
      return open ? (element.matches(":modal") ? "modal" : "non-modal") : null;
    }
    const src = name === "rr_src" && element.getAttribute("src");
    if (!src || (element as HTMLIFrameElement).contentDocument) return null;
    return attributes.clean(element, tag, name, absolute(src, element.baseURI));
  }

  /** It is chosen, in a select whose value is shown. */
  function chosen(option: Element): boolean {
    const select = (option as HTMLOptionElement).selected && option.closest("select");
    return !!select && policy.input("x", select) === "x";
  }

  /** What no style sheet text of the replay says: that the browser does not apply the sheet. */
  const off = (element: Element) => {
    const { sheet, disabled } = element as HTMLLinkElement;
    return sheet ? sheet.disabled : disabled && nameOf(element) === "link";
  };

  function style(element: Element, raw: string): Value {
    // As the browser has read it: what it does not know is not in there.
    const css = (element as HTMLElement).style?.cssText;
    if (css !== undefined && speechless(css)) return css;
    const full = absoluteUrls(raw, element.baseURI);
    return attributes.clean(element, nameOf(element), "style", full);
  }

  function srcset(raw: string, base: string): string {
    return raw
      .replace(/(\s[\d.]+[wxh])\s*,\s*/g, "$1, ") // no blank is needed there
      .split(/,\s+/)
      .map((one) => one.trim().replace(/^\S+/, (url) => absolute(url, base)))
      .join(", ");
  }

  function of(element: Element, name: string): Value {
    if (LEFT_OUT.test(name)) return null;
    const tag = nameOf(element).toLowerCase();
    if (name.startsWith("rr_")) return own(element, tag, name);
    const sheet = tag === "style" || tag === "link";
    if (sheet && name === "media" && off(element)) return "not all";
    if (tag === "input" || tag === "textarea") {
      if (name === "value") return fields.value(element);
      if (name === "checked") return fields.checked(element) ? "" : null;
    }
    if (name === "selected" && tag === "option") return chosen(element) ? "" : null;
    if (name === "src" && tag === "iframe") return null;
    const raw = element.getAttribute(name);
    if (!raw) return raw;
    if (name === "style") return style(element, raw);
    let value = raw;
    if (ADDRESSES.test(name) && raw[0] !== "#") value = absolute(raw, element.baseURI);
    else if (name === "srcset" || name === "imagesrcset") value = srcset(raw, element.baseURI);
    return attributes.clean(element, tag, name, value);
  }

  return {
    of,
    extra: (element) => EXTRA[nameOf(element)] ?? NONE,
  };
}

/** The place of a blocked element: its name in style sheets, and its size. */
export function outlineOf(element: Element, className: Value): Record<string, Value> {
  const { width, height } = element.getBoundingClientRect();
  return { class: className, rr_width: `${width}px`, rr_height: `${height}px` };
}
