// The loader: served with the site's configuration in it. Queues calls, presses and errors, then
// fetches the recorder when the page is idle, at the latest after one second.

import type { Call, Config, Early, Stolper } from "./config";

const config = "__STOLPER_CONFIG__" as unknown as Config;
interface Types {
  createPolicy(
    name: string,
    rules: { createScriptURL(text: string): string },
  ): { createScriptURL(text: string): unknown };
}

const EARLY = 50; // more presses or errors than that before a recorder came are of no use

function refused(): boolean {
  const nav = navigator as Navigator & { globalPrivacyControl?: boolean; doNotTrack?: string };
  return nav.globalPrivacyControl === true || nav.doNotTrack === "1";
}

/** Whether a call is answered by a promise. */
function promises([call]: unknown[]): boolean {
  return /^(flush|code|url)$/.test(call as string);
}

/** What an earlier visit has stored, with consent: it is not wanted any more. */
function forget(): void {
  try {
    for (const store of [localStorage, sessionStorage]) {
      for (const name of Object.keys(store)) {
        if (`${name}.`.startsWith(`stolper.${config.key}.`)) store.removeItem(name);
      }
    }
  } catch {
    // Storage is blocked: nothing lies there.
  }
}

let policy: ReturnType<Types["createPolicy"]> | undefined; // it can be made only once

/** Where the page demands Trusted Types, the policy "stolper" makes the URLs of our files. */
function trusted(url: string): string {
  const { trustedTypes } = window as unknown as { trustedTypes?: Types };
  try {
    policy ??= trustedTypes?.createPolicy("stolper", {
      // No way round the page's policy, for `load` can be called by anybody there.
      createScriptURL: (text) => (text.startsWith(`${config.base}/`) ? text : ""),
    });
    return (policy?.createScriptURL(url) as string) ?? url;
  } catch {
    return url; // not allowed here: a default policy may take it
  }
}

function start(): void {
  // A form with the id stolper is found under that name too.
  const before = typeof window.stolper === "function" ? window.stolper : undefined;
  if (before?.config) return; // the tag stands in the page twice
  const calls: Call[] = Array.prototype.map.call(before?.q ?? [], (args) => ({
    args: Array.prototype.slice.call(args),
  })) as Call[];
  const early: Early[] = [];
  const stub = ((...args: unknown[]) => {
    if (!promises(args)) {
      calls.push({ args });
      return undefined;
    }
    return new Promise((answer) => calls.push({ args, answer }));
  }) as Stolper;
  stub.config = config;
  window.stolper = stub;
  if (refused() || config.options?.enabled === false) {
    forget();
    window.stolper = Object.assign(
      (...args: unknown[]) => (promises(args) ? Promise.resolve(false) : undefined),
      { config },
    );
    return;
  }
  stub.calls = calls;
  stub.early = early;

  const keep = (item: Early) => {
    if (early.length < EARLY) early.push(item);
  };
  const onPress = (event: PointerEvent) =>
    keep({ kind: "press", t: event.timeStamp, event, path: event.composedPath() });
  const onError = (event: ErrorEvent | PromiseRejectionEvent) =>
    keep({ kind: "error", t: performance.now(), event });
  // Left before the recorder has come: nothing but their number tells of such pages.
  const onLeave = () => {
    try {
      if (!stub.running) navigator.sendBeacon(`${config.base}/i/${config.key}/early`);
    } catch {
      return; // absent, or another script's
    }
  };
  addEventListener("pointerdown", onPress, true);
  addEventListener("error", onError);
  addEventListener("unhandledrejection", onError);
  addEventListener("pagehide", onLeave);
  stub.unhook = () => {
    removeEventListener("pointerdown", onPress, true);
    removeEventListener("error", onError);
    removeEventListener("unhandledrejection", onError);
    removeEventListener("pagehide", onLeave);
  };

  // The tag's own, which was taken. The first script's may be empty, or of an earlier answer.
  const nonce =
    document.currentScript?.nonce ||
    document.querySelector<HTMLScriptElement>("script[nonce]")?.nonce;
  const load = (path: string) => {
    const script = document.createElement("script");
    script.async = true;
    script.referrerPolicy = "no-referrer";
    if (nonce) script.nonce = nonce;
    try {
      script.src = trusted(config.base + path);
      (document.head || document.documentElement).appendChild(script);
    } catch {
      // The page's policy refuses us, and says so in its own report.
    }
  };
  stub.load = load;
  const begin = () => load(config.recorder);
  if (typeof requestIdleCallback === "function") requestIdleCallback(begin, { timeout: 1000 });
  else setTimeout(begin, 200); // Safari
}

try {
  start();
} catch {
  // A page that broke what we need is not recorded, and goes on.
}
