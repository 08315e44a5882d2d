// Owns what is drawn in a recorded page's frames of other origins: the frame's own recording where
// the page's snippet linked one, else a blank that names the host.

import { all } from "./found";
import type { Gap } from "./protocol";
import type { FrameLink, Part } from "./recordings";
import { drawable, type Follower, Screen } from "./screen";

const STYLE = `
  html, body { height: 100%; margin: 0; overflow: hidden }
  .screen, .replayer-wrapper, .replayer-wrapper iframe { position: absolute; top: 0; left: 0 }
  .replayer-wrapper iframe { border: 0 }
  .replayer-mouse, .replayer-mouse-tail { display: none }
  .blank { display: flex; height: 100%; align-items: center; justify-content: center;
    background: repeating-linear-gradient(45deg, #f4f4f4 0 8px, #e9e9e9 8px 16px);
    color: #444; font: 13px/1.4 "DejaVu Sans", Arial, sans-serif; text-align: center }`;

// A recording is a stranger's: it may link itself, or many that link many.
const DEEPEST = 3; // recordings in one another, the page's own not counted
const MOST = 24; // of one page

interface Drawn {
  link: FrameLink | undefined;
  root: HTMLElement;
  screen: Screen | null;
}

export interface FramesContext {
  /** Fetch the recording of a frame. */
  recording(link: FrameLink): Promise<Part>;
  /** The frames that are linked into that recording. */
  links(link: FrameLink): FrameLink[];
  /** What a frame of *host* without a recording says. */
  blank(host: string): string;
  gap(gap: Gap): void;
}

export class Frames implements Follower {
  readonly #outer: Screen;
  readonly #context: FramesContext;
  /** The documents around, the outermost first. */
  readonly #around: readonly string[];
  /** All recordings in frames that are drawn now, at any depth. */
  readonly #all: Set<Drawn>;
  readonly #drawn = new Map<HTMLIFrameElement, Drawn>();
  #links: FrameLink[];
  #at = 0;
  #since = 0;
  #speed = 0; // 0: it stands still
  #asked = 0; // to arrange at the next frame

  constructor(outer: Screen, links: FrameLink[], context: FramesContext, inside?: Frames) {
    this.#outer = outer;
    this.#links = links;
    this.#context = context;
    this.#around = [...(inside ? inside.#around : []), outer.load];
    this.#all = inside ? inside.#all : new Set();
  }

  show(at: number): void {
    this.#go(at, 0);
    for (const { screen } of this.#drawn.values()) screen?.show(at);
  }

  play(at: number, speed: number): void {
    this.#go(at, speed);
    for (const { screen } of this.#drawn.values()) screen?.play(at, speed);
  }

  pause(): void {
    this.#at = this.#now();
    this.#speed = 0;
    for (const { screen } of this.#drawn.values()) screen?.pause();
  }

  speed(speed: number): void {
    if (this.#speed) this.#go(this.#now(), speed);
    for (const { screen } of this.#drawn.values()) screen?.speed(speed);
  }

  /** Elements came or went while it plays. */
  changed(): void {
    if (this.#asked) return; // once a frame: busy pages change more often
    this.#asked = requestAnimationFrame(() => {
      this.#asked = 0;
      this.#arrange();
    });
  }

  /** There are *links* now. */
  link(links: FrameLink[]): void {
    this.#links = links;
    this.#arrange();
  }

  destroy(): void {
    cancelAnimationFrame(this.#asked);
    for (const [element, drawn] of this.#drawn) this.#drop(element, drawn);
  }

  #drop(element: HTMLIFrameElement, drawn: Drawn): void {
    drawn.screen?.destroy();
    this.#drawn.delete(element);
    this.#all.delete(drawn);
  }

  #go(at: number, speed: number): void {
    this.#at = at;
    this.#since = performance.now();
    this.#speed = speed;
    this.#arrange();
  }

  #now(): number {
    return this.#at + (performance.now() - this.#since) * this.#speed;
  }

  #arrange(): void {
    for (const [element, drawn] of this.#drawn) {
      if (!element.isConnected || !drawn.root.isConnected) this.#drop(element, drawn);
    }
    const document = this.#outer.frame.contentDocument;
    if (document) this.#arrangeIn(document);
  }

  #arrangeIn(root: Document | ShadowRoot): void {
    for (const element of all(root, "*")) {
      if (element.shadowRoot) this.#arrangeIn(element.shadowRoot);
      if (element.localName !== "iframe") continue;
      const frame = element as HTMLIFrameElement;
      const inside = frame.contentDocument;
      if (!inside) continue;
      if (this.#outer.idOf(inside) > 0)
        this.#arrangeIn(inside); // of the page's own origin
      else this.#draw(frame, inside);
    }
  }

  #draw(frame: HTMLIFrameElement, inside: Document): void {
    const link = this.#linkOf(this.#outer.idOf(frame));
    const source = this.#outer.attributeOf(frame, "rr_src") ?? link?.origin;
    if (source === undefined) return; // blocked, or filled by what comes next
    const known = this.#drawn.get(frame);
    if (known && known.link?.page_load === link?.page_load) return;
    if (known) this.#drop(frame, known);
    const root = stage(inside);
    const drawn: Drawn = { link, root, screen: null };
    this.#drawn.set(frame, drawn);
    if (link && this.#fits(link)) {
      this.#all.add(drawn);
      void this.#fill(frame, drawn, link);
    } else this.#blank(root, source);
  }

  #fits({ page_load }: FrameLink): boolean {
    const around = this.#around;
    return !around.includes(page_load) && around.length <= DEEPEST && this.#all.size < MOST;
  }

  /** The latest link of *node* by now; what it shows before the first was told is the first's, too. */
  #linkOf(node: number): FrameLink | undefined {
    const own = this.#links.filter((link) => link.node === node);
    const now = this.#now();
    return own.filter((link) => link.at <= now).at(-1) ?? own[0];
  }

  async #fill(frame: HTMLIFrameElement, drawn: Drawn, link: FrameLink): Promise<void> {
    try {
      const part = await this.#context.recording(link);
      if (!drawable(part)) throw new Error("no snapshot");
      const screen = await Screen.make(drawn.root, link.page_load, part, {
        gap: this.#context.gap,
        size: () => {},
      });
      if (this.#drawn.get(frame) !== drawn) {
        screen.destroy();
        return;
      }
      drawn.screen = screen;
      screen.inner = new Frames(screen, this.#context.links(link), this.#context, this);
      if (this.#speed) screen.play(this.#now(), this.#speed);
      else screen.show(this.#at);
      screen.reveal();
    } catch {
      // Not there (any more), or broken: the page around it is worth showing all the same.
      if (this.#drawn.get(frame) === drawn) this.#blank(drawn.root, link.origin);
    }
  }

  #blank(root: HTMLElement, source: string): void {
    const blank = root.ownerDocument.createElement("div");
    blank.className = "blank";
    blank.textContent = this.#context.blank(hostOf(source));
    root.replaceChildren(blank);
  }
}

/** Empty *document* and return the element to draw in. */
function stage(document: Document): HTMLElement {
  const style = document.createElement("style");
  style.textContent = STYLE;
  document.head.replaceChildren(style);
  document.body.replaceChildren();
  return document.body;
}

function hostOf(source: string): string {
  return /^\w+:\/\/([^/?#]+)/.exec(source)?.[1] ?? "";
}
