// Owns showing popovers: no attribute of the page tells that one is open, so the recorder tells it by
// an attribute of its own, and they are shown here as the page showed them, above all else.

import { all } from "./found";

const OPEN = "rr_popover";

/** Show and hide the popovers of *page*, the document that a recording is drawn in. */
export function showPopovers(page: Document): MutationObserver {
  const observer = new MutationObserver((records) => {
    for (const { target } of records) follow(target as HTMLElement);
  });
  observer.observe(page, { subtree: true, attributes: true, attributeFilter: [OPEN] });
  for (const element of all<HTMLElement>(page, `[${OPEN}]`)) follow(element);
  return observer;
}

function follow(element: HTMLElement): void {
  if (!element.isConnected || !element.hasAttribute("popover")) return;
  const open = element.matches(":popover-open");
  if (element.hasAttribute(OPEN) === open) return;
  try {
    if (open) element.hidePopover();
    else element.showPopover();
  } catch {
    // The element cannot be shown now (a dialog that is open): it stays as it is drawn.
  }
}
