// URLs lose the values of their query, their fragment, credentials, path parameters, and path
// segments that look personal. The names of query parameters stay, and the values of those that
// the site lists.

const MAIL = /[^\s/@]+(@|%40)[^\s/@]+/i;

export interface Urls {
  /** The URL of a picture, a sheet, a form as it may stand in the recording. */
  clean(url: string): string;
  /** The URL of a page: tokens in its path go too. */
  link(url: string): string;
  /** The names of the parameters of a query; one without a value is a value itself. */
  keys(search: string): string[];
  /** The parameters that the site lists, with their values. */
  listed(search: string): Record<string, string>;
  /** Host (if foreign) and path with ids as `:id`, for requests. */
  template(url: string): string;
  /** Host (if foreign) and path, as it stands in events; of what has no host the scheme alone. */
  place(url: string): string;
  /** The place of a script: its own name stays, whatever mark of its content stands in it. */
  script(url: string): string;
  firstParty(url: string): boolean;
}

/** 16 characters and more that mix letters and digits, and are not words with short numbers. */
function isToken(text: string): boolean {
  if (text.length < 16 || !/\d/.test(text) || !/[a-z]/i.test(text)) return false;
  const part = /^([a-z]{1,20}|\d{1,4}|[a-z]{1,3}\d{1,3}|\d{1,3}[a-z]{1,3})$/;
  const parts = text.split(/[-_.]/);
  return parts.length < 2 || !parts.every((one) => part.test(one) || /^[a-z]+\d{1,4}$/.test(one));
}

/** A picture in a `data:` URL that shows no words: an SVG may be a chart with names in it. */
export function isPicture(url: string): boolean {
  const [, kind, packed, body = ""] = /^data:image\/([^;,]*)([^,]*),([\s\S]*)/i.exec(url) ?? [];
  if (!kind || !/xml/i.test(kind)) return kind !== undefined;
  try {
    const svg = /;base64/i.test(packed ?? "") ? atob(body) : decodeURIComponent(body);
    return !/<([\w-]+:)?(text|foreignobject)/i.test(svg);
  } catch {
    return false;
  }
}

export function makeUrls(personal: (text: string) => boolean, params: string[] = []): Urls {
  function segment(text: string): string {
    let plain = text;
    try {
      plain = decodeURIComponent(text);
    } catch {
      return ":bad"; // not decodable, so not comparable with what was typed
    }
    return MAIL.test(text) || MAIL.test(plain) || personal(plain)
      ? "•".repeat(Math.min(8, text.length))
      : text;
  }

  /** A path without its parameters (`;jsessionid=...`); *told*: tokens become `:id`. */
  function path(pathname: string, told = true): string {
    const parts = pathname.split("/").map((part) => part.split(/;|%3b/i)[0] ?? "");
    return parts
      .map((part) => (told && isToken(part) ? ":id" : segment(part)))
      .join("/")
      .slice(0, 512);
  }

  function keys(search: string): string[] {
    const pairs = search.slice(1).split("&");
    return pairs
      .filter((pair) => pair.includes("="))
      .map((pair) => name(pair))
      .filter((key) => key && !/[•:]/.test(key));
  }

  function listed(search: string): Record<string, string> {
    const pairs = search.slice(1).split("&");
    const shown = pairs.map((pair) => [name(pair), decodeURIComponent(value(pair))] as const);
    return Object.fromEntries(shown.filter(([, text]) => text));
  }

  function name(pair: string): string {
    const key = pair.split("=")[0] ?? "";
    return isToken(key) ? ":id" : segment(key);
  }

  function query(search: string): string {
    if (search.length < 2) return "";
    const names = search
      .slice(1)
      .split("&")
      .map((pair) => (pair.includes("=") ? `${name(pair)}=${value(pair)}` : "•"));
    return `?${names.join("&")}`;
  }

  /** The value of a listed parameter, unless it is personal all the same. */
  function value(pair: string): string {
    const [key = "", ...rest] = pair.split("=");
    const text = rest.join("=").replace(/\+/g, "%20");
    const fit = params.includes(key) && text.length <= 100 && segment(text) === text;
    return fit ? text : "";
  }

  function clean(url: string, told = false): string {
    const text = url.trim();
    if (!text || text === "#" || /^#[\w-]{1,64}$/.test(text)) return personal(text) ? "#" : text;
    if (text[0] === "#") return "#";
    const scheme = /^([a-z][a-z0-9+.-]*):/i.exec(text)?.[1]?.toLowerCase();
    if (scheme === "about") return text.slice(0, 32);
    if (scheme && !/^(https?|wss?|file|ftp)$/.test(scheme)) return `${scheme}:`;
    try {
      const absolute = new URL(text, document.baseURI);
      const relative = !scheme && !text.startsWith("//");
      const front = relative ? "" : `${absolute.protocol}//${absolute.host}`;
      const [before = ""] = text.split(/[?#]/);
      const where = relative && text[0] !== "/" ? before : absolute.pathname;
      return front + path(where, told) + query(absolute.search);
    } catch {
      return "";
    }
  }

  function parse(url: string): URL | undefined {
    try {
      return new URL(url, document.baseURI);
    } catch {
      return undefined;
    }
  }

  function place(url: string): string {
    const parsed = parse(url);
    if (!parsed) return "";
    if (!/^(https?|wss?|file):$/.test(parsed.protocol)) return parsed.protocol;
    const host = parsed.host === location.host ? "" : parsed.host;
    return host + path(parsed.pathname) + routeIn(parsed.hash);
  }

  function script(url: string): string {
    const [, name = ""] = /\/([^/?#]+\.[cm]?js)([?#]|$)/i.exec(url) ?? [];
    return name ? place(url).replace(/[^/]*$/, "") + segment(name) : place(url);
  }

  /** Where pages put their routes after a `#`: a path like any other, without its query. */
  function routeIn(fragment: string): string {
    const [, route = "/"] = /^#!?(\/[^?#&]*)/.exec(fragment) ?? [];
    return route === "/" ? "" : `#${path(route)}`;
  }

  function isId(text: string): boolean {
    return (
      /^\d+$/.test(text) ||
      /^[0-9a-f-]{16,}$/i.test(text) ||
      (text.length >= 8 && /\d/.test(text) && /[a-z]/i.test(text) && !/[-_.]/.test(text)) ||
      (text.length >= 20 && /\d/.test(text))
    );
  }

  return {
    clean: (url) => clean(url),
    link: (url) => clean(url, true),
    keys,
    listed,
    place,
    script,
    template: (url) =>
      place(url)
        .split("/")
        .map((part, at) => (at > 0 && isId(part) ? ":id" : part))
        .join("/"),
    firstParty: (url) => {
      const parsed = parse(url);
      return !parsed || parsed.origin === location.origin || parsed.protocol === "blob:";
    },
  };
}
