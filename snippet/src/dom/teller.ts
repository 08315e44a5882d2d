// Tells whole trees: as one nested text (a document), or as a list of additions (what came later).

import type { Guard } from "../guard";
import { isElement, isShadowRoot } from "../privacy/dom";
import type { Css, Steps } from "./css";
import { finish } from "./css";
import { type How, isLeaf, type Nodes, type Row, recordable, row } from "./nodes";
import { above, childrenOf, kind, nameOf, shadowOf } from "./read";
import type { Tree } from "./tree";

export interface Teller {
  /** *node* and all below as one JSON text, laid aside now and then. */
  nested(node: Node, at: Node): Steps<string>;
  /** *node* and all below as additions of an event, before the node with the id *nextId*. */
  added(node: Node, at: Node, nextId: number | null, ids: Row): string[];
}

export interface TellerContext {
  guard: Guard;
  tree: Tree;
  nodes: Nodes;
  css: Css;
  round(): number;
  /** A root, frame or other element that needs more than its JSON has been told. */
  met(node: Node): void;
}

interface Told {
  json: string;
  /** What follows in it; null: it is whole. */
  kids: Node[] | null;
}

/** An element whose children are being told. */
interface Level {
  node: Node;
  at: Node | null;
  kids: Node[];
  nth: number;
  many: boolean;
}

const SHEET = /^(style|link)$/;
const AT_ONCE = 8; // nodes between two looks at the clock

export function makeTeller({ guard, tree, nodes, css, round, met }: TellerContext): Teller {
  const write = guard(nodes.json);

  /** The text of the sheet of *node*, if it is one that has one. */
  function* sheetOf(node: Node): Steps<string | null | undefined> {
    if (tree.has(node) || !recordable(node) || nodes.blocked(node as Element)) return undefined;
    return yield* css.sheet((node as HTMLStyleElement).sheet);
  }

  const isSheet = (node: Node) => kind(node) === 1 && SHEET.test(nameOf(node));

  /** The JSON of *node*, which the replay has from now on; undefined: it is not for it. */
  function tell(node: Node, at: Node, ids: Row, how: How): Told | undefined {
    if (tree.has(node) || !recordable(node)) return undefined;
    const json = write(node, at, ids, how);
    if (json === undefined) return undefined; // what fails is counted, and missing with what is in it
    tree.put(node, at, round());
    tree.append(node, at);
    return { json, kids: isElement(node) ? below(node) : null };
  }

  function below(element: Element): Node[] {
    if (nodes.blocked(element)) return [];
    if (nameOf(element) === "iframe" || element.hasAttribute("popover")) met(element);
    const root = shadowOf(element);
    const kids: Node[] = [];
    if (!isLeaf(element)) childrenOf(element, kids);
    if (!root) return kids;
    tree.put(root, element, round());
    tree.known(element).inner = root;
    met(root);
    return childrenOf(root, kids);
  }

  /** Where *kid*, found below *parent*, stands by now; null: elsewhere. */
  function still(kid: Node, parent: Node): Node | null {
    const at = above(kid);
    if (at === parent) return at;
    return at && isShadowRoot(at) && at.host === parent ? at : null;
  }

  function* nested(top: Node, at: Node): Steps<string> {
    let out = "";
    const levels: Level[] = [];
    let count = 0;
    const ids = row();
    if (kind(top) === 9) {
      tree.put(top, at, round());
      out = nodes.json(top, null, ids, {});
      levels.push({ node: top, at: null, kids: childrenOf(top, []), nth: 0, many: false });
    }
    for (let level = levels[0]; level; level = levels[levels.length - 1]) {
      const kid = level.kids[level.nth++];
      if (!kid) {
        out += nodes.end(level.node, level.at);
        levels.pop();
        continue;
      }
      const parent = still(kid, level.node);
      const text = isSheet(kid) ? yield* sheetOf(kid) : undefined;
      const told = parent && tell(kid, parent, ids, { css: text, scrolled: true });
      if (!told) continue;
      out += level.many ? `,${told.json}` : told.json;
      level.many = true;
      if (told.kids) levels.push({ node: kid, at: parent, kids: told.kids, nth: 0, many: false });
      if (++count % AT_ONCE === 0) yield;
    }
    return out;
  }

  function added(node: Node, at: Node, nextId: number | null, ids: Row): string[] {
    const out: string[] = [];
    const waiting: { node: Node; at: Node; nextId: number | null }[] = [{ node, at, nextId }];
    for (let one = waiting.pop(); one; one = waiting.pop()) {
      const text = isSheet(one.node) ? finish(sheetOf(one.node)) : undefined;
      const told = tell(one.node, one.at, ids, { css: text });
      if (!told) continue;
      const over = isShadowRoot(one.at) ? one.at.host : one.at;
      const json = told.kids ? told.json + nodes.end(one.node, one.at) : told.json;
      out.push(`{"parentId":${tree.known(over).id},"nextId":${one.nextId},"node":${json}}`);
      for (const kid of (told.kids ?? []).reverse()) {
        waiting.push({ node: kid, at: above(kid) as Node, nextId: null });
      }
    }
    return out;
  }

  return { nested, added };
}
