// Where the page has changed since the last event: mutation records, and what the recorder's other
// parts know of changes that make none. They only say where to look.

import type { Guard, Stop } from "../guard";
import { isElement } from "../privacy/dom";
import { markSensitive } from "../privacy/sensitive";
import { isLeaf } from "./nodes";
import { above, kind, nameOf } from "./read";
import type { Tree } from "./tree";

/** An attribute's value when it changed first; undefined: not known. */
export type Before = string | null | undefined;

export interface Dirt {
  /** Their children may be others. */
  parents: Set<Node>;
  /** Children that came or went. */
  touched: Set<Node>;
  /** Of these: out of the page for a while, when nobody heard what changed in them. */
  parted: Set<Node>;
  texts: Set<Node>;
  attributes: Map<Element, Map<string, Before>>;
  /** The text of their sheet is another. */
  sheets: Set<Element>;
}

export interface Dirty extends Stop {
  /** Observe *root*, a document or shadow root. */
  observe(root: Node): void;
  /** Hand over what has changed, if anything, and begin anew. */
  take(): Dirt | undefined;
  /** Forget it: everything is about to be told. */
  clear(): void;
  /** The attribute *name* of *element* says something else than before. */
  mark(element: Element, name: string): void;
  /** The text of the sheet of *element* is another. */
  restyle(element: Element): void;
  /** *node* must be told anew, with all that is in it. */
  renew(node: Node): void;
  /** The children of *parent* may have changed. */
  look(parent: Node): void;
}

export interface DirtyContext {
  guard: Guard;
  tree: Tree;
  /** A snapshot is being taken: the replay may have what was between, so nothing is undone. */
  walking(): boolean;
  /** Something waits from now on. */
  begun(): void;
}

const XLINK = "http://www.w3.org/1999/xlink";
const OPTIONS: MutationObserverInit = {
  subtree: true,
  childList: true,
  characterData: true,
  attributes: true,
  attributeOldValue: true,
};

const none = (): Dirt => ({
  parents: new Set(),
  touched: new Set(),
  parted: new Set(),
  texts: new Set(),
  attributes: new Map(),
  sheets: new Set(),
});

export function makeDirty({ guard, tree, walking, begun }: DirtyContext): Dirty {
  let dirt = none();

  const observer = new MutationObserver(
    guard((records: MutationRecord[]) => {
      collect(records);
      if (waiting()) begun();
    }),
  );

  function collect(records: MutationRecord[]): void {
    const gone: Node[] = [];
    for (const record of records) {
      if (record.type === "childList") children(record, gone);
      else if (record.type === "attributes") attribute(record);
      else text(record);
    }
    for (const node of gone) if (!node.isConnected) dirt.parted.add(node);
  }

  function children({ target, addedNodes, removedNodes }: MutationRecord, gone: Node[]): void {
    if (kind(target) === 9) guard.again(target as Document);
    const there = tree.has(target);
    if (!there && !walking()) return; // while a snapshot is taken, it may still get there
    if (isElement(target) && isLeaf(target)) {
      if (there) content(target);
      return;
    }
    dirt.parents.add(target);
    for (const node of addedNodes) dirt.touched.add(node);
    for (const node of removedNodes) {
      dirt.touched.add(node);
      gone.push(node);
    }
  }

  /** What stands in *leaf* has changed. */
  function content(leaf: Element): void {
    if (nameOf(leaf) === "style") dirt.sheets.add(leaf);
    else if (nameOf(leaf) === "textarea") mark(leaf, "value");
  }

  function text({ target }: MutationRecord): void {
    const parent = above(target);
    if (parent && isElement(parent) && isLeaf(parent)) {
      if (tree.has(parent)) content(parent);
    } else if (tree.has(target)) {
      dirt.texts.add(target);
    } else if (parent && nameOf(parent) === "head" && tree.has(parent)) dirt.parents.add(parent);
  }

  function attribute({
    target,
    attributeName,
    attributeNamespace,
    oldValue,
  }: MutationRecord): void {
    const element = target as Element;
    const name =
      attributeNamespace === XLINK ? `xlink:${attributeName}` : (attributeName as string);
    // A password field that the page shows stays a password field.
    if (name === "type" && oldValue === "password") markSensitive(element);
    if (nameOf(element) === "link" && name === "rel") {
      const parent = above(element);
      if (parent) look(parent);
    }
    if (!tree.has(element)) return;
    if (name === "data-stolper") renew(element);
    else mark(element, name, walking() ? undefined : oldValue);
  }

  function mark(element: Element, name: string, before?: string | null): void {
    let known = dirt.attributes.get(element);
    if (!known) {
      known = new Map();
      dirt.attributes.set(element, known);
    }
    if (!known.has(name)) known.set(name, before);
  }

  function look(parent: Node): void {
    if (tree.has(parent)) dirt.parents.add(parent);
  }

  function renew(node: Node): void {
    const { at } = tree.known(node);
    if (!at) return;
    dirt.parents.add(at);
    dirt.touched.add(node);
    dirt.parted.add(node);
  }

  function waiting(): boolean {
    return dirt.parents.size + dirt.texts.size + dirt.attributes.size + dirt.sheets.size > 0;
  }

  return {
    observe: (root) => observer.observe(root, OPTIONS),
    take: () => {
      collect(observer.takeRecords());
      if (!waiting()) return undefined;
      const taken = dirt;
      dirt = none();
      return taken;
    },
    clear: () => {
      observer.takeRecords();
      dirt = none();
    },
    mark: (element, name) => {
      if (!tree.has(element)) return;
      mark(element, name);
      begun();
    },
    restyle: (element) => {
      if (!tree.has(element)) return;
      dirt.sheets.add(element);
      begun();
    },
    renew: (node) => {
      renew(node);
      begun();
    },
    look: (parent) => {
      look(parent);
      begun();
    },
    stop: () => observer.disconnect(),
  };
}
