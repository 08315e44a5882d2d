// Owns finding elements in recorded documents, in which names of forms and pictures may stand in the
// place of the document's own functions (`<img name=querySelectorAll>`).

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
