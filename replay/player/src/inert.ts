// Owns taking out of a recording what would reach other hosts past the stage's policy: browsers open
// connections and look up names for hints in the markup, and no policy keeps them from it. A frame
// with an address is such a hint, too: the policy refuses it when the browser has connected already.
// Whoever can send a recording could tell by that who watches it, and when. Likewise a page may set
// what its requests tell of where they come from, past the stage's own header.

import { EventType, type eventWithTime, IncrementalSource } from "@rrweb/types";

const HINTS = /\b(?:preconnect|dns-prefetch|prefetch|prerender|preload|modulepreload)\b/i;
const FRAMES = /^(?:iframe|frame|fencedframe|portal)$/i;
const ADDRESSES = /^(?:src|srcdoc)$/i; // the snippet records rr_src, which leads nowhere

type Attributes = Record<string, unknown>;
interface Node {
  id: number;
  tagName?: unknown;
  attributes?: Attributes;
  childNodes?: Node[];
}
interface Drawing {
  source?: number;
  node?: Node;
  adds?: { node: Node }[];
  attributes?: { id: number; attributes: Attributes }[];
}

/** Cleans the events of one document. */
export class Inert {
  readonly #frames = new Set<number>();

  /** Take hints, referrers' policies and the addresses of frames out of what *event* draws; return it. */
  clean(event: eventWithTime): eventWithTime {
    const data = event.data as unknown as Drawing;
    if (event.type === EventType.FullSnapshot && data.node) this.#clean([data.node]);
    else if (isMutation(event)) {
      this.#clean((data.adds ?? []).map(({ node }) => node));
      for (const { attributes } of data.attributes ?? []) unhint(attributes);
    }
    return event;
  }

  /**
   * Keep *event*, which is about to be applied, from giving a frame an address. Not before: which
   * nodes are frames is known for certain once every event that may come first was cleaned.
   */
  disarm(event: eventWithTime): void {
    if (!isMutation(event)) return;
    const { attributes: changed } = event.data as unknown as Drawing;
    for (const { id, attributes } of changed ?? []) if (this.#frames.has(id)) unaddress(attributes);
  }

  /** Clean *nodes* and all below, without recursion: how deep is the page's choice. */
  #clean(nodes: Node[]): void {
    for (let node = nodes.pop(); node; node = nodes.pop()) {
      if (node.attributes) unhint(node.attributes);
      if (FRAMES.test(String(node.tagName))) {
        this.#frames.add(node.id);
        if (node.attributes) unaddress(node.attributes);
      }
      for (const child of node.childNodes ?? []) nodes.push(child);
    }
  }
}

function isMutation({ type, data }: eventWithTime): boolean {
  return (
    type === EventType.IncrementalSnapshot &&
    (data as unknown as Drawing).source === IncrementalSource.Mutation
  );
}

function unhint(attributes: Attributes): void {
  for (const name in attributes) if (tells(name, attributes[name])) delete attributes[name];
}

/** Say whether an attribute is a hint, or has the browser tell others the stage's address. */
function tells(name: string, value: unknown): boolean {
  switch (
    name.length // first, for most have another length
  ) {
    case 3:
      return name.toLowerCase() === "rel" && HINTS.test(String(value));
    case 4: // of <meta>; the address holds the token, and pictures are asked for at the site
      return name.toLowerCase() === "name" && /^\s*referrer\s*$/i.test(String(value));
    case 10:
      return name.toLowerCase() === "http-equiv";
    case 14:
      return name.toLowerCase() === "referrerpolicy";
    default:
      return false;
  }
}

/** Let a frame with *attributes* lead nowhere. */
function unaddress(attributes: Attributes): void {
  for (const name in attributes) if (ADDRESSES.test(name)) delete attributes[name];
}
