// Owns picking an element of the recorded page: finding it under the pointer, walking the tree
// by keys, and outlining it. It is described by the snippet's own code, so that a selector made
// of it fits the targets that the snippet sent.

import { makePrivacy } from "../../../snippet/src/privacy";
import { isShadowRoot } from "../../../snippet/src/privacy/dom";
import { makeDescribe } from "../../../snippet/src/target/describe";
import { pressable } from "../../../snippet/src/target/pressable";
import type { FromStage, Picked, PickStep } from "./protocol";

// What the recording shows was masked before it was sent: nothing is left to hold back.
const describe = makeDescribe(makePrivacy({ privacy: "open" }), () => undefined);

export class Picker {
  readonly #frame: () => HTMLIFrameElement | null;
  readonly #say: (message: FromStage) => void;
  readonly #outline = document.createElement("div");
  readonly #chip = document.createElement("span");
  #element: Element | null = null;
  #on = false;

  /** @param frame returns the frame in which the recorded page is drawn now */
  constructor(frame: () => HTMLIFrameElement | null, say: (message: FromStage) => void) {
    this.#frame = frame;
    this.#say = say;
    this.#outline.className = "pick-outline";
    this.#outline.hidden = true;
    this.#outline.append(this.#chip);
    document.body.append(this.#outline);
    window.addEventListener("pointermove", (event) => {
      if (this.#on) this.#show(this.#under(event.clientX, event.clientY));
    });
    window.addEventListener("click", (event) => {
      if (!this.#on) return;
      this.#show(this.#under(event.clientX, event.clientY));
      this.#take();
    });
    window.addEventListener("resize", () => this.#draw());
  }

  get on(): boolean {
    return this.#on;
  }

  /** Begin or end picking. The outline of a taken element stays until the end. */
  set(on: boolean): void {
    this.#on = on;
    document.body.classList.toggle("picking", on);
    if (on && this.#element?.isConnected) this.#draw();
    else this.#show(null);
  }

  /** The picture has changed: what was outlined may be gone. */
  changed(): void {
    if (this.#on) this.#show(null);
  }

  /** Outline *element*, or nothing, for the inspector; a pick that is on goes on with it. */
  light(element: Element | null): void {
    this.#element = element;
    this.#draw();
  }

  /** Do what a key says. */
  step(step: PickStep): void {
    if (!this.#on) return;
    if (step === "take") {
      this.#take();
      return;
    }
    const next = this.#element?.isConnected ? beside(this.#element, step) : this.#first();
    next?.scrollIntoView({ block: "nearest", inline: "nearest" });
    this.#show(next);
  }

  /** Return what a press at this point of the stage would have hit. */
  #under(x: number, y: number): Element | null {
    const frame = this.#frame();
    if (!frame?.contentDocument) return null;
    const box = frame.getBoundingClientRect();
    const scale = box.width / frame.offsetWidth || 1;
    const [left, top] = [(x - box.left) / scale, (y - box.top) / scale];
    let found = frame.contentDocument.elementFromPoint(left, top);
    for (let inner = found; inner; ) {
      found = inner;
      const next: Element | null = inner.shadowRoot?.elementFromPoint(left, top) ?? null;
      inner = next === inner ? null : next;
    }
    const element = found && pressable(found).element;
    return element?.matches("html, body") ? null : element; // all of the page is nothing to pick
  }

  /** Return where a walk by keys begins: the first thing to press, else the page's body. */
  #first(): Element | null {
    const page = this.#frame()?.contentDocument;
    const candidates = page?.body?.querySelectorAll("button, a[href], input, [role], [onclick]");
    for (const one of candidates ?? []) if (one.getBoundingClientRect().width > 0) return one;
    return page?.body ?? null;
  }

  #show(element: Element | null): void {
    if (element === this.#element) return;
    this.#element = element;
    this.#draw();
    this.#say({ type: "hovered", picked: element && brief(element) });
  }

  #draw(): void {
    const frame = this.#frame();
    this.#outline.hidden = !this.#element || !frame;
    if (!this.#element || !frame) return;
    const outer = frame.getBoundingClientRect();
    const scale = outer.width / frame.offsetWidth || 1;
    const box = this.#element.getBoundingClientRect();
    const { style } = this.#outline;
    style.left = `${outer.left + box.left * scale}px`;
    style.top = `${outer.top + box.top * scale}px`;
    style.width = `${box.width * scale}px`;
    style.height = `${box.height * scale}px`;
    this.#chip.textContent = short(brief(this.#element));
    this.#outline.classList.toggle("low", outer.top + box.top * scale < 24);
    const middle = outer.left + (box.left + box.width / 2) * scale;
    this.#outline.classList.toggle("late", middle > innerWidth / 2);
  }

  #take(): void {
    if (this.#element) this.#say({ type: "picked", picked: brief(this.#element) });
  }
}

function brief(element: Element): Picked {
  const { tag, role, label, path: whole } = describe(element);
  // What is around the recorded page is the player's.
  const root = whole.findIndex((one) => one.tag === "html");
  const path = root < 0 ? whole : whole.slice(0, root + 1);
  // The Replayer marks the page with classes of its own.
  for (const one of path as { classes?: string[] }[]) {
    const own = one.classes?.filter((name) => !name.startsWith("rrweb-"));
    if (own?.length) one.classes = own;
    else delete one.classes;
  }
  return { tag, role: role ?? "", label: label ?? "", path };
}

/** Return a name for *picked* that fits on the outline. */
function short({ tag, path }: Picked): string {
  const own = path[0] as { id?: string; test?: string; classes?: string[] } | undefined;
  if (own?.test) return `${tag} ${own.test}`;
  if (own?.id) return `${tag}#${own.id}`;
  return [tag, ...(own?.classes ?? []).slice(0, 2)].join(".");
}

function beside(element: Element, step: Exclude<PickStep, "take">): Element {
  const parent = element.parentNode;
  const up = isShadowRoot(parent) ? parent.host : element.parentElement;
  const found = {
    parent: up,
    child: seen(element.shadowRoot?.children ?? element.children, 0, 1),
    previous: parent && seen(parent.children, index(element) - 1, -1),
    next: parent && seen(parent.children, index(element) + 1, 1),
  }[step];
  // The page's root has nothing to select it by; stay.
  return found && found.localName !== "html" ? found : element;
}

function index(element: Element): number {
  return [...(element.parentNode?.children ?? [])].indexOf(element);
}

/** Return the nearest of *elements* from *at* on that takes up room. */
function seen(elements: HTMLCollection, at: number, step: 1 | -1): Element | null {
  for (let place = at; place >= 0 && place < elements.length; place += step) {
    const one = elements[place];
    const box = one?.getBoundingClientRect();
    if (one && box && box.width > 0 && box.height > 0) return one;
  }
  return null;
}
