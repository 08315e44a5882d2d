// Walking up the page across shadow roots. No instanceof: nodes of frames are of another realm.

export function isElement(node: Node | EventTarget | null | undefined): node is Element {
  return (node as Node | null | undefined)?.nodeType === 1;
}

export function isShadowRoot(node: Node | null): node is ShadowRoot {
  return node?.nodeType === 11 && "host" in node;
}

export function parentOf(node: Node): Element | null {
  const slot = (node as Element).assignedSlot;
  if (slot) return slot;
  const parent = node.parentNode;
  if (isShadowRoot(parent)) return parent.host;
  return isElement(parent) ? parent : null;
}

export function elementOf(node: Node | null): Element | null {
  if (!node) return null;
  if (isElement(node)) return node;
  return isShadowRoot(node) ? node.host : parentOf(node);
}

/** What has the focus, in a shadow root too. */
export function focused(): Element | null {
  let at = document.activeElement;
  while (at?.shadowRoot?.activeElement) at = at.shadowRoot.activeElement;
  return at;
}

/** `closest` that crosses shadow roots. */
export function closest(from: Element | null, selector: string): Element | null {
  for (let element = from; element; ) {
    const found = element.closest(selector);
    if (found) return found;
    const root: Node = element.getRootNode();
    element = isShadowRoot(root)
      ? root.host
      : ((root as Document).defaultView?.frameElement ?? null); // a frame of ours inherits
  }
  return null;
}

/** *node* is *above* or inside it, across shadow roots. */
export function within(node: Node | null, above: Element): boolean {
  for (let at: Node | null = node; at; at = parentOf(at)) if (at === above) return true;
  return false;
}
