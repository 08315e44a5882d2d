// What the replay has: for every node its id, what it stands under, and its children there. Changes
// are told as the difference between this and the page, so that it does not matter how the page got
// there, how long it took and how often it turned.

export interface Known {
  readonly id: number;
  /** What it stands under in the replay (a root's host, a document's frame); null: not in it. */
  at: Node | null;
  /** Its children there, a root's or a frame's document's among their own. */
  kids: Node[];
  /** Its shadow root, or the document of the frame. */
  inner: Node | null;
  /** The round of changes that told of it. */
  round: number;
  /** Of a text node: what it said when it was told, before any mask. */
  text: string | null;
}

export interface Tree {
  /** What is known of *node*; an unknown one is given an id. Ids are never given anew. */
  known(node: Node): Known;
  /** The replay has *node*. */
  has(node: Node | null): boolean;
  /** The replay has *node* from now on, under *at*. */
  put(node: Node, at: Node, round: number): Known;
  /** It is the last child there. */
  append(node: Node, at: Node): void;
  /** *fresh* stands in the place of *old* from now on, and is what the replay calls by its id. */
  adopt(old: Node, fresh: Node): void;
  /** Replay and page part: *node* and all below are not in the replay any more. */
  drop(node: Node): void;
  /** The nearest node at or above *node* that the replay has. */
  nearest(node: Node | null): Node | null;
}

const NONE: Node[] = [];

export function makeTree(up: (node: Node) => Node | null): Tree {
  const all = new WeakMap<Node, Known>();
  let next = 1;

  function known(node: Node): Known {
    let found = all.get(node);
    if (!found) {
      found = { id: next++, at: null, kids: NONE, inner: null, round: 0, text: null };
      all.set(node, found);
    }
    return found;
  }

  const has = (node: Node | null) => node !== null && (all.get(node)?.at ?? null) !== null;

  function drop(node: Node): void {
    const one = all.get(node);
    if (!one?.at) return;
    one.at = null;
    const { kids, inner } = one;
    one.kids = NONE;
    one.inner = null;
    for (const kid of kids) drop(kid);
    if (inner) drop(inner);
  }

  return {
    known,
    has,
    put: (node, at, round) => {
      const one = known(node);
      one.at = at;
      one.round = round;
      return one;
    },
    append: (node, at) => {
      const parent = known(at);
      if (parent.kids === NONE) parent.kids = [node];
      else parent.kids.push(node);
    },
    adopt: (old, fresh) => {
      all.set(fresh, known(old));
      all.delete(old);
    },
    drop,
    nearest: (node) => {
      let at = node;
      while (at && !has(at)) at = up(at);
      return at;
    },
  };
}
