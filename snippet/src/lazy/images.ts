// Option `images`: pictures are kept by the server (`capture`), or stay empty boxes (`placeholder`).
// Their sizes are told, so that the replay's page keeps its shape. Nothing of a masked area is kept.

import { idle } from "../assets/keeper";
import { all } from "../guard";
import { type Part, plug } from "./parts";

const AGAIN_MS = 2000; // pages that change all the time are looked at this often
const MOST = 500; // pictures of one page

const images: Part = ({ scope, keeper, record, snapshots }) => {
  const { config, guard, privacy, signals, nodeId } = scope;
  const capture = config.options?.images === "capture" && !!globalThis.crypto?.subtle;
  const kept = new Map<string, string>(); // URL to URL as recorded
  let told = new Map<number, string>();
  let waiting = false;

  function size(image: HTMLImageElement): [number, number] {
    const { width, height } = image.getBoundingClientRect();
    return [Math.round(width), Math.round(height)];
  }

  function keep(image: HTMLImageElement, id: number, sizes: Record<number, [number, number]>) {
    const url = image.currentSrc;
    const shown = capture && privacy.policy.presetAt(image) !== "strict";
    sizes[id] = size(image);
    if (!shown || !/^(https?|blob):/.test(url) || kept.has(url)) return;
    const recorded = privacy.urls.clean(url);
    kept.set(url, recorded);
    // The content of a blob: URL belongs to this element; its recorded URL tells nothing.
    void keeper.keep("image", url, url.startsWith("blob:") ? { node: id } : { url: recorded });
  }

  function look(): void {
    waiting = false;
    const sizes: Record<number, [number, number]> = {};
    for (const image of document.images) {
      const id = nodeId(image);
      if (id === undefined || !image.complete || !image.currentSrc || told.size >= MOST) continue;
      const now = `${image.currentSrc} ${size(image)}`;
      if (told.get(id) === now || privacy.policy.blocked(image)) continue;
      told.set(id, now);
      keep(image, id, sizes);
    }
    if (Object.keys(sizes).length) record("stolper.sizes", sizes);
  }

  function soon(): void {
    if (waiting) return;
    waiting = true;
    guard.later(() => idle(guard, look), AGAIN_MS);
  }

  idle(guard, look);
  return all([
    guard.listen(window, "load", soon), // of every picture
    signals.mutations.on(soon),
    snapshots.on(() => {
      told = new Map();
      soon();
    }),
  ]);
};

plug(images);
