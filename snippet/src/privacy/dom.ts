// Walking up the page across shadow roots. No instanceof: nodes of frames are of another realm. By
// the browser's own getters: a form's field called `parentNode` would lead round in circles, one
// called `nodeType` past everything that masks the form.

import { above, kind, slotOf, viewOf } from "../dom/read";

export function isElement(node: Node | EventTarget | null | undefined): node is Element {
  try {
    return !!node && kind(node as Node) === 1;
  } catch {
    return false; // no node: a window
  }
}

export function isShadowRoot(node: Node | null): node is ShadowRoot {
  return node?.nodeType === 11 && "host" in node;
}

export function parentOf(node: Node): Element | null {
  const slot = isElement(node) ? slotOf(node) : (node as Text).assignedSlot;
  if (slot) return slot;
  const parent = above(node);
  if (isShadowRoot(parent)) return parent.host;
  return isElement(parent) ? parent : null;
}

export function elementOf(node: Node | null): Element | null {
  if (!node) return null;
  if (isElement(node)) return node;
  return isShadowRoot(node) ? node.host : parentOf(node);
}

/** What has the focus, in a shadow root or frame too. */
export function focused(): Element | null {
  let at = document.activeElement;
  for (;;) {
    const inner = at?.shadowRoot ?? (at as HTMLIFrameElement | null)?.contentDocument;
    if (!inner?.activeElement) return at;
    at = inner.activeElement;
  }
}

/** `closest` that crosses shadow roots. */
export function closest(from: Element | null, selector: string): Element | null {
  for (let element = from; element; ) {
    const found = element.closest(selector);
    if (found) return found;
    const root: Node = element.getRootNode();
    element = isShadowRoot(root) ? root.host : frameOf(root);
  }
  return null;
}

/** The element that shows the document *root*, if it is of a frame of ours: it inherits. */
export function frameOf(root: Node): Element | null {
  return (kind(root) === 9 && viewOf(root)?.frameElement) || null;
}

/** *node* is *above* or inside it, across shadow roots. */
export function within(node: Node | null, above: Element): boolean {
  for (let at: Node | null = node; at; at = parentOf(at)) if (at === above) return true;
  return false;
}
