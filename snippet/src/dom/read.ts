// Reading the page's tree by the browser's own getters: a form whose field is called `childNodes`
// answers with that field when it is asked itself.

function getter<T>(prototype: object, name: string): (node: Node) => T {
  const get = Object.getOwnPropertyDescriptor(prototype, name)?.get;
  return (node) => (get ? get.call(node) : (node as unknown as Record<string, T>)[name]) as T;
}

const first = getter<Node | null>(Node.prototype, "firstChild");
const next = getter<Node | null>(Node.prototype, "nextSibling");
export const above = getter<Node | null>(Node.prototype, "parentNode");
export const kind = getter<number>(Node.prototype, "nodeType");
export const documentOf = getter<Document | null>(Node.prototype, "ownerDocument");
export const shadowOf = getter<ShadowRoot | null>(Element.prototype, "shadowRoot");
export const slotOf = getter<Element | null>(Element.prototype, "assignedSlot");
/** Of a document only. */
export const viewOf = getter<Window | null>(Document.prototype, "defaultView");
export const nameOf = getter<string>(Element.prototype, "localName");

/** Add the children of *parent* to *found*; without a list that the browser has to keep. */
export function childrenOf(parent: Node, found: Node[]): Node[] {
  for (let kid = first(parent); kid; kid = next(kid)) found.push(kid);
  return found;
}
