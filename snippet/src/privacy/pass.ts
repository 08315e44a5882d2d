// The pass over every event of @rrweb/record, before it is queued: nothing that it does not know goes
// through. rrweb's own options leave about 25 classes of attributes, URLs and CSS open. Only for
// record-rrweb.ts: our own recorder (dom/) masks where it reads.

import type { eventWithTime, IncrementalSource, attributes as RrAttributes } from "@rrweb/types";
import { toJson } from "../json";
import type { Attributes, Value } from "./attributes";
import { cleanCss } from "./css";
import { elementOf, isElement } from "./dom";
import type { Policy } from "./policy";
import { isSensitive } from "./sensitive";
import type { Urls } from "./url";

// The numbers are rrweb's wire format; its enums would drag the whole types package in.
const FULL_SNAPSHOT = 2;
const INCREMENTAL = 3;
const META = 4;
const DOCUMENT = 0;
const ELEMENT = 2;
const TEXT = 3;

type Loose = Record<string, unknown>;

interface Tree {
  type: number;
  id: number;
  tagName?: string;
  attributes?: RrAttributes;
  textContent?: string;
  childNodes?: Tree[];
}

/** Clean *event* in place. False: it must not be recorded. */
export type Pass = (event: eventWithTime) => boolean;

export interface PassContext {
  policy: Policy;
  attributes: Attributes;
  urls: Urls;
  nodeOf(id: number): Node | null;
  /** What stands for a whole cleaned sheet in the event (assets/sheets.ts). */
  sheetText(clean: string): string;
}

export function makePass({ policy, attributes, urls, nodeOf, sheetText }: PassContext): Pass {
  const sheetCache = new Map<string, string>(); // the same sheets come with every snapshot
  const hiddenSheets = new Set<number>(); // adopted in blocked frames only

  function liveElement(id: number): Element | null {
    const node = nodeOf(id);
    return elementOf(node);
  }

  function sheet(css: string): string {
    // Under `open` what is typed later has to go from the same sheet.
    const key = css.length > 200 && policy.preset !== "open" ? css : "";
    const known = key ? sheetCache.get(key) : undefined;
    if (known !== undefined) return known;
    const clean = cleanCss(css, {
      url: urls.clean,
      mask: policy.preset !== "open",
      scrub: policy.typed.scrub,
      value: (name, value) => String(attributes.clean(null, "", name, value) ?? ""),
      pictures: policy.preset !== "strict",
      attribute: false,
    });
    if (sheetCache.size > 40) sheetCache.clear();
    if (key) sheetCache.set(key, clean);
    return clean;
  }

  function attribute(element: Element | null, tag: string, name: string, value: Value): Value {
    if (name === "_cssText" && typeof value === "string") return sheetText(sheet(value));
    return attributes.clean(element, tag, name, value);
  }

  function text(value: string, parent: Element | null, tag: string): string {
    if (tag === "style") return sheetText(sheet(value));
    if (tag === "textarea") return parent ? policy.input(value, parent) : "";
    return policy.text(value, parent);
  }

  /** *parent* is the live element above, *tag* its name. */
  function tree(node: Tree, parent: Element | null, tag: string): void {
    if (node.type === TEXT) {
      if (node.textContent) node.textContent = text(node.textContent, parent, tag);
      return;
    }
    if (node.type !== ELEMENT && node.type !== DOCUMENT) {
      if (node.textContent) node.textContent = ""; // comments, CDATA
    }
    let element = parent;
    let name = tag;
    if (node.type === ELEMENT) {
      const live = nodeOf(node.id);
      element = isElement(live) ? live : null;
      name = (node.tagName ?? "").toLowerCase();
      const own = (node.attributes ?? {}) as Record<string, Value>;
      for (const [key, value] of Object.entries(own))
        own[key] = attribute(element, name, key, value);
    }
    if (node.type === ELEMENT && element?.matches(policy.selectors.block)) node.childNodes = [];
    for (const child of node.childNodes ?? []) tree(child, element, name);
  }

  /** In a blocked area, also one that was blocked later or holds a frame. */
  function blocked(id: unknown): boolean {
    if (typeof id !== "number") return false;
    const node = nodeOf(id);
    const frame = node?.nodeType === 9 ? (node as Document).defaultView?.frameElement : undefined;
    return policy.blocked(frame ?? elementOf(node));
  }

  function dropBlocked(data: Loose): boolean {
    for (const [kind, id] of [
      ["texts", "id"],
      ["attributes", "id"],
      ["adds", "parentId"],
    ] as const) {
      const list = data[kind] as Loose[] | undefined;
      if (list) data[kind] = list.filter((one) => !blocked(one[id]));
    }
    const left = (kind: string) => ((data[kind] ?? []) as unknown[]).length > 0;
    return left("texts") || left("attributes") || left("adds") || left("removes");
  }

  function style(element: Element | null, name: string, value: unknown): unknown {
    if (Array.isArray(value)) return [style(element, name, value[0]), value[1]];
    if (typeof value !== "string") return value;
    const cleaned = attributes.clean(element, "", "style", `${name}:${value}`) as string;
    return cleaned.slice(name.length + 1);
  }

  function attributeMutation(change: { id: number; attributes: Loose }): void {
    const element = liveElement(change.id);
    const tag = element?.localName ?? "";
    for (const [key, value] of Object.entries(change.attributes)) {
      if (value !== null && typeof value === "object") {
        const styles = value as Loose; // rrweb's diff of a style attribute
        for (const name of Object.keys(styles)) styles[name] = style(element, name, styles[name]);
      } else {
        change.attributes[key] = attribute(element, tag, key, value as Value);
      }
    }
  }

  function mutation(data: Loose): void {
    for (const one of (data.texts ?? []) as { id: number; value: string | null }[]) {
      const node = nodeOf(one.id);
      const parent = node ? elementOf(node.parentNode) : null;
      // Nobody hears the input events of a frame: what is typed there shows here.
      if (one.value && parent && parent.ownerDocument !== document && policy.editable(parent)) {
        policy.typed.note(parent, one.value);
      }
      if (one.value) one.value = text(one.value, parent, parent?.localName ?? "");
    }
    for (const one of (data.attributes ?? []) as { id: number; attributes: Loose }[]) {
      attributeMutation(one);
    }
    for (const one of (data.adds ?? []) as { parentId: number; node: Tree }[]) {
      const parent = liveElement(one.parentId);
      tree(one.node, parent, parent?.localName ?? "");
    }
  }

  function input(data: Loose): void {
    const field = liveElement(data.id as number);
    const value = String(data.text ?? "");
    const button =
      field?.localName === "input" &&
      /^(submit|button|reset)$/.test((field as HTMLInputElement).type);
    if (!field) data.text = "";
    else if (button) data.text = attributes.clean(field, "input", "value", value);
    else data.text = policy.input(value, field);
    if (field && isSensitive(field)) data.isChecked = false;
  }

  function rules(data: Loose): void {
    for (const one of (data.adds ?? []) as Loose[]) {
      if (typeof one.rule === "string") one.rule = sheetText(sheet(one.rule));
    }
    for (const name of ["replace", "replaceSync"]) {
      if (typeof data[name] === "string") data[name] = sheetText(sheet(data[name] as string));
    }
  }

  function declaration(data: Loose): void {
    const set = data.set as { property: string; value: string | null } | undefined;
    if (!set?.value) return;
    const cleaned = sheet(`${set.property}:${set.value}`);
    set.value = cleaned.slice(set.property.length + 1);
  }

  function incremental(data: Loose): boolean {
    const source = data.source as IncrementalSource;
    if (source === 0) {
      if (!dropBlocked(data)) return false;
      mutation(data);
      return true;
    }
    const sheets = (data.styleIds ??
      (data.styleId === undefined ? [] : [data.styleId])) as number[];
    if (blocked(data.id)) {
      for (const id of sheets) hiddenSheets.add(id);
      return false;
    }
    if ((source as number) !== 15 && sheets.some((id) => hiddenSheets.has(id))) return false;
    switch (source) {
      case 5:
        input(data);
        return true;
      case 8:
        rules(data);
        return true;
      case 13:
        declaration(data);
        return true;
      case 15:
        for (const one of (data.styles ?? []) as { rules: Loose[] | string }[]) {
          for (const rule of one.rules as Loose[])
            if (typeof rule.rule === "string") rule.rule = sheet(rule.rule);
          const text = toJson(one.rules); // its rules together are one long text
          const held = sheetText(text);
          if (held !== text) one.rules = held;
        }
        return true;
      case 1: // mouse move
      case 2: // mouse interaction
      case 3: // scroll
      case 4: // viewport
      case 6: // touch move
      case 7: // media
      case 12: // drag
      case 14: // selection: node ids and offsets
      case 16: // custom element: its name
        return true;
      default: // canvas, fonts, logs and what later versions may add
        return false;
    }
  }

  return (event) => {
    const data = event.data as Loose;
    const type = event.type as number;
    if (type === META) {
      data.href = urls.link(String(data.href ?? ""));
      return true;
    }
    if (type === FULL_SNAPSHOT) {
      tree(data.node as Tree, null, "");
      return true;
    }
    if (type === INCREMENTAL) return incremental(data);
    return type < 2; // the document's own load events; no custom, plugin or asset events
  };
}
