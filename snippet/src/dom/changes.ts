// Which nodes have changed, and what has to be told of them. Mutation records only say where to
// look: told is the difference between the page and what the replay has.

import type { Guard, Stop } from "../guard";
import type { Privacy } from "../privacy";
import { elementOf, isElement, isShadowRoot } from "../privacy/dom";
import { markSensitive } from "../privacy/sensitive";
import { isLeaf, recordable } from "./nodes";
import { above, childrenOf, kind, nameOf } from "./read";
import type { Teller } from "./teller";
import type { Tree } from "./tree";
import type { Values } from "./values";

export interface Changes extends Stop {
  /** Observe *root*, a document or shadow root. */
  observe(root: Node): void;
  /** Something waits to be told. */
  waiting(): boolean;
  /** Forget what waits: everything is about to be told. */
  clear(): void;
  /** What has changed since, as the data of one event; empty: nothing that shows. */
  take(): { json: string; size: number } | undefined;
  /** The attribute *name* of *element* says something else than before. */
  mark(element: Element, name: string): void;
  /** The text of the sheet of *element* is another. */
  restyle(element: Element): void;
  /** *node* must be told anew, with all that is in it. */
  renew(node: Node): void;
  /** The children of *parent* may have changed. */
  look(parent: Node): void;
}

export interface ChangesContext {
  guard: Guard;
  privacy: Privacy;
  tree: Tree;
  values: Values;
  teller: Teller;
  /** The text of an element's sheet, as it is recorded; null: there is none. */
  cssOf(element: Element): string | null;
  nextRound(): number;
  /** No change may be left out because it was undone: the replay may have what was between. */
  strict(): boolean;
  /** Something waits from now on. */
  begun(): void;
  field(element: Element): void;
  blocked(element: Element): boolean;
}

const XLINK = "http://www.w3.org/1999/xlink";
const OPTIONS: MutationObserverInit = {
  subtree: true,
  childList: true,
  characterData: true,
  attributes: true,
  attributeOldValue: true,
};

export function makeChanges(context: ChangesContext): Changes {
  const { guard, privacy, tree, values, teller, cssOf, nextRound, strict, begun } = context;
  const { policy } = privacy;
  let parents = new Set<Node>();
  let touched = new Set<Node>(); // children that came or went
  let parted = new Set<Node>(); // of these: out of the page for a while, unobserved
  let texts = new Set<Node>();
  let attributes = new Map<Element, Map<string, string | null | undefined>>();
  let sheets = new Set<Element>();

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
    for (const node of gone) if (!node.isConnected) parted.add(node);
  }

  function children({ target, addedNodes, removedNodes }: MutationRecord, gone: Node[]): void {
    const there = tree.has(target);
    if (!there && !strict()) return; // while a snapshot is taken, it may still get there
    if (isElement(target) && isLeaf(target)) {
      if (there) content(target);
      return;
    }
    parents.add(target);
    for (const node of addedNodes) touched.add(node);
    for (const node of removedNodes) {
      touched.add(node);
      gone.push(node);
    }
  }

  /** What stands in *leaf* has changed. */
  function content(leaf: Element): void {
    if (nameOf(leaf) === "style") sheets.add(leaf);
    else if (nameOf(leaf) === "textarea") mark(leaf, "value");
  }

  function text({ target }: MutationRecord): void {
    const parent = above(target);
    if (parent && isElement(parent) && isLeaf(parent)) {
      if (tree.has(parent)) content(parent);
    } else if (tree.has(target)) {
      texts.add(target);
    } else if (parent && nameOf(parent) === "head" && tree.has(parent)) parents.add(parent);
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
    else mark(element, name, strict() ? undefined : oldValue);
  }

  function mark(element: Element, name: string, before?: string | null): void {
    let known = attributes.get(element);
    if (!known) {
      known = new Map();
      attributes.set(element, known);
    }
    if (!known.has(name)) known.set(name, before);
  }

  function look(parent: Node): void {
    if (tree.has(parent)) parents.add(parent);
  }

  function renew(node: Node): void {
    const { at } = tree.known(node);
    if (!at) return;
    parents.add(at);
    touched.add(node);
    parted.add(node);
  }

  function waiting(): boolean {
    return parents.size + texts.size + attributes.size + sheets.size > 0;
  }

  /** The children of *parent* that are recorded, in their order. */
  function live(parent: Node): Node[] {
    const kids: Node[] = [];
    for (const kid of childrenOf(parent)) if (recordable(kid)) kids.push(kid);
    return kids;
  }

  function same(one: Node[], other: Node[]): boolean {
    return one.length === other.length && one.every((node, i) => node === other[i]);
  }

  /**
   * A text in the place of another is a change of it: scripts that set `textContent` make a new one
   * each time.
   */
  function adopt(old: Node[], kids: Node[]): void {
    const other = (one: Node, i: number) => one !== kids[i];
    const fits = (one: Node, i: number) => {
      const kid = kids[i] as Node;
      return one === kid || (kind(one) === 3 && kind(kid) === 3 && !tree.has(kid) && !above(one));
    };
    if (old.length !== kids.length || !old.some(other) || !old.every(fits)) return;
    old.forEach((one, i) => {
      const kid = kids[i] as Node;
      if (one === kid) return;
      tree.adopt(one, kid);
      old[i] = kid;
      touched.delete(kid);
      texts.delete(one);
      texts.add(kid);
    });
  }

  /** Tell of children that went, or have to go for a moment because they moved. */
  function removals(looked: Map<Node, Node[]>): string[] {
    const out: string[] = [];
    for (const [parent, kids] of looked) {
      const one = tree.known(parent);
      const still = new Set(kids);
      const host = isShadowRoot(parent) ? parent.host : parent;
      const shadow = host === parent ? "" : ',"isShadow":true';
      one.kids = one.kids.filter((kid) => {
        if (still.has(kid) && !touched.has(kid)) return true;
        tree.drop(kid);
        out.push(`{"parentId":${tree.known(host).id},"id":${tree.known(kid).id}${shadow}}`);
        return false;
      });
    }
    return out;
  }

  function additions(looked: Map<Node, Node[]>): string[] {
    const out: string[] = [];
    for (const [parent, kids] of looked) {
      if (!tree.has(parent)) continue; // went with what it stood in, or comes with it
      const before: (number | null)[] = [];
      let next: number | null = null;
      for (let i = kids.length - 1; i >= 0; i--) {
        const kid = kids[i] as Node;
        before[i] = next;
        if (tree.has(kid)) next = tree.known(kid).id;
      }
      kids.forEach((kid, i) => {
        if (!tree.has(kid))
          for (const one of teller.added(kid, parent, before[i] ?? null)) out.push(one);
      });
      tree.known(parent).kids = kids.filter((kid) => tree.known(kid).at === parent);
    }
    return out;
  }

  function childLists(): { removes: string[]; adds: string[] } {
    const looked = new Map<Node, Node[]>();
    for (const parent of parents) {
      if (!tree.has(parent) || (isElement(parent) && context.blocked(parent))) continue;
      const kids = live(parent);
      adopt(tree.known(parent).kids, kids);
      const stays = same(kids, tree.known(parent).kids) && !kids.some((kid) => parted.has(kid));
      if (!stays) looked.set(parent, kids);
    }
    return { removes: removals(looked), adds: additions(looked) };
  }

  function textOf(node: Node, round: number): string | undefined {
    const known = tree.known(node);
    if (!known.at || known.round === round) return undefined;
    const { data } = node as Text;
    const before = known.text;
    if (data === before) return undefined;
    known.text = data;
    const parent = elementOf(above(node));
    // Nobody hears the input events of a frame: what is typed there shows here.
    if (parent && parent.ownerDocument !== document && policy.editable(parent)) {
      policy.typed.note(parent, data);
    }
    const value = policy.text(data, parent);
    // A mask keeps the length: what was as long may look the same.
    const old = before?.length === data.length ? policy.text(before, parent) : undefined;
    return value === old ? undefined : `{"id":${known.id},"value":${JSON.stringify(value)}}`;
  }

  function attributesOf(element: Element, names: Map<string, string | null | undefined>): string {
    const found: Record<string, unknown> = {};
    const tag = nameOf(element);
    for (const [name, before] of names) {
      if (before !== undefined && element.getAttribute(name) === before) continue;
      if (tag === "link" && /^(rel|href)$/.test(name) && (element as HTMLLinkElement).sheet)
        continue;
      if (name === "rr_popover") {
        found[name] = element.matches(":popover-open") ? "open" : null;
        continue;
      }
      const value = values.of(element, name);
      if (value === null && before === null) continue;
      found[name] = value === true ? "" : value;
      if (name === "open" && tag === "dialog")
        found.rr_open_mode = values.of(element, "rr_open_mode");
      if (/^(value|checked|type)$/.test(name)) context.field(element);
      if (name === "disabled" && tag === "link") found.media = values.of(element, "media");
      if (name === "src" && tag === "iframe") found.rr_src = values.of(element, "rr_src");
    }
    if (tag === "input" && "type" in found) found.value = values.of(element, "value");
    const json = JSON.stringify(found);
    return json === "{}" ? "" : `{"id":${tree.known(element).id},"attributes":${json}}`;
  }

  function styled(element: Element): string {
    const css = cssOf(element);
    if (css === null) return "";
    const media = nameOf(element) === "link" ? { rel: null, href: null } : {};
    const found = JSON.stringify({ ...media, _cssText: css });
    return `{"id":${tree.known(element).id},"attributes":${found}}`;
  }

  function clear(): void {
    observer.takeRecords();
    parents = new Set();
    touched = new Set();
    parted = new Set();
    texts = new Set();
    attributes = new Map();
    sheets = new Set();
  }

  function take(): { json: string; size: number } | undefined {
    collect(observer.takeRecords());
    if (!waiting()) return undefined;
    const round = nextRound();
    const lists = childLists();
    const fresh = (node: Node) => !tree.has(node) || tree.known(node).round === round;
    const written: string[] = [];
    for (const node of texts) {
      const one = textOf(node, round);
      if (one) written.push(one);
    }
    const marked: string[] = [];
    for (const [element, names] of attributes) {
      const one = fresh(element) || context.blocked(element) ? "" : attributesOf(element, names);
      if (one) marked.push(one);
    }
    for (const element of sheets) {
      const one = fresh(element) ? "" : styled(element);
      if (one) marked.push(one);
    }
    clear();
    const size = written.length + marked.length + lists.removes.length + lists.adds.length;
    if (!size) return undefined;
    return {
      size,
      json:
        `{"source":0,"texts":[${written.join()}],"attributes":[${marked.join()}],` +
        `"removes":[${lists.removes.join()}],"adds":[${lists.adds.join()}]}`,
    };
  }

  return {
    observe: (root) => observer.observe(root, OPTIONS),
    waiting: () => {
      collect(observer.takeRecords());
      return waiting();
    },
    clear,
    take,
    mark: (element, name) => {
      if (!tree.has(element)) return;
      mark(element, name);
      begun();
    },
    restyle: (element) => {
      if (!tree.has(element)) return;
      sheets.add(element);
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
