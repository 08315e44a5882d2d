// Owns finding the elements of a map in the recorded page that is drawn: by the snippet's own code, so that
// their keys are those that the snippet sent. Shows the page in its whole height.

import { makePrivacy, type PrivacyConfig } from "../../../snippet/src/privacy";
import { makeDescribe } from "../../../snippet/src/target/describe";
import type { Box, Mapped } from "./protocol";

const MOST_ELEMENTS = 6_000; // of a page that are looked at: each takes some hundredths of a millisecond
const MOST_HEIGHT = 12_000; // px of a page that are shown: more would be a picture of its own
const MOST_WAY = 3; // times that the height is measured: a page may grow with the space that it gets

type Key = (element: Element) => string;

/**
 * Return how the snippet calls elements. What is masked in the recording had no name of its own there, so
 * both ways count: by the site's preset, and with all names that are to be read.
 */
function callers(preset: string): Key[] {
  return [preset, "open"].map((privacy) => {
    const describe = makeDescribe(
      makePrivacy({ privacy: privacy as PrivacyConfig["privacy"] }),
      () => undefined,
    );
    return (element) => describe(element).key;
  });
}

/** Give the elements in *root*, those in shadow roots too. */
function* elements(root: ParentNode): Generator<Element> {
  for (const element of root.querySelectorAll("*")) {
    yield element;
    if (element.shadowRoot) yield* elements(element.shadowRoot);
  }
}

/** Let *frame* be as high as its page, and return that size. */
function unfold(frame: HTMLIFrameElement, page: Document): { width: number; height: number } {
  const { style } = frame;
  for (let time = 0; time < MOST_WAY; time++) {
    const { scrollHeight } = page.documentElement;
    if (scrollHeight <= frame.clientHeight) break;
    style.height = `${Math.min(scrollHeight, MOST_HEIGHT)}px`;
  }
  page.defaultView?.scrollTo(0, 0);
  return { width: frame.clientWidth, height: frame.clientHeight };
}

/** Return where the elements called *keys* are in the page that *frame* shows; null if it shows none. */
export function mapped(
  frame: HTMLIFrameElement | null,
  keys: string[],
  preset: string,
): Mapped | null {
  const page = frame?.contentDocument;
  if (!frame || !page?.body) return null;
  const size = unfold(frame, page);
  const wanted = new Set(keys);
  const boxes: Record<string, Box> = Object.create(null); // a key may be called __proto__
  const called = callers(preset);
  let looked = 0;
  for (const element of elements(page.body)) {
    if (!wanted.size || ++looked > MOST_ELEMENTS) break;
    const { left, top, width, height } = element.getBoundingClientRect();
    if (!width || !height) continue;
    for (const key of new Set(called.map((call) => call(element)))) {
      if (!wanted.delete(key)) continue;
      boxes[key] = [left, top, width, height];
    }
  }
  return { ...size, boxes };
}
