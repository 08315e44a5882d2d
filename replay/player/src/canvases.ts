// Owns drawing sampled canvases: each sample is a picture, drawn on the recorded element. Nothing of
// the page's own drawing runs here.

import type { eventWithTime } from "@rrweb/types";

export const CANVAS_TAG = "stolper.canvas";

const PICTURE = /^data:image\/(webp|png|jpeg);base64,[A-Za-z0-9+/=]*$/;

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
  readonly #newest = new WeakMap<Node, HTMLImageElement>();
  readonly #nodeOf: (id: number) => Node | null;

  /** @param nodeOf finds the drawn node of a recorded id */
  constructor(nodeOf: (id: number) => Node | null) {
    this.#nodeOf = nodeOf;
  }

  /** Draw *sample* as soon as its picture is there, unless a newer one came meanwhile. */
  draw({ id, image }: Sample): void {
    const node = this.#nodeOf(id);
    if (node?.nodeName !== "CANVAS") return;
    const canvas = node as HTMLCanvasElement;
    const picture = new Image();
    this.#newest.set(canvas, picture);
    picture.onload = () => {
      if (this.#newest.get(canvas) !== picture) return;
      const context = canvas.getContext("2d");
      context?.clearRect(0, 0, canvas.width, canvas.height);
      context?.drawImage(picture, 0, 0, canvas.width, canvas.height);
    };
    picture.src = image;
  }
}
