// Entry of the pages of maps: draws presses, or how far a page was seen, over a recorded page. All numbers
// stand in the table beside it.

import {
  type Box,
  type FromStage,
  hear,
  type Load,
  type Mapped,
  type ToStage,
  tell,
} from "./protocol";

interface Element {
  key: string;
  label: string;
  times: number;
  places: [number, number][];
}

interface Drawn {
  elements?: Element[];
  depths?: number[];
  sessions?: number;
}

interface Picture {
  stage: string;
  load: Load;
  at: number;
  privacy: string;
}

const SVG = "http://www.w3.org/2000/svg";
const AGAIN_MS = [0, 400, 1500]; // pictures and fonts that come late move what stands below them
const NAMED = 12; // elements whose number is written beside them
const SPOT = 9; // px on the screen: the radius of a press
const TALLY = 14; // px on the screen: the height of a number

function made(name: string, attributes: Record<string, string | number>, text = ""): SVGElement {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, String(value));
  element.textContent = text;
  return element;
}

class PageMap {
  readonly #frame: HTMLIFrameElement;
  readonly #picture: Picture;
  readonly #drawn: Drawn;
  readonly #note: HTMLElement | null;
  #overlay: SVGElement | null = null;
  #mapped: Mapped | null = null;
  #scale = 1; // of the picture: what is written on it is not scaled

  constructor(readonly root: HTMLElement) {
    const frame = root.querySelector("iframe");
    if (!frame) throw new Error("the map has no frame");
    this.#frame = frame;
    this.#picture = JSON.parse(root.dataset.picture ?? "{}");
    this.#drawn = JSON.parse(root.dataset.drawn ?? "{}");
    this.#note = document.getElementById("map-note");
    hear<FromStage>(
      () => frame.contentWindow,
      (message) => this.#hear(message),
    );
    frame.src = this.#picture.stage;
    new ResizeObserver(() => this.#fit()).observe(root);
  }

  #tally(x: number, y: number, text: string): SVGElement {
    const size = { "font-size": TALLY / this.#scale, "stroke-width": TALLY / 3 / this.#scale };
    return made("text", { class: "map-tally", x, y, ...size }, text);
  }

  #tell(message: ToStage): void {
    if (this.#frame.contentWindow) tell(this.#frame.contentWindow, message);
  }

  #hear(message: FromStage): void {
    const { load, at, privacy } = this.#picture;
    if (message.type === "ready") {
      const program = { loads: [load], start: load.at, end: load.until, running: false };
      this.#tell({ type: "program", program, changed: true });
      this.#tell({ type: "seek", seek: { turn: 1, at, tab: load.tab, play: false } });
    } else if (message.type === "view" && message.view === "shown") {
      this.root.hidden = false;
      const keys = (this.#drawn.elements ?? []).map((one) => one.key);
      for (const ms of AGAIN_MS)
        setTimeout(() => this.#tell({ type: "map", keys, preset: privacy }), ms);
    } else if (message.type === "view" && message.view !== "loading") {
      this.root.hidden = true; // an empty box says nothing
      this.#say(this.#note?.dataset.failed ?? "");
    } else if (message.type === "mapped") {
      this.#mapped = message.mapped;
      this.#fit();
    }
  }

  #say(text: string): void {
    if (!this.#note) return;
    this.#note.textContent = text;
    this.#note.hidden = !text;
  }

  /** Give the picture the room that it takes, never more than it was wide. */
  #fit(): void {
    if (!this.#mapped) return;
    const { width, height } = this.#mapped;
    const shown = Math.min(width, this.root.clientWidth);
    const stage = this.#frame.parentElement;
    if (!stage) return;
    stage.style.width = `${shown}px`;
    stage.style.height = `${(height * shown) / width}px`;
    this.#scale = shown / width;
    this.#draw();
  }

  #draw(): void {
    if (!this.#mapped) return;
    const { width, height, boxes } = this.#mapped;
    this.#overlay?.remove();
    const overlay = made("svg", { viewBox: `0 0 ${width} ${height}`, "aria-hidden": "true" });
    overlay.classList.add("map-over");
    if (this.#drawn.depths) this.#bands(overlay, width, height);
    else this.#spots(overlay, boxes);
    this.#frame.after(overlay);
    this.#overlay = overlay;
    this.#tellUnplaced(boxes);
  }

  #spots(overlay: SVGElement, boxes: Record<string, Box>): void {
    const elements = (this.#drawn.elements ?? []).filter((one) => boxOf(boxes, one.key));
    for (const { key } of elements) {
      const [x, y, width, height] = boxes[key] as Box;
      overlay.append(made("rect", { class: "map-box", x, y, width, height, "data-key": key }));
    }
    for (const { key, places } of elements) {
      const [left, top, width, height] = boxes[key] as Box;
      for (const [x, y] of places) {
        const [cx, cy] = [left + within(x, width), top + within(y, height)];
        overlay.append(
          made("circle", { class: "map-spot", cx, cy, r: SPOT / this.#scale, "data-key": key }),
        );
      }
    }
    const most = [...elements].sort((one, other) => other.times - one.times).slice(0, NAMED);
    for (const { key, times } of most) {
      const [x, y, width] = boxes[key] as Box;
      overlay.append(this.#tally(x + width, y, String(times)));
    }
  }

  #bands(overlay: SVGElement, width: number, height: number): void {
    const { depths = [], sessions = 1 } = this.#drawn;
    const band = height / depths.length;
    depths.forEach((saw, nth) => {
      const share = saw / sessions;
      const unseen = made("rect", { class: "map-band", x: 0, y: nth * band, width, height: band });
      unseen.setAttribute("fill-opacity", String(0.75 * (1 - share)));
      const text = new Intl.NumberFormat(document.documentElement.lang, {
        style: "percent",
      }).format(share);
      overlay.append(
        unseen,
        made("line", {
          class: "map-line",
          x1: 0,
          x2: width,
          y1: (nth + 1) * band,
          y2: (nth + 1) * band,
        }),
        this.#tally(width - 8 / this.#scale, (nth + 1) * band - TALLY / this.#scale, text),
      );
    });
  }

  /** Say what is not in the picture, above it and in the table. */
  #tellUnplaced(boxes: Record<string, Box>): void {
    const all = this.#drawn.elements ?? [];
    const missing = all.filter((one) => !boxOf(boxes, one.key));
    const sum = (some: Element[]): number => some.reduce((total, one) => total + one.times, 0);
    const words: Record<string, string> = {
      some: String(sum(missing)),
      all: String(sum(all)),
      names: missing
        .slice(0, 5)
        .map((one) => one.label)
        .join(", ")
        .concat(missing.length > 5 ? " …" : ""),
    };
    const template = this.#note?.dataset.unplaced ?? "";
    this.#say(
      missing.length ? template.replace(/\{(\w+)\}/g, (_all, name) => words[name] ?? "") : "",
    );
    for (const row of document.querySelectorAll<HTMLElement>("#map-elements tr[data-key]")) {
      const is = row.dataset.key !== undefined && !boxOf(boxes, row.dataset.key);
      row.querySelector(".map-missing")?.remove();
      if (!is) continue;
      const badge = document.createElement("span");
      badge.className = "badge map-missing";
      badge.textContent = this.#note?.dataset.missing ?? "";
      row.querySelector("th")?.append(badge);
    }
  }
}

/** Return where the element called *key* is. Visitors send keys: one called `constructor` is no property of all objects. */
function boxOf(boxes: Record<string, Box>, key: string): Box | undefined {
  return Object.hasOwn(boxes, key) ? boxes[key] : undefined;
}

/** Return *at* px as far as it lies in an element of *size*: pages of other widths have other elements. */
function within(at: number, size: number): number {
  return Math.min(Math.max(at, 0), size);
}

const root = document.getElementById("map");
if (root) new PageMap(root);
