// What has to be told of a change: the difference between the page and what the replay has, where
// something is dirty. It does not matter in what order and how often the page got there.

import { toJson } from "../json";
import type { Privacy } from "../privacy";
import { elementOf, isShadowRoot } from "../privacy/dom";
import type { Before, Dirt } from "./dirty";
import { recordable, row } from "./nodes";
import { above, childrenOf, kind, nameOf } from "./read";
import type { Teller } from "./teller";
import type { Tree } from "./tree";
import type { Values } from "./values";

/** The data of one event, and how many changes are in it. */
export interface Change {
  json: string;
  size: number;
}

/** What of *dirt* shows in the recording; undefined: nothing. */
export type Changes = (dirt: Dirt) => Change | undefined;

export interface ChangesContext {
  privacy: Privacy;
  tree: Tree;
  values: Values;
  teller: Teller;
  /** The text of an element's sheet, as it is recorded; null: there is none. */
  cssOf(element: Element): string | null;
  nextRound(): number;
  /** A field's attribute has changed: maybe its value, too. */
  field(element: Element): void;
}

export function makeChanges(context: ChangesContext): Changes {
  const { privacy, tree, values, teller, cssOf, nextRound } = context;
  const { policy } = privacy;

  /** The children of *parent* that are recorded, in their order. */
  function live(parent: Node): Node[] {
    return childrenOf(parent, []).filter(recordable);
  }

  function same(one: Node[], other: Node[]): boolean {
    return one.length === other.length && one.every((node, i) => node === other[i]);
  }

  /**
   * A text in the place of another is a change of it: scripts that set `textContent` make a new one
   * each time.
   */
  function adopt(old: Node[], kids: Node[], { touched, texts }: Dirt): void {
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
  function removals(looked: Map<Node, Node[]>, touched: Set<Node>): string[] {
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
    const ids = row();
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
          for (const one of teller.added(kid, parent, before[i] ?? null, ids)) out.push(one);
      });
      tree.known(parent).kids = kids.filter((kid) => tree.known(kid).at === parent);
    }
    return out;
  }

  function childLists(dirt: Dirt): { removes: string[]; adds: string[] } {
    const looked = new Map<Node, Node[]>();
    for (const parent of dirt.parents) {
      // Also in what a class has blocked since it was told.
      if (!tree.has(parent) || policy.blocked(elementOf(parent))) continue;
      const kids = live(parent);
      adopt(tree.known(parent).kids, kids, dirt);
      const stays =
        same(kids, tree.known(parent).kids) && !kids.some((kid) => dirt.parted.has(kid));
      if (!stays) looked.set(parent, kids);
    }
    return { removes: removals(looked, dirt.touched), adds: additions(looked) };
  }

  function textOf(node: Node, round: number): string | undefined {
    const known = tree.known(node);
    if (!known.at || known.round === round) return undefined;
    const { data } = node as Text;
    const before = known.text;
    if (data === before) return undefined;
    known.text = data;
    const parent = elementOf(above(node));
    if (policy.blocked(parent)) return undefined;
    // Nobody hears the input events of a frame: what is typed there shows here.
    if (parent && parent.ownerDocument !== document && policy.editable(parent)) {
      policy.typed.note(parent, data);
    }
    const value = policy.text(data, parent);
    // A mask keeps the length: what was as long may look the same.
    const old = before?.length === data.length ? policy.text(before, parent) : undefined;
    return value === old ? undefined : `{"id":${known.id},"value":${toJson(value)}}`;
  }

  function attributesOf(element: Element, names: Map<string, Before>): string {
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
    const json = toJson(found);
    return json === "{}" ? "" : `{"id":${tree.known(element).id},"attributes":${json}}`;
  }

  function styled(element: Element): string {
    const css = cssOf(element);
    if (css === null) return "";
    const link = nameOf(element) === "link" && { rel: null, href: null };
    // With a new text the player makes the element anew, as it was told first.
    const found = toJson({ ...link, media: values.of(element, "media"), _cssText: css });
    return `{"id":${tree.known(element).id},"attributes":${found}}`;
  }

  return (dirt) => {
    const round = nextRound();
    const { removes, adds } = childLists(dirt);
    const fresh = (node: Node) => !tree.has(node) || tree.known(node).round === round;
    const texts = [...dirt.texts].map((node) => textOf(node, round)).filter(Boolean);
    const attributes: string[] = [];
    for (const [element, names] of dirt.attributes) {
      if (!fresh(element) && !policy.blocked(element))
        attributes.push(attributesOf(element, names));
    }
    for (const element of dirt.sheets) {
      if (!fresh(element) && !policy.blocked(element)) attributes.push(styled(element));
    }
    const said = attributes.filter(Boolean);
    const size = texts.length + said.length + removes.length + adds.length;
    if (!size) return undefined;
    return {
      size,
      json:
        `{"source":0,"texts":[${texts.join()}],"attributes":[${said.join()}],` +
        `"removes":[${removes.join()}],"adds":[${adds.join()}]}`,
    };
  };
}
