// Owns finding elements in recorded documents, and giving frames that hold none a blank page. Names of
// forms and pictures may stand there in the place of the document's own functions
// (`<img name=querySelectorAll>`).

const OWNERS = [Document.prototype, DocumentFragment.prototype, Element.prototype];

/** Return the elements in *root* that match *selector*. */
export function all<E extends Element = Element>(root: ParentNode, selector: string): E[] {
  for (const { querySelectorAll } of OWNERS) {
    try {
      return [...querySelectorAll.call(root, selector)] as E[];
    } catch {
      // *root* is of another kind
    }
  }
  return [];
}

/** Make the frames' documents in *root* that hold nothing at all what a new frame's is: a blank page. */
export function refill(root: ParentNode): void {
  for (const element of all(root, "*")) {
    if (element.shadowRoot) refill(element.shadowRoot);
    const inside = element.localName === "iframe" && (element as HTMLIFrameElement).contentDocument;
    if (!inside) continue;
    if (inside.firstChild) {
      refill(inside);
      continue;
    }
    const top = inside.createElement("html");
    top.append(inside.createElement("head"), inside.createElement("body"));
    inside.append(top);
  }
}
