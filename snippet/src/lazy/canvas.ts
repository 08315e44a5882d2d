// Option `canvas`: what is drawn on canvases is sampled as small pictures, at most one a second and
// only when it has changed. Only where texts are shown in clear too: under `open`, or unmasked.

import { all } from "../guard";
import { type Part, plug } from "./parts";

const EVERY_MS = 1000;
const WIDTH = 640; // a larger one is scaled down
const QUALITY = 0.4;
const MOST_CANVASES = 8; // of one page
const IMAGE_CHARS = 150_000;
const PAGE_CHARS = 3_000_000;

interface Seen {
  image: string;
  busy: boolean;
  closed: boolean; // another origin's picture was drawn on it: the browser lets nobody read it
}

const canvas: Part = ({ scope, record, gap, snapshots }) => {
  const { guard, privacy, nodeId, now } = scope;
  const seen = new Map<HTMLCanvasElement, Seen>();
  const small = document.createElement("canvas");
  let left = PAGE_CHARS;
  let stopped = false;

  function missing(reason: string, id: number): void {
    gap({ kind: "canvas", reason, node: id, from_t: now() });
  }

  function tell(id: number, one: Seen, image: string): void {
    one.busy = false;
    if (stopped || image === one.image) return;
    one.image = image;
    if (image.length > IMAGE_CHARS || image.length > left) {
      one.closed = true;
      missing("too_large", id);
      return;
    }
    left -= image.length;
    record("stolper.canvas", { id, image });
  }

  function sample(element: HTMLCanvasElement, id: number, one: Seen): void {
    const scale = Math.min(1, WIDTH / element.width);
    small.width = Math.max(1, Math.round(element.width * scale));
    small.height = Math.max(1, Math.round(element.height * scale));
    try {
      small.getContext("2d")?.drawImage(element, 0, 0, small.width, small.height);
      one.busy = true;
      small.toBlob(
        guard((blob: Blob | null) => {
          const reader = new FileReader();
          reader.onload = guard(() => tell(id, one, String(reader.result)));
          if (blob) reader.readAsDataURL(blob);
          else one.busy = false;
        }),
        "image/webp",
        QUALITY,
      );
    } catch {
      one.busy = false;
      one.closed = true;
      missing("tainted", id);
      small.width = 0; // a new picture is a clean one
    }
  }

  // In a frame, after the page's own drawing: later a WebGL canvas reads as empty.
  const look = guard(() => {
    for (const element of document.querySelectorAll("canvas")) {
      const id = nodeId(element);
      if (id === undefined || !element.width || !element.height) continue;
      if (privacy.policy.presetAt(element) !== "open" || privacy.policy.blocked(element)) continue;
      let one = seen.get(element);
      if (!one && seen.size < MOST_CANVASES) {
        one = { image: "", busy: false, closed: false };
        seen.set(element, one);
      }
      if (one && !one.busy && !one.closed) sample(element, id, one);
    }
  });

  const timer = setInterval(() => {
    if (document.visibilityState === "visible") requestAnimationFrame(look);
  }, EVERY_MS);
  requestAnimationFrame(look);
  return all([
    snapshots.on(() => {
      for (const one of seen.values()) one.image = "";
    }),
    {
      stop: () => {
        stopped = true;
        clearInterval(timer);
      },
    },
  ]);
};

plug(canvas);
