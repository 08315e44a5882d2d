// The snippet in a bundled site: puts the site's loader in, once, and types its calls. What records
// comes from the site's own Stolper server, so that its configuration and its kill switch hold.

export interface Options {
  /** The site's key, as `stolper site add` prints it. */
  key: string;
  /** Where the collector is: `https://HOST`. */
  base: string;
  /** For a page with a content security policy; else that of its first script with one is taken. */
  nonce?: string;
}

export type Traits = Record<string, unknown>;
export type Props = Record<string, string | number | boolean>;

/** The calls of docs/snippet.md. Where there is no window they do nothing. */
export interface Stolper {
  (call: "identify", id: string, traits?: Traits, signature?: string): void;
  (call: "track", name: string, props?: Props): void;
  (call: "error", error: unknown): void;
  (call: "consent", level: "full" | "cookieless" | "none"): void;
  (call: "session"): string | undefined;
  (call: "flush"): Promise<boolean>;
  (call: "code" | "url"): Promise<string | false>;
  (call: "new"): string | undefined;
  (call: "stop"): void;
}

type Call = (...args: unknown[]) => unknown;

/** `window.stolper`: nothing, the queue below or the page's own stub, or (with `config`) the loader. */
interface Global extends Call {
  q?: ArrayLike<unknown>[];
  config?: unknown;
}

interface Types {
  createPolicy(
    name: string,
    rules: { createScriptURL(url: string): string },
  ): { createScriptURL(url: string): unknown };
}

const KEPT = 100; // calls that wait for a loader; one that never comes must not cost memory

let loaded: Promise<unknown> | undefined; // of the script that init() has put in

function there(): Global | undefined {
  const found = (globalThis as { stolper?: unknown }).stolper;
  return typeof found === "function" ? (found as Global) : undefined; // a form may have that id
}

function queue(args: unknown[]): void {
  let stub = there();
  if (!stub) {
    stub = ((...later: unknown[]) => queue(later)) as Global;
    (globalThis as { stolper?: unknown }).stolper = stub;
  }
  stub.q ??= [];
  if (stub.q.length < KEPT) stub.q.push(args);
}

const PROMISES: unknown[] = ["flush", "code", "url"]; // calls that return one at all times

async function promised(args: unknown[]): Promise<unknown> {
  await loaded;
  const global = there();
  return global?.config ? global(...args) : false;
}

const call: Call = (...args) => {
  const promise = PROMISES.includes(args[0]);
  if (typeof window === "undefined") return promise ? Promise.resolve(false) : undefined;
  const global = there();
  if (global?.config) return global(...args);
  if (promise) return promised(args);
  queue(args);
  return undefined;
};

/** Make a call; before the loader is there it is kept, and made in order once it is. */
export const stolper: Stolper = call as Stolper;

/** Where the page demands Trusted Types, the policy "stolper-init" makes the loader's URL. */
function trusted(url: string): string {
  const { trustedTypes } = globalThis as { trustedTypes?: Types };
  try {
    const policy = trustedTypes?.createPolicy("stolper-init", {
      createScriptURL: (text) => (text === url ? text : ""), // no way round the page's policy
    });
    return (policy?.createScriptURL(url) as string | undefined) ?? url;
  } catch {
    return url; // not named by the page's policy: a default policy of the page may take it
  }
}

function put({ key, base, nonce }: Options): Promise<unknown> {
  const script = document.createElement("script");
  script.async = true;
  const own = nonce ?? document.querySelector<HTMLScriptElement>("script[nonce]")?.nonce;
  if (own) script.nonce = own;
  const settled = new Promise((settle) => {
    script.onload = script.onerror = settle;
  });
  script.src = trusted(`${base.replace(/\/+$/, "")}/s/${encodeURIComponent(key)}.js`);
  (document.head ?? document.documentElement).append(script);
  return settled;
}

/**
 * Put the site's loader into the page.
 *
 * Does nothing where there is no window, and nothing when it, or the script tag, is there already.
 * Never throws: what is refused or does not load is not recorded.
 */
export function init(options: Options): void {
  if (typeof window === "undefined" || loaded || there()?.config) return;
  try {
    loaded = put(options);
  } catch (error) {
    loaded = Promise.resolve(); // the site must run without us
    console.warn("stolper: not recorded:", error);
  }
}
