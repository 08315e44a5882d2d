// Owns the inspector: the tree of the recorded page as it is at the shown moment. The stage, which has
// the page, tells of the nodes that are open here.

import { fill, type Texts } from "./model";
import { make } from "./page";
import type { DomNode, ToStage } from "./protocol";

const PLAYING_MS = 500; // between two looks while it plays
const OPEN_AT_FIRST = ["html", "body", "main"];

export class DomTree {
  readonly #root: HTMLElement;
  readonly #none: HTMLElement;
  readonly #texts: Texts;
  readonly #tell: (message: ToStage) => void;
  readonly #open = new Set<number>([0]);
  readonly #seen = new Set<number>(); // opened by themselves once
  #on = false;
  #turn = 0;
  #asked = 0;
  #timer = 0;
  #drawn = "";

  constructor(
    root: HTMLElement,
    none: HTMLElement,
    texts: Texts,
    tell: (message: ToStage) => void,
  ) {
    this.#root = root;
    this.#none = none;
    this.#texts = texts;
    this.#tell = tell;
    root.addEventListener("pointerover", (event) => this.#light(event.target));
    root.addEventListener("focusin", (event) => this.#light(event.target));
    root.addEventListener("pointerleave", () => this.#light(null));
    root.addEventListener("focusout", () => this.#light(null));
  }

  /** Begin or end looking. */
  set(on: boolean): void {
    if (on === this.#on) return;
    this.#on = on;
    this.#drawn = "";
    clearTimeout(this.#timer);
    if (on) this.#ask();
    else this.#light(null);
  }

  /** The picture may have changed. */
  moved(playing: boolean): void {
    if (!this.#on) return;
    const wait = playing ? PLAYING_MS - (performance.now() - this.#asked) : 0;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#ask(), Math.max(0, wait));
  }

  /** Take what the stage told of the question *turn*. */
  take(turn: number, nodes: DomNode[] | null): void {
    if (!this.#on || turn !== this.#turn) return;
    this.#none.hidden = nodes !== null;
    this.#none.textContent = nodes ? "" : (this.#texts.dom_none ?? "");
    const found = new Map((nodes ?? []).map((node) => [node.id, node]));
    if (this.#openMore(nodes ?? [])) {
      this.#ask();
      return;
    }
    const now = JSON.stringify(nodes);
    if (now === this.#drawn) return;
    this.#drawn = now;
    this.#draw(found);
  }

  /** Open what one wants to see first; return whether something was opened. */
  #openMore(nodes: DomNode[]): boolean {
    const fresh = nodes.filter(
      ({ id, name }) => OPEN_AT_FIRST.includes(name) && !this.#seen.has(id),
    );
    for (const { id } of fresh) {
      this.#seen.add(id);
      this.#open.add(id);
    }
    return fresh.length > 0;
  }

  #ask(): void {
    this.#asked = performance.now();
    this.#tell({ type: "dom", ask: { turn: ++this.#turn, open: [...this.#open] } });
  }

  #light(target: EventTarget | null): void {
    const row = target instanceof Element ? target.closest<HTMLElement>("[data-node]") : null;
    this.#tell({ type: "light", node: Number(row?.dataset.node ?? 0) });
  }

  #draw(nodes: Map<number, DomNode>): void {
    const focused = document.activeElement?.closest<HTMLElement>("[data-node]")?.dataset.node;
    const top = nodes.get(0);
    this.#root.replaceChildren(...(top ? [this.#children(top, nodes)] : []));
    const again = focused && this.#root.querySelector(`[data-node="${focused}"] button`);
    if (again instanceof HTMLElement) again.focus({ preventScroll: true });
  }

  #children(parent: DomNode, nodes: Map<number, DomNode>): HTMLUListElement {
    const list = make("ul");
    for (const id of parent.children ?? []) {
      const node = nodes.get(id);
      if (node) list.append(this.#item(node, nodes));
    }
    if (parent.more) {
      list.append(make("li", "dom-more", fill(this.#texts.dom_more, { number: parent.more })));
    }
    return list;
  }

  #item(node: DomNode, nodes: Map<number, DomNode>): HTMLLIElement {
    const item = make("li");
    const row = make("div", `dom-row dom-${node.kind}`);
    row.dataset.node = String(node.id);
    const open = this.#open.has(node.id);
    if (node.inside) {
      const button = make("button", "dom-toggle");
      button.type = "button";
      button.setAttribute("aria-expanded", String(open));
      button.setAttribute("aria-label", fill(this.#texts.dom_open, { name: node.name }));
      button.addEventListener("click", () => this.#toggle(node.id));
      row.append(button);
    }
    row.append(...words(node));
    item.append(row);
    if (node.inside && open) item.append(this.#children(node, nodes));
    return item;
  }

  #toggle(id: number): void {
    if (!this.#open.delete(id)) this.#open.add(id);
    this.#ask();
  }
}

/** Return *node* as it is written in markup. */
function words(node: DomNode): Node[] {
  if (node.kind !== "element") return [make("span", "dom-text", node.text || node.name)];
  const parts: Node[] = [make("span", "dom-tag", `<${node.name}`)];
  for (const [name, value] of node.attributes ?? []) {
    parts.push(document.createTextNode(" "), make("span", "dom-attribute", name));
    if (value) parts.push(document.createTextNode("="), make("span", "dom-value", `"${value}"`));
  }
  parts.push(make("span", "dom-tag", ">"));
  if (node.text) parts.push(make("span", "dom-text", node.text));
  return parts;
}
