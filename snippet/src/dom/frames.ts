// Documents in frames of the page's own origin.

import { finish } from "./css";
import type { Dirty } from "./dirty";
import type { Root } from "./sheets";
import type { Teller } from "./teller";
import type { Tree } from "./tree";

export interface Frames {
  /** *frame* has been told; its document follows. */
  met(frame: HTMLIFrameElement): void;
  /** *frame* has loaded a document, maybe another one. */
  loaded(frame: HTMLIFrameElement): void;
  /** Tell the documents that wait, and those that have changed. */
  attach(): void;
  forget(): void;
  stop(): void;
}

export interface FramesContext {
  tree: Tree;
  dirty: Dirty;
  teller: Teller;
  nextRound(): number;
  enter(root: Root): void;
  write(type: number, data: string): void;
  blocked(frame: Element): boolean;
  /** *inner* has been told. */
  told(inner: Document): void;
}

export function makeFrames(context: FramesContext): Frames {
  const { tree, dirty, teller, enter, write } = context;
  let known = new Set<HTMLIFrameElement>();

  /** The document of *frame* that can be told now. */
  function documentIn(frame: HTMLIFrameElement): Document | null {
    const inner = frame.contentDocument;
    if (!inner?.documentElement) return null;
    const src = frame.getAttribute("src");
    const leads = frame.hasAttribute("srcdoc") || (src && src !== "about:blank");
    // The blank page that stands in a frame until its own comes.
    return inner.URL === "about:blank" &&
      leads &&
      inner.readyState !== "loading" &&
      !inner.body?.firstChild
      ? null
      : inner;
  }

  function tell(frame: HTMLIFrameElement, inner: Document): void {
    const one = tree.known(frame);
    if (one.inner) tree.drop(one.inner);
    context.nextRound();
    enter(inner);
    one.inner = inner;
    const json = finish(teller.nested(inner, frame));
    write(
      3,
      `{"source":0,"texts":[],"attributes":[],"removes":[],"adds":[{"parentId":${one.id},` +
        `"nextId":null,"node":${json}}],"isAttachIframe":true}`,
    );
    context.told(inner);
  }

  return {
    met: (frame) => known.add(frame),
    loaded: (frame) => {
      known.add(frame);
      // It leads away from our origin now: nothing of it can be told any more.
      if (!frame.contentDocument && tree.known(frame).inner) dirty.renew(frame);
    },
    attach: () => {
      for (const frame of known) {
        if (!tree.has(frame)) {
          known.delete(frame);
          continue;
        }
        const inner = context.blocked(frame) ? null : documentIn(frame);
        if (inner && inner !== tree.known(frame).inner) tell(frame, inner);
      }
    },
    forget: () => {
      known = new Set();
    },
    stop: () => {
      known = new Set();
    },
  };
}
