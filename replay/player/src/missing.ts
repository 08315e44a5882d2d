// Owns showing what a recorded page names and what is not there when it is replayed: pictures, style
// sheets and fonts that were not kept and that their site gives out no more, or not to the console.
// Pictures are hatched where they stood; each kind is told once for every host.

const MARK = "rr_missing"; // attributes of this form are the player's own

const HATCHED = "repeating-linear-gradient(45deg, #f4f4f4 0 8px, #d9d9d9 8px 16px)";
export const MISSING_STYLES = [
  `img[${MARK}] { background: ${HATCHED} !important; outline: 1px dashed #8a8a8a !important; outline-offset: -1px !important; }`,
];

export type MissingKind = "missing_picture" | "missing_sheet" | "missing_font";

export class Missing {
  readonly #tell: (kind: MissingKind, host: string) => void;
  readonly #told = new Set<string>();

  /** @param tell is called once for each kind and host */
  constructor(tell: (kind: MissingKind, host: string) => void) {
    this.#tell = tell;
  }

  /** Watch *page*, a document that a recording was just drawn in. */
  watch(page: Document): void {
    page.addEventListener("error", ({ target }) => this.#failed(target as Element), true);
    page.addEventListener("load", ({ target }) => unmark(target as Element), true);
    if (!page.fonts) return;
    page.fonts.onloadingerror = (event) => {
      const [face] = (event as FontFaceSetLoadEvent).fontfaces;
      this.#once("missing_font", face?.family.replace(/["']/g, "") ?? "");
    };
  }

  #failed(element: Element): void {
    // Elements of the frame have its classes: instanceof would ask for ours.
    switch (element.localName) {
      case "img": {
        const source = (element as HTMLImageElement).currentSrc || element.getAttribute("src");
        if (!source) return; // an empty address is the page's own
        element.setAttribute(MARK, "");
        this.#once("missing_picture", host(source));
        break;
      }
      case "link":
        this.#once("missing_sheet", host((element as HTMLLinkElement).href));
    }
  }

  #once(kind: MissingKind, from: string): void {
    if (this.#told.has(`${kind} ${from}`)) return;
    this.#told.add(`${kind} ${from}`);
    this.#tell(kind, from);
  }
}

function unmark(element: Element): void {
  if (element.localName === "img") element.removeAttribute(MARK);
}

/** Return the host of *address*; a kept one's is ours and says nothing. */
function host(address: string): string {
  const found = URL.parse(address, document.baseURI);
  return found && found.origin !== location.origin ? found.host : "";
}
