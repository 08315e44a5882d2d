// The text of style sheets as the browser has understood them, rule by rule, cleaned.

import type { Privacy } from "../privacy";
import { cleanCss } from "../privacy/css";

/** A piece of work that may be laid aside after any of its steps. */
export type Steps<T> = Generator<undefined, T, undefined>;

export function finish<T>(steps: Steps<T>): T {
  for (;;) {
    const step = steps.next();
    if (step.done) return step.value;
  }
}

// The same expression as a browser reads it: what `cleanCss` would leave as it is.
const SPEAKING = /["'[\\]|url\(|\/\*|(^|[{;])\s*--/i;
const REFERENCE = /url\(\s*(?:"((?:[^"\\]|\\.)*)"|'((?:[^'\\]|\\.)*)'|([^"')][^)]*))\s*\)/gi;
const ABSOLUTE = /^(#|[a-z][a-z0-9+.-]*:)/i;
const AT_ONCE = 16; // rules between two looks at the clock

export function absolute(url: string, base: string): string {
  const plain = url.trim();
  if (!plain || ABSOLUTE.test(plain)) return url;
  try {
    return new URL(plain, base).href;
  } catch {
    return url; // a base that is none (about:blank)
  }
}

export function absoluteUrls(css: string, base: string): string {
  if (!/url\(/i.test(css)) return css;
  return css.replace(REFERENCE, (whole: string, ...parts: (string | undefined)[]) => {
    const url = parts.slice(0, 3).find((part) => part !== undefined) ?? "";
    const full = absolute(url, base);
    return full === url ? whole : `url("${full}")`;
  });
}

/** Nothing in *css*, written by a browser, can say anything: no string, URL or custom property. */
export const speechless = (css: string) => !SPEAKING.test(css);

export interface Css {
  /** The rules of *sheet*, cleaned; null: the browser does not show them. */
  sheet(sheet: CSSStyleSheet | null | undefined): Steps<string | null>;
  /** *rule* as the page wrote it, cleaned; addresses are relative to *base*. */
  rule(rule: string, base: string): string;
  /** A rule of *sheet* as the browser writes it, cleaned. */
  written(rule: CSSRule, base: string): string;
  /** The same rules come often in one snapshot, and seldom later. */
  forget(): void;
}

export function makeCss({ policy, urls, attributes }: Privacy): Css {
  const cleaned = new Map<string, string>();
  const { preset } = policy;
  const options = {
    url: urls.clean,
    mask: preset !== "open",
    scrub: policy.typed.scrub,
    value: (name: string, value: string) => String(attributes.clean(null, "", name, value) ?? ""),
    pictures: preset !== "strict",
    attribute: false,
  };

  const clean = (css: string, base: string) => cleanCss(absoluteUrls(css, base), options);

  function written(rule: CSSRule, base: string): string {
    const { cssText } = rule;
    if (speechless(cssText)) return cssText;
    const key = base + cssText;
    let found = cleaned.get(key);
    if (found === undefined) {
      found = clean(cssText, base);
      cleaned.set(key, found);
    }
    return found;
  }

  /** An imported sheet, where its rules can be read: in place of the import. */
  function* imported(rule: CSSImportRule, base: string): Steps<string> {
    const inner = yield* sheet(rule.styleSheet);
    if (inner === null) return written(rule, base);
    let css = inner;
    if (rule.media.length) css = `@media ${rule.media.mediaText}{${css}}`;
    if (rule.layerName !== undefined && rule.layerName !== null) {
      css = `@layer ${rule.layerName}{${css}}`;
    }
    return css;
  }

  function* sheet(one: CSSStyleSheet | null | undefined): Steps<string | null> {
    const rules = rulesOf(one);
    if (!rules || !one) return null;
    const base = baseOf(one);
    let css = "";
    for (let i = 0; i < rules.length; i++) {
      const rule = rules[i] as CSSRule;
      css +=
        "styleSheet" in rule ? yield* imported(rule as CSSImportRule, base) : written(rule, base);
      if (i % AT_ONCE === AT_ONCE - 1) yield;
    }
    return css;
  }

  return { sheet, written, rule: clean, forget: () => cleaned.clear() };
}

export function rulesOf(sheet: CSSStyleSheet | null | undefined): CSSRuleList | null {
  try {
    return sheet?.cssRules ?? null;
  } catch {
    return null; // of another origin, without its consent
  }
}

/** What the addresses in *sheet* are relative to. */
export function baseOf(sheet: CSSStyleSheet): string {
  return sheet.href ?? sheet.ownerNode?.baseURI ?? document.baseURI;
}
