// Owns telling the page around of the tree of the recorded page that is drawn now. Nodes go by the
// recording's own ids, which outlive a picture that is drawn anew.

import type { DomNode } from "./protocol";
import type { Screen } from "./screen";

const MOST_CHILDREN = 300; // of one node: more can neither be read nor drawn
const MOST_TEXT = 200; // characters of a text or an attribute
const OWN_CLASSES = /(^|\s)(rrweb-\S+|:hover)(?=\s|$)/g;
const NAMES: Record<number, string> = {
  [Node.DOCUMENT_TYPE_NODE]: "<!doctype html>",
  [Node.DOCUMENT_FRAGMENT_NODE]: "#shadow-root",
};
const KEPT = /\/stage\/[^/\s]+\/assets\/([0-9a-f]{6})[0-9a-f]*/g; // where a file kept here is fetched

export class Inspector {
  readonly #screen: () => Screen | null;

  /** *screen* returns what is drawn now. */
  constructor(screen: () => Screen | null) {
    this.#screen = screen;
  }

  /** Return the nodes that are *open*, with their children; 0 is the document. Null: nothing is drawn. */
  nodes(open: number[]): DomNode[] | null {
    const screen = this.#screen();
    const page = screen?.frame.contentDocument;
    if (!screen || !page) return null;
    const told = new Map<number, DomNode>();
    for (const id of open) {
      const node = id === 0 ? page : this.node(id);
      if (!node?.isConnected) continue;
      const children = inside(node).filter((child) => idOf(screen, child) !== 0);
      const shown = children.slice(0, MOST_CHILDREN);
      for (const child of shown) {
        const known = told.get(idOf(screen, child));
        if (!known) told.set(idOf(screen, child), describe(screen, child));
      }
      const own = told.get(id) ?? describe(screen, node);
      own.id = id;
      own.children = shown.map((child) => idOf(screen, child));
      own.more = children.length - shown.length;
      told.set(id, own);
    }
    return [...told.values()];
  }

  /** Return the node with that *id*; a negative one is a shadow root's. */
  node(id: number): Node | null {
    const found = this.#screen()?.nodeOf(Math.abs(id)) ?? null;
    return id < 0 ? ((found as Element | null)?.shadowRoot ?? null) : found;
  }

  /** Return the element with that *id*, to outline it. */
  element(id: number): Element | null {
    const found = id ? this.node(id) : null;
    if (!found?.isConnected) return null;
    return found.nodeType === Node.ELEMENT_NODE ? (found as Element) : found.parentElement;
  }
}

/** Nodes of the recording have an id; a shadow root has its host's, negative; 0: not recorded. */
function idOf(screen: Screen, node: Node): number {
  const host = (node as ShadowRoot).host;
  if (node.nodeType === Node.DOCUMENT_FRAGMENT_NODE && host) return -screen.idOf(host);
  return Math.max(0, screen.idOf(node));
}

function inside(node: Node): Node[] {
  const element = node as HTMLElement;
  const found = [...node.childNodes].filter((child) => !isEmpty(child));
  const document = node.nodeName === "IFRAME" && (element as HTMLIFrameElement).contentDocument;
  if (document) return [document];
  return element.shadowRoot ? [element.shadowRoot, ...found] : found;
}

function isEmpty(node: Node): boolean {
  return node.nodeType === Node.TEXT_NODE && !node.textContent?.trim();
}

function describe(screen: Screen, node: Node): DomNode {
  const id = idOf(screen, node);
  const children = inside(node).filter((child) => idOf(screen, child) !== 0);
  if (node.nodeType !== Node.ELEMENT_NODE) {
    const text = node.nodeType === Node.TEXT_NODE ? short(node.textContent ?? "") : "";
    const name = NAMES[node.nodeType] ?? node.nodeName;
    const kind = node.nodeType === Node.TEXT_NODE ? "text" : "other";
    return { id, kind, name, text, inside: children.length > 0 };
  }
  const element = node as Element;
  const attributes = [...element.attributes]
    .map(({ name, value }): [string, string] => [name, told(name, value)])
    .filter(([name, value]) => name !== "class" || value);
  const [only] = children;
  const text = only?.nodeType === Node.TEXT_NODE && children.length === 1 ? only.textContent : "";
  return {
    id,
    kind: "element",
    name: element.localName,
    attributes,
    text: short(text ?? ""),
    inside: children.length > 0 && !text,
  };
}

/** Return the attribute as it was recorded: without what the player added for itself. */
function told(name: string, value: string): string {
  return short(name === "class" ? value.replace(OWN_CLASSES, "") : value.replace(KEPT, "kept:$1"));
}

function short(text: string): string {
  const line = text.replace(/\s+/g, " ").trim();
  return line.length > MOST_TEXT ? `${line.slice(0, MOST_TEXT)}…` : line;
}
