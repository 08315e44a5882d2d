// From mutation records to visible changes: what stayed the same in the end is no change. A node
// replaced by an identical one (a framework's re-render) is no change either.

import { isElement, isShadowRoot } from "../privacy/dom";

export type ChangeKind = "text" | "attribute" | "children" | "inserted";

export interface Change {
  kind: ChangeKind;
  /** The element that changed, or whose children did. */
  node: Element;
  /** Tells changes of the same sort apart: what attribute, what was inserted. */
  sort: string;
  added: Element[];
  /** Words came or went. */
  worded: boolean;
}

const UNSEEN = new Set("script style link meta title template noscript base".split(" "));
// Written by the recorder itself, or without any look.
const SILENT_ATTRIBUTES = new Set(["data-rr-is-password", "nonce"]);
const MARKUP = 200_000; // characters; beyond that a comparison costs more than it tells

export function changesOf(records: MutationRecord[]): Change[] {
  const attributes = new Map<Element, Map<string, string | null>>();
  const texts = new Map<Node, string | null>();
  const lists = new Map<Node, MutationRecord[]>();
  for (const record of records) {
    const { target } = record;
    if (record.type === "attributes") {
      const element = target as Element;
      const known = attributes.get(element) ?? new Map<string, string | null>();
      const name = record.attributeName ?? "";
      if (!known.has(name)) known.set(name, record.oldValue);
      attributes.set(element, known);
    } else if (record.type === "characterData") {
      if (!texts.has(target)) texts.set(target, record.oldValue);
    } else {
      const known = lists.get(target);
      if (known) known.push(record);
      else lists.set(target, [record]);
    }
  }
  const changes: Change[] = [];
  for (const [node, before] of attributes) {
    if (!node.isConnected || UNSEEN.has(node.localName)) continue;
    for (const [name, old] of before) {
      const value = node.getAttribute(name);
      if (SILENT_ATTRIBUTES.has(name) || value === old) continue;
      if (/^(class|style)$/.test(name) && (value ?? "") === (old ?? "")) continue;
      changes.push({ kind: "attribute", node, sort: `@${name}`, added: [], worded: false });
    }
  }
  for (const [text, old] of texts) {
    const node = hostOf(text.parentNode);
    if (!node?.isConnected || UNSEEN.has(node.localName)) continue;
    if (text.nodeType !== 3 || (text as Text).data === old) continue;
    changes.push({ kind: "text", node, sort: "text", added: [], worded: true });
  }
  for (const [parent, own] of lists) {
    const change = childChange(parent, own);
    if (change) changes.push(change);
  }
  return changes;
}

function hostOf(node: Node | null): Element | null {
  if (isElement(node)) return node;
  return isShadowRoot(node) ? node.host : null;
}

function seen(node: Node): boolean {
  if (isElement(node)) return !UNSEEN.has(node.localName);
  return node.nodeType === 3 && /\S/.test((node as Text).data);
}

function childChange(parent: Node, records: MutationRecord[]): Change | undefined {
  const node = hostOf(parent);
  if (!node?.isConnected || node.localName === "head") return undefined;
  const added = new Set<Node>();
  const removed = new Set<Node>();
  for (const record of records) {
    for (const one of record.addedNodes) if (seen(one)) added.add(one);
    for (const one of record.removedNodes) if (seen(one)) removed.add(one);
  }
  const there = (one: Node) => one.parentNode === parent;
  const came = [...added].filter((one) => there(one) && !removed.has(one));
  const went = [...removed].filter((one) => !there(one) && !added.has(one));
  const stayed = [...added].filter((one) => there(one) && removed.has(one));
  if (!came.length && !went.length && !(stayed.length && reordered(records))) return undefined;
  if (came.length && went.length && markup(came) === markup(went)) return undefined;
  const elements = came.filter(isElement);
  const first = elements[0];
  return {
    kind: first ? "inserted" : "children",
    node,
    sort: first ? `+${first.localName}.${first.classList[0] ?? ""}` : "text",
    added: elements,
    worded: [...came, ...went].some((one) => /[\p{L}\p{N}]/u.test(one.textContent ?? "")),
  };
}

/** A node that was taken out came back between other neighbours. */
function reordered(records: MutationRecord[]): boolean {
  const before = new Map<Node, MutationRecord>();
  for (const record of records) {
    for (const node of record.removedNodes) if (!before.has(node)) before.set(node, record);
    for (const node of record.addedNodes) {
      const old = before.get(node);
      if (!old) continue;
      if (old.previousSibling !== record.previousSibling) return true;
      if (old.nextSibling !== record.nextSibling) return true;
    }
  }
  return false;
}

// Ids that a framework counts up at every rendering.
const COUNTED = /\s(id|for|name|aria-(?:labelledby|describedby|controls|owns))="[^"]*\d[^"]*"/g;

export function markup(nodes: Node[]): string {
  let text = "";
  for (const node of nodes) {
    text += isElement(node) ? node.outerHTML : ((node as Text).data ?? "");
    if (text.length > MARKUP) return `${Math.random()}`; // too large to compare: a change
  }
  return text.replace(COUNTED, "").replace(/ (class|style)=""/g, "");
}

/** What was inserted can be seen: it, or something in it, has a size. */
export function visible(elements: Element[]): boolean {
  return elements.some((element) => {
    if (hasSize(element)) return true;
    const inner = element.querySelectorAll("*");
    for (let i = 0; i < Math.min(inner.length, 30); i++) {
      if (hasSize(inner[i] as Element)) return true;
    }
    return false;
  });
}

function hasSize(element: Element): boolean {
  const { width, height } = element.getBoundingClientRect();
  return width * height >= 4 && getComputedStyle(element).visibility !== "hidden";
}
