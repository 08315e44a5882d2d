// The recorder of the page's tree: documents, frames and shadow roots, and what changes in them, as
// events that rrweb's player takes. Masked at the source: what is not told is never written.

import { all, type Stop } from "../guard";
import { toJson } from "../json";
import { isElement, isShadowRoot } from "../privacy/dom";
import type { Recorder, RecorderOptions } from "../record";
import { makeChanges } from "./changes";
import { finish, makeCss, type Steps } from "./css";
import { makeDirty } from "./dirty";
import { makeFields } from "./fields";
import { makeFrames } from "./frames";
import { makeHands } from "./hands";
import { makeNodes } from "./nodes";
import { above, nameOf } from "./read";
import { makeSheets, type Root } from "./sheets";
import { makeTeller } from "./teller";
import { makeTree } from "./tree";
import { makeValues } from "./values";

const SLICE_MS = 8; // of a snapshot; then the page has its turn
const LATE_MS = 1000; // a page that leaves no time in between must not keep it from being finished:
const LATE_SLICE_MS = 40; // still no long task
const FLUSH_MS = 20; // about a frame: what comes and goes within one nobody sees
const CHURN_MS = 250; // changes of hundreds of nodes are told four times a second
const HIDDEN_MS = 1000; // nobody looks
const MEND_MS = 10_000;

const INPUT = 5;
const SCROLL = 3;

export function makeRecorder(options: RecorderOptions): Recorder {
  const { guard, privacy, now, sheetText } = options;
  const { policy } = privacy;
  const abort = new AbortController();
  const { signal } = abort;
  const stops: Stop[] = [];
  const roots = new WeakSet<Node>();
  const realms = new WeakSet<object>(); // a frame's window stays the same, its prototypes do not
  let running = false;
  let round = 0;
  let walk: Steps<string> | undefined;
  let begunAt = 0;
  let slice: Stop | undefined;
  let held: (() => void)[] = []; // events while a snapshot is taken
  let timer: Stop | undefined;
  let freeAt = 0; // before that no changes are told, unless something else happens
  let late: (() => void)[] = []; // after the event that is being written

  const tree = makeTree((node) => (isShadowRoot(node) ? node.host : above(node)));
  const css = makeCss(privacy);
  const fields = makeFields({
    guard,
    privacy,
    told: (field) => tree.has(field) && !policy.blocked(field),
    emit: (field, { text, checked }) =>
      emit(INPUT, { id: tree.known(field).id, text, isChecked: checked }),
    onInput: options.onInput,
  });
  const values = makeValues(privacy, fields);
  const nodes = makeNodes(privacy, tree, values, sheetText);
  const teller = makeTeller({ guard, tree, nodes, css, round: () => round, met });
  const dirty = makeDirty({ guard, tree, walking: () => walk !== undefined, begun: schedule });
  const changes = makeChanges({
    privacy,
    tree,
    values,
    teller,
    cssOf: (element) => {
      const text = finish(css.sheet((element as HTMLStyleElement).sheet));
      return text === null ? null : sheetText(text);
    },
    nextRound: () => ++round,
    field: (element) => late.push(() => fields.look(element)),
  });
  const sheets = makeSheets({
    guard,
    tree,
    css,
    sheetText,
    walking: () => walk !== undefined,
    emit,
    watching: schedule,
    changed: (owner, name) => (name === "media" ? dirty.mark(owner, name) : dirty.restyle(owner)),
  });
  const frames = makeFrames({
    tree,
    dirty,
    teller,
    nextRound: () => ++round,
    enter,
    write,
    blocked: policy.blocked,
    told: (inner) => {
      late.push(() => {
        sheets.adopted(inner);
        const place = inner.scrollingElement;
        const { id } = tree.known(inner);
        const { scrollLeft: x = 0, scrollTop: y = 0 } = place ?? {};
        if (x || y) emit(SCROLL, { id, x, y });
      });
    },
  });
  const hands = makeHands({
    guard,
    policy,
    tree,
    signal,
    now,
    emit,
    acted: () => {
      freeAt = 0;
    },
  });

  /** Hand an event over; *data* is the JSON of what it tells. */
  function write(type: number, data: string, t = now()): void {
    const json = `{"type":${type},"data":${data},"timestamp":${t}}`;
    options.emit({ json, t, snapshot: type === 2 });
  }

  /**
   * Tell of something else than changes of the tree: those before it go first. Not before a value,
   * which depends on none of them: what a page shows of itself with each key is told a few at once.
   */
  function emit(source: number, data: object): void {
    if (!running) return;
    if (walk) {
      held.push(() => emit(source, data));
      return;
    }
    if (source !== INPUT) flush();
    write(3, toJson({ source, ...data }));
  }

  function schedule(): void {
    if (timer || walk || !running) return;
    const wait = document.hidden ? HIDDEN_MS : Math.max(FLUSH_MS, freeAt - now());
    timer = guard.later(() => {
      timer = undefined;
      flush();
    }, wait);
  }

  function flush(): void {
    if (walk || !running) return;
    try {
      const dirt = dirty.take();
      const data = dirt && policy.steady(() => changes(dirt));
      if (data) {
        write(3, data.json);
        freeAt = now() + Math.min(CHURN_MS, data.size);
      }
      settle();
    } catch {
      guard.count();
      mend();
    }
  }

  let mendedAt = Number.NEGATIVE_INFINITY;
  /** What the replay has is not known any more: tell everything anew, but not in a loop. */
  function mend(): void {
    walk = undefined;
    dirty.clear();
    if (now() - mendedAt < MEND_MS) return;
    mendedAt = now();
    begin();
  }

  let settling = false;
  /** What follows from nodes that have been told: frames, adopted sheets, fields. */
  function settle(): void {
    if (settling) return;
    settling = true;
    try {
      do {
        for (let one = late.shift(); one; one = late.shift()) one();
        sheets.look();
        frames.attach();
      } while (late.length);
    } finally {
      settling = false;
      css.forget();
    }
  }

  /** *node*, told just now, needs more than that. */
  function met(node: Node): void {
    if (isShadowRoot(node)) {
      enter(node);
      late.push(() => sheets.adopted(node));
      return;
    }
    if (nameOf(node) === "iframe") frames.met(node as HTMLIFrameElement);
    const element = node as HTMLElement;
    if (element.hasAttribute("popover") && element.matches(":popover-open")) {
      late.push(() => dirty.mark(element, "rr_popover"));
    }
  }

  /** Hear of everything in *root* from now on. */
  function enter(root: Root): void {
    dirty.observe(root);
    if (roots.has(root)) return;
    roots.add(root);
    hands.root(root);
    const listen = (types: string[], hear: (event: Event) => void) =>
      guard.listen(root, types, hear, { capture: true, passive: true, signal });
    listen(["change"], ({ target }) => fields.heard(target));
    listen(["reset"], ({ target }) => fields.reset(target));
    listen(["load"], ({ target }) => isElement(target) && loaded(target));
    listen(["toggle"], ({ target }) => {
      if (isElement(target) && target.hasAttribute("popover")) dirty.mark(target, "rr_popover");
    });
    if (isShadowRoot(root)) {
      options.onRoot(root);
      return;
    }
    hands.document(root);
    listen(["keydown"], () => {
      freeAt = 0;
    });
    listen(["input"], (event) => fields.heard(event.composedPath()[0] ?? event.target));
    const { defaultView } = root;
    if (defaultView) hook(defaultView);
    if (root !== document) options.onFrame(root);
  }

  function loaded(element: Element): void {
    if (nameOf(element) === "link") dirty.restyle(element);
    if (nameOf(element) === "iframe" && tree.has(element)) {
      frames.loaded(element as HTMLIFrameElement);
      schedule();
    }
  }

  function hook(view: Window): void {
    const { prototype } = (view as unknown as { Element: typeof Element }).Element;
    if (realms.has(prototype)) return;
    realms.add(prototype);
    stops.push(
      fields.hook(view),
      sheets.hook(view),
      guard.patch(prototype, "attachShadow", (self) => (root: unknown) => {
        if (isShadowRoot(root as Node)) shadowed(self as Element, root as ShadowRoot);
      }),
    );
  }

  /** *host*, which the replay may have, is given a shadow root. */
  function shadowed(host: Element, root: ShadowRoot): void {
    if (!tree.has(host) || policy.blocked(host) || root.mode !== "open") return;
    tree.put(root, host, round);
    tree.known(host).inner = root;
    enter(root);
    dirty.look(root);
    late.push(() => sheets.adopted(root));
  }

  function begin(): void {
    slice?.stop();
    timer?.stop();
    timer = undefined;
    held = walk ? held : [];
    late = [];
    tree.drop(document);
    frames.forget();
    sheets.forget();
    dirty.clear();
    round++;
    begunAt = now();
    walk = teller.nested(document, document);
    advance(SLICE_MS);
  }

  /** Go on with the snapshot for *ms*, at least by one step. */
  function advance(ms: number): void {
    const until = performance.now() + ms;
    try {
      const step = policy.steady(() => {
        for (;;) {
          const one = walk?.next();
          if (!one || one.done || (performance.now() > until && !document.hidden)) return one;
        }
      });
      if (!step) return;
      if (step.done) {
        done(step.value);
        return;
      }
    } catch {
      guard.count();
      mend();
      return;
    }
    slice = guard.later(() => advance(now() - begunAt > LATE_MS ? LATE_SLICE_MS : SLICE_MS), 0);
  }

  function done(tree_: string): void {
    walk = undefined;
    const t = now();
    const { href } = location;
    const meta = { href: privacy.urls.link(href), width: innerWidth, height: innerHeight };
    const place = document.scrollingElement;
    const offset = { left: place?.scrollLeft ?? 0, top: place?.scrollTop ?? 0 };
    write(4, toJson(meta), t);
    write(2, `{"node":${tree_},"initialOffset":${toJson(offset)}}`, t);
    sheets.adopted(document);
    flush();
    for (const tell of held.splice(0)) tell();
    options.complete();
  }

  return {
    start: () => {
      running = true;
      enter(document);
      begin();
    },
    snapshot: () => {
      if (running) begin();
    },
    flush: () => {
      if (walk) {
        slice?.stop();
        advance(Number.POSITIVE_INFINITY);
      }
      flush();
    },
    nodeId: (node) => (node.isConnected || tree.has(node) ? tree.known(node).id : undefined),
    stop: () => {
      running = false;
      slice?.stop();
      timer?.stop();
      fields.stop();
      dirty.stop();
      abort.abort();
      frames.stop();
      all(stops).stop();
    },
  };
}
