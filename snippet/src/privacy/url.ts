// URLs lose the values of their query, their fragment, credentials, and path segments that look
// personal. The names of query parameters stay.

const MAIL = /[^\s/@]+(@|%40)[^\s/@]+/i;

export interface Urls {
  /** A URL as it may stand in the recording. */
  clean(url: string): string;
  /** Path only, as it stands in events. */
  path(pathname: string): string;
  /** Host (if foreign) and path with ids as `:id`, for requests. */
  template(url: string): string;
  /** Host (if foreign) and path, for links and files. */
  place(url: string): string;
  firstParty(url: string): boolean;
}

export function makeUrls(personal: (text: string) => boolean): Urls {
  function segment(text: string): string {
    let plain = text;
    try {
      plain = decodeURIComponent(text);
    } catch {
      return ":bad"; // not decodable, so not comparable with what was typed
    }
    return MAIL.test(text) || personal(plain) ? "•".repeat(Math.min(8, text.length)) : text;
  }

  function path(pathname: string): string {
    return pathname.split("/").map(segment).join("/").slice(0, 512);
  }

  function query(search: string): string {
    if (search.length < 2) return "";
    const names = search
      .slice(1)
      .split("&")
      .map((pair) => (pair.includes("=") ? `${segment(pair.split("=")[0] ?? "")}=` : "•"));
    return `?${names.join("&")}`;
  }

  function clean(url: string): string {
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
      return front + path(where) + query(absolute.search);
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
    return host + path(parsed.pathname);
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
    clean,
    path,
    place,
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
