// One node as the recording has it: a JSON text, open where its children follow.

import { toJson } from "../json";
import type { Privacy } from "../privacy";
import { elementOf, isShadowRoot } from "../privacy/dom";
import { above, documentOf, kind, nameOf, shadowOf } from "./read";
import type { Known, Tree } from "./tree";
import { outlineOf, type Value, type Values } from "./values";

const SVG = "http://www.w3.org/2000/svg";
/** Told without children: what is in them is in an attribute, is text that nobody read, or code. */
const LEAF =
  /^(style|textarea|iframe|noscript|noframes|noembed|xmp|plaintext|listing|script|template)$/;
const ODD = /[^a-z0-9-_:]/; // no name that `createElement` takes

const PLAIN = /^[\w:.-]+$/;

export const isLeaf = (element: Element) => LEAF.test(nameOf(element));

/** *link* brings a style sheet, now or when it has loaded. */
export function isSheetLink(link: Element): boolean {
  return /(^|\s)stylesheet(\s|$)/i.test(link.getAttribute("rel") ?? "");
}

/** *node* is in recordings at all. */
export function recordable(node: Node): boolean {
  switch (kind(node)) {
    case 1: {
      const name = nameOf(node);
      if (name === "link") return isSheetLink(node as Element);
      return name !== "script" && name !== "meta";
    }
    case 3:
    case 4: {
      const parent = above(node);
      if (parent === null || kind(parent) !== 1) return true;
      if (nameOf(parent) === "head") return /\S/.test((node as Text).data);
      return !isLeaf(parent as Element);
    }
    case 10:
      return true;
    default:
      return false; // comments, instructions
  }
}

/**
 * The nodes of one event in the order in which their texts begin. An id that follows the one before
 * is left out, which it mostly does: of all that a snapshot says ids are what compresses worst. The
 * reader puts them back (docs/wire-format.md).
 */
export interface Row {
  /** The id of the node before. */
  last: number;
}

export const row = (): Row => ({ last: Number.NaN });

export interface Nodes {
  /** The JSON of *node* under *parent*, whole for a text, open before its children otherwise. */
  json(node: Node, parent: Node | null, row: Row, how: How): string;
  /** The end of a JSON that is open. */
  end(node: Node, parent: Node | null): string;
  blocked(element: Element): boolean;
}

export interface How {
  /** The text of its style sheet. */
  css?: string | null | undefined;
  /** With its scroll position: a new element has none yet. */
  scrolled?: boolean;
}

export function makeNodes(
  { policy }: Privacy,
  tree: Tree,
  values: Values,
  sheetText: (clean: string) => string,
): Nodes {
  const blocked = (element: Element) => element.matches(policy.selectors.block);

  function place(node: Node, parent: Node | null): string {
    const owner = documentOf(node);
    const root = owner && owner !== document ? `,"rootId":${tree.known(owner).id}` : "";
    return root + (isShadowRoot(parent) ? ',"isShadow":true' : "");
  }

  function attributesOf(element: Element, { css, scrolled }: How): string {
    let out = "";
    const put = (name: string, value: Value | undefined) => {
      if (value === null || value === undefined) return;
      const key = PLAIN.test(name) ? `"${name}"` : toJson(name);
      out += `${out ? "," : ""}${key}:${toJson(value)}`;
    };
    const linked = nameOf(element) === "link" && css !== null && css !== undefined;
    const extra = values.extra(element);
    for (const name of element.getAttributeNames()) {
      if (extra.includes(name) || (linked && /^(rel|href)$/.test(name))) continue;
      put(name, values.of(element, name));
    }
    for (const name of extra) put(name, values.of(element, name));
    if (css !== null && css !== undefined) {
      put("_cssText", sheetText(css));
      if (!element.hasAttribute("media")) put("media", values.of(element, "media"));
    }
    if (scrolled) {
      if (element.scrollLeft) put("rr_scrollLeft", element.scrollLeft);
      if (element.scrollTop) put("rr_scrollTop", element.scrollTop);
    }
    return out;
  }

  /** The JSON of *element* after its id. */
  function opening(one: Element, how: How): string {
    const name = nameOf(one);
    const tag = name.toLowerCase();
    const hidden = blocked(one);
    const inner = hidden
      ? toJson(outlineOf(one, values.of(one, "class"))).slice(1, -1)
      : attributesOf(one, how);
    let out = `"type":2,"tagName":"${ODD.test(tag) ? "div" : tag}","attributes":{${inner}}`;
    if (one.namespaceURI === SVG) out += ',"isSVG":true';
    if (tag.includes("-") && customElements.get(name)) out += ',"isCustom":true';
    if (!hidden && shadowOf(one)) out += ',"isShadowHost":true';
    return `${out},"childNodes":[`;
  }

  function body(node: Node, known: Known, parent: Node | null, how: How): string {
    switch (kind(node)) {
      case 1:
        return opening(node as Element, how);
      case 3:
      case 4: {
        const { data } = node as Text; // CDATA of XHTML: an HTML page, as the replay is, has none
        known.text = data;
        const text = policy.text(data, elementOf(parent));
        return `"type":3,"textContent":${toJson(text)}${place(node, parent)}}`;
      }
      case 9: {
        const quirks = (node as Document).compatMode === "BackCompat";
        return `"type":0${quirks ? ',"compatMode":"BackCompat"' : ""},"childNodes":[`;
      }
      default: {
        const { name, publicId, systemId } = node as DocumentType;
        return `${toJson({ type: 1, name, publicId, systemId }).slice(1, -1)}${place(node, parent)}}`;
      }
    }
  }

  function json(node: Node, parent: Node | null, row: Row, how: How): string {
    const known = tree.known(node);
    const text = body(node, known, parent, how); // first: a node that fails has no place in the row
    const id = known.id === row.last + 1 ? "" : `"id":${known.id},`;
    row.last = known.id;
    return `{${id}${text}`;
  }

  return {
    json,
    end: (node, parent) => `]${place(node, parent)}}`,
    blocked,
  };
}
