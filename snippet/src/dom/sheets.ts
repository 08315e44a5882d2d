// What scripts do to style sheets: rules, declarations, constructed sheets and which of them are in
// use. The browser's methods stay as they are for the page: what they return and throw.

import { all, type Guard, type Stop } from "../guard";
import { toJson } from "../json";
import { baseOf, type Css, rulesOf } from "./css";
import { hookGetter, hookSetter } from "./setter";
import type { Tree } from "./tree";

/** The root that adopts sheets: a document or a shadow root. */
export type Root = Document | ShadowRoot;

export interface Sheets {
  /** Hear of scripts in *window*. */
  hook(window: Window): Stop;
  /** Tell which sheets *root* has adopted, if that has changed. */
  adopted(root: Root): void;
  /** Tell of rules whose style has been in a script's hands and is another now. */
  look(): void;
  /** The replay knows no constructed sheet any more. */
  forget(): void;
}

export interface SheetsContext {
  guard: Guard;
  tree: Tree;
  css: Css;
  sheetText(clean: string): string;
  /** A snapshot is being taken. */
  walking(): boolean;
  emit(source: number, data: object): void;
  /** The sheet of *owner* is another, or not applied any more. */
  changed(owner: Element, name: "_cssText" | "media"): void;
  /** Something has to be looked at soon. */
  watching(): void;
}

const RULES = 8;
const DECLARATION = 13;
const ADOPTED = 15;
const WATCHED = 50; // rules; a page that holds more of them makes its styles otherwise

interface Place {
  id?: number;
  styleId?: number;
}

export function makeSheets(context: SheetsContext): Sheets {
  const { guard, tree, css, sheetText, walking, emit } = context;
  const ids = new WeakMap<CSSStyleSheet, number>();
  let sent = new WeakSet<CSSStyleSheet>();
  let uses = new WeakMap<Root, CSSStyleSheet[]>();
  let next = 1;

  function idOf(sheet: CSSStyleSheet): number {
    const id = ids.get(sheet) ?? next++;
    ids.set(sheet, id);
    return id;
  }

  /** Where the replay has *sheet*; undefined: nowhere, or it will be told whole. */
  function placeOf(sheet: CSSStyleSheet | null | undefined): Place | undefined {
    const owner = sheet?.ownerNode as Element | null | undefined;
    if (owner) {
      if (!tree.has(owner)) return undefined;
      if (!walking()) return { id: tree.known(owner).id };
      context.changed(owner, "_cssText"); // the snapshot may hold it already, or not
      return undefined;
    }
    if (!sheet || !sent.has(sheet) || walking()) return undefined;
    return { styleId: idOf(sheet) };
  }

  /** The indices that lead to *rule*. */
  function path(rule: CSSRule): number[] {
    const found: number[] = [];
    for (let at: CSSRule | null = rule; at; at = at.parentRule) {
      const rules =
        (at.parentRule as CSSGroupingRule | null)?.cssRules ?? at.parentStyleSheet?.cssRules;
      found.unshift(rules ? Array.prototype.indexOf.call(rules, at) : -1);
    }
    return found;
  }

  const clean = (rule: unknown, sheet: CSSStyleSheet) =>
    sheetText(css.rule(String(rule), baseOf(sheet)));

  /** A patch that tells what *data* makes of the call, once the browser has taken it. */
  function told(
    source: number,
    sheetOf: (self: unknown) => CSSStyleSheet | null | undefined,
    data: (sheet: CSSStyleSheet, self: unknown, args: unknown[]) => object,
  ) {
    return (self: unknown, args: unknown[]) => {
      const sheet = sheetOf(self);
      if (!sheet) return undefined;
      return (_result: unknown, error?: unknown) => {
        const place = error === undefined && placeOf(sheet);
        if (place) emit(source, { ...place, ...data(sheet, self, args) });
        const rule = (self as CSSStyleDeclaration).parentRule;
        if (rule && watched.has(rule)) watched.set(rule, rule.cssText);
      };
    };
  }

  const itself = (self: unknown) => self as CSSStyleSheet;
  const above = (self: unknown) => (self as CSSRule).parentStyleSheet;
  const ofStyle = (self: unknown) => (self as CSSStyleDeclaration).parentRule?.parentStyleSheet;
  const at = (self: unknown) => path((self as CSSStyleDeclaration).parentRule as CSSRule);
  const insert = told(RULES, itself, (sheet, _self, [rule, index]) => ({
    adds: [{ rule: clean(rule, sheet), index: Number(index ?? 0) }],
  }));
  const remove = told(RULES, itself, (_sheet, _self, [index]) => ({
    removes: [{ index: Number(index ?? 0) }],
  }));
  const insertInner = told(RULES, above, (sheet, self, [rule, index]) => ({
    adds: [{ rule: clean(rule, sheet), index: [...path(self as CSSRule), Number(index ?? 0)] }],
  }));
  const removeInner = told(RULES, above, (_sheet, self, [index]) => ({
    removes: [{ index: [...path(self as CSSRule), Number(index ?? 0)] }],
  }));

  const patches: [string, string, ReturnType<typeof told>][] = [
    ["CSSStyleSheet", "insertRule", insert],
    ["CSSStyleSheet", "deleteRule", remove],
    ["CSSStyleSheet", "removeRule", remove],
    [
      "CSSStyleSheet",
      "addRule",
      told(RULES, itself, (sheet, _self, [selector, style, index]) => ({
        adds: [
          {
            rule: clean(`${selector} { ${style ?? ""} }`, sheet),
            index: Number(index ?? (rulesOf(sheet)?.length ?? 1) - 1),
          },
        ],
      })),
    ],
    [
      "CSSStyleSheet",
      "replace",
      told(RULES, itself, (sheet, _self, [text]) => ({ replace: clean(text, sheet) })),
    ],
    [
      "CSSStyleSheet",
      "replaceSync",
      told(RULES, itself, (sheet, _self, [text]) => ({ replaceSync: clean(text, sheet) })),
    ],
    ["CSSGroupingRule", "insertRule", insertInner],
    ["CSSGroupingRule", "deleteRule", removeInner],
    ["CSSStyleRule", "insertRule", insertInner],
    ["CSSStyleRule", "deleteRule", removeInner],
    [
      "CSSStyleDeclaration",
      "setProperty",
      told(DECLARATION, ofStyle, (sheet, self, [property, value, priority]) => ({
        index: at(self),
        set: { property, value: declared(String(property), value, sheet), priority },
      })),
    ],
    [
      "CSSStyleDeclaration",
      "removeProperty",
      told(DECLARATION, ofStyle, (_sheet, self, [property]) => ({
        index: at(self),
        remove: { property },
      })),
    ],
  ];

  function declared(property: string, value: unknown, sheet: CSSStyleSheet): unknown {
    if (!value) return value ?? null;
    return css.rule(`${property}:${value}`, baseOf(sheet)).slice(property.length + 1);
  }

  /** *rule* reads otherwise than before: it is put in the place of what it was. */
  function reread(rule: CSSRule): void {
    const place = placeOf(rule.parentStyleSheet);
    const where = path(rule);
    const index = where.pop();
    const sheet = rule.parentStyleSheet;
    if (!place || !sheet || index === undefined || index < 0) return;
    const at = (nth: number) => (where.length ? [...where, nth] : nth);
    emit(RULES, {
      ...place,
      adds: [{ rule: css.written(rule, baseOf(sheet)), index: at(index) }],
      removes: [{ index: at(index + 1) }],
    });
  }

  const watched = new Map<CSSRule, string>();
  /** A script has the style of *rule* in hand: what it sets there no method tells. */
  function watch(rule: CSSRule): void {
    if (watched.has(rule) || watched.size >= WATCHED || !placeOf(rule.parentStyleSheet)) return;
    watched.set(rule, rule.cssText);
    context.watching();
  }

  function look(): void {
    for (const [rule, before] of watched) {
      const { cssText } = rule;
      if (!rule.parentStyleSheet) watched.delete(rule);
      else if (cssText !== before) {
        watched.set(rule, cssText);
        reread(rule);
      }
    }
  }

  function hook(window: Window): Stop {
    const types = window as unknown as Record<string, { prototype: object } | undefined>;
    const adopts = guard((self: unknown) => adopted(self as Root));
    const disabled = guard((self: unknown) => {
      const { ownerNode } = self as CSSStyleSheet;
      if (ownerNode) context.changed(ownerNode as Element, "media");
    });
    const selector = guard((self: unknown) => reread(self as CSSRule));
    const style = guard((self: unknown) => watch(self as CSSRule));
    return all([
      ...patches
        .filter(([type, name]) => Object.hasOwn(types[type]?.prototype ?? {}, name))
        .map(([type, name, before]) => guard.patch(types[type]?.prototype, name, before)),
      hookSetter(types.Document?.prototype, "adoptedStyleSheets", adopts),
      hookSetter(types.ShadowRoot?.prototype, "adoptedStyleSheets", adopts),
      hookSetter(types.StyleSheet?.prototype, "disabled", disabled),
      hookSetter(types.CSSStyleRule?.prototype, "selectorText", selector),
      hookGetter(types.CSSStyleRule?.prototype, "style", style),
    ]);
  }

  function adopted(root: Root): void {
    const host = "host" in root ? root.host : root;
    if (!tree.has(root) || walking()) return;
    const list = Array.from(root.adoptedStyleSheets ?? []);
    const before = uses.get(root) ?? [];
    if (list.length === before.length && list.every((sheet, i) => sheet === before[i])) return;
    uses.set(root, list);
    const styles = list
      .filter((sheet) => !sent.has(sheet))
      .map((sheet) => {
        sent.add(sheet);
        const rules = Array.from(rulesOf(sheet) ?? [], (rule, index) => ({
          rule: css.written(rule, baseOf(sheet)),
          index,
        }));
        const text = toJson(rules); // its rules together are one long text
        const held = sheetText(text);
        return { styleId: idOf(sheet), rules: held === text ? rules : held };
      });
    const data = { id: tree.known(host).id, styleIds: list.map(idOf) };
    emit(ADOPTED, styles.length ? { ...data, styles } : data);
  }

  return {
    hook,
    adopted,
    look,
    forget: () => {
      watched.clear();
      sent = new WeakSet();
      uses = new WeakMap();
    },
  };
}
