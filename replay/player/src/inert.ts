// Owns taking out of a recording what would reach other hosts past the stage's policy: browsers open
// connections and look up names for hints in the markup, and no policy keeps them from it. Whoever
// can send a recording could tell by that who watches it, and when.

import { EventType, type eventWithTime, IncrementalSource } from "@rrweb/types";

const HINTS = /\b(?:preconnect|dns-prefetch|prefetch|prerender|preload|modulepreload)\b/i;

type Attributes = Record<string, unknown>;
interface Node {
  attributes?: Attributes;
  childNodes?: Node[];
}

/** Take hints to the browser out of what *event* draws, and return it. */
export function inert(event: eventWithTime): eventWithTime {
  const data = event.data as unknown as {
    source?: number;
    node?: Node;
    adds?: { node: Node }[];
    attributes?: { attributes: Attributes }[];
  };
  if (event.type === EventType.FullSnapshot && data.node) clean([data.node]);
  else if (
    event.type === EventType.IncrementalSnapshot &&
    data.source === IncrementalSource.Mutation
  ) {
    clean((data.adds ?? []).map(({ node }) => node));
    for (const { attributes } of data.attributes ?? []) unhint(attributes);
  }
  return event;
}

/** Clean *nodes* and all below, without recursion: how deep is the page's choice. */
function clean(nodes: Node[]): void {
  for (let node = nodes.pop(); node; node = nodes.pop()) {
    if (node.attributes) unhint(node.attributes);
    for (const child of node.childNodes ?? []) nodes.push(child);
  }
}

function unhint(attributes: Attributes): void {
  for (const name in attributes) {
    if (name.length !== 3 && name.length !== 10) continue; // most have another name
    const lower = name.toLowerCase();
    const hint = lower === "rel" && HINTS.test(String(attributes[name]));
    if (hint || lower === "http-equiv") delete attributes[name];
  }
}
