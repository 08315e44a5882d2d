// Owns drawing sampled canvases: each sample is a picture, shown where the recorded element is.
// Nothing of the page's own drawing runs here.
//
// Browsers that run no scripts, as in the replay, draw what stands inside a canvas in its place. So
// the picture is its background, in a box of the canvas's size; the page's own styles count more.

import type { eventWithTime } from "@rrweb/types";
import { all } from "./found";

export const CANVAS_TAG = "stolper.canvas";

const PICTURE = /^data:image\/(webp|png|jpeg);base64,[A-Za-z0-9+/=]*$/;
const MARK = "rr_canvas"; // attributes of this form are the player's own

interface Sample {
  id: number;
  image: string;
}

/** Return the sample that *event* brings, if it is one. */
export function sampleOf(event: eventWithTime): Sample | null {
  const data = event.data as { tag?: unknown; payload?: Partial<Sample> | null };
  if (data.tag !== CANVAS_TAG || !data.payload) return null;
  const { id, image } = data.payload;
  if (typeof id !== "number" || typeof image !== "string" || !PICTURE.test(image)) return null;
  return { id, image };
}

export class Canvases {
  readonly #samples = new Map<number, string>();
  readonly #nodeOf: (id: number) => Node | null;

  /** @param nodeOf finds the drawn node of a recorded id */
  constructor(nodeOf: (id: number) => Node | null) {
    this.#nodeOf = nodeOf;
  }

  /** Take *sample*; draw() shows it once its element is there. */
  take({ id, image }: Sample): void {
    this.#samples.set(id, image);
  }

  /** The page is drawn anew from a snapshot: samples of other times do not count. */
  forget(): void {
    this.#samples.clear();
  }

  /** Show the newest samples in *page*, the document that the recording is drawn in. */
  draw(page: Document): void {
    const roots = new Map<Node, HTMLCanvasElement[]>();
    const images = new Map<Node, string>();
    for (const [id, image] of this.#samples) {
      const node = this.#nodeOf(id);
      if (node?.nodeName !== "CANVAS" || !node.isConnected) continue;
      images.set(node, image);
      roots.set(node.getRootNode(), []);
    }
    roots.set(page, []);
    for (const root of roots.keys()) {
      const found = all<HTMLCanvasElement>(root as Document | ShadowRoot, "canvas");
      if (found.length) write(root as Document | ShadowRoot, found, images);
    }
  }
}

function write(
  root: Document | ShadowRoot,
  canvases: HTMLCanvasElement[],
  images: Map<Node, string>,
): void {
  const rules = canvases.map((canvas, nth) => {
    if (canvas.getAttribute(MARK) !== String(nth)) canvas.setAttribute(MARK, String(nth));
    const { width, height } = canvas;
    const image = images.get(canvas);
    const picture = image ? `background: url(${image}) 0 0 / 100% 100% no-repeat` : "";
    return `:where(canvas[${MARK}="${nth}"]) { display: inline-block; width: ${width}px;
      height: ${height}px; aspect-ratio: ${width} / ${height}; content-visibility: hidden }
      canvas[${MARK}="${nth}"] { ${picture} }`;
  });
  const text = rules.join("\n");
  const style = styleOf(root);
  if (style.textContent !== text) style.textContent = text;
}

/** The player's own style element in *root*, in front of the page's. */
function styleOf(root: Document | ShadowRoot): Element {
  const known = all(root, `style[${MARK}]`)[0];
  if (known) return known;
  const page = root.ownerDocument ?? (root as Document);
  const made = page.createElement("style");
  made.setAttribute(MARK, "");
  const parent = (root as Document).documentElement ?? root;
  parent.insertBefore(made, parent.firstChild);
  return made;
}
