// Owns where in a rule file a position is: the keys that lead there, and whether a key or a value
// is due. Works on text that is being typed, so it reads lines and brackets, never a whole tree.

export interface Place {
  /** Keys from the file's top; an item of a list is "[]". */
  path: string[];
  /** What is due here. */
  due: "key" | "value";
  /** The word before the position, and where it begins. */
  word: string;
  from: number;
  /** Keys written so far in the mapping that the position is in, with their values as text. */
  siblings: Map<string, string>;
  /** The same of the mappings around it, nearest first. */
  around: Map<string, string>[];
  /** Inside {...} or [...], where a comma follows and no line break. */
  flow: boolean;
}

interface Frame {
  kind: "map" | "list";
  flow: boolean;
  indent: number;
  key: string | null;
  keys: Map<string, string>;
}

const KEY = /^("[^"]*"|'[^']*'|[^\s"'#{}[\],&*!|>%@`:][^\s#{}[\],:]*)\s*:(?=\s|$)/;
const WORD = /[\w$.-]*$/;

const unquoted = (text: string) => text.replace(/^(["'])(.*)\1$/, "$2");

class Reader {
  frames: Frame[] = [];

  get top(): Frame | undefined {
    return this.frames.at(-1);
  }

  get inFlow(): boolean {
    return this.top?.flow ?? false;
  }

  open(kind: Frame["kind"], flow: boolean, indent: number): Frame {
    const frame = { kind, flow, indent, key: null, keys: new Map<string, string>() };
    this.frames.push(frame);
    return frame;
  }

  /** Read one line of block style from *indent* on, or go on with the flow that is open. */
  line(text: string, last: boolean): void {
    if (this.inFlow) {
      this.flow(text);
      return;
    }
    const bare = text.trimStart();
    if ((bare === "" && !last) || bare.startsWith("#")) return;
    let column = text.length - bare.length;
    let rest = bare;
    while (/^-(\s|$)/.test(rest)) {
      this.close(column, "list");
      if (this.top?.kind !== "list" || this.top.indent !== column) this.open("list", false, column);
      const inner = rest.slice(1).trimStart();
      column += rest.length - inner.length;
      rest = inner;
    }
    const key = KEY.exec(rest);
    this.close(column, "map");
    if (!key) {
      this.flow(rest);
      return;
    }
    if (this.top?.kind !== "map" || this.top.indent !== column) this.open("map", false, column);
    this.name(unquoted(key[1] ?? ""));
    this.flow(rest.slice(key[0].length));
  }

  /** Leave the frames that something at *column* no longer belongs to. */
  private close(column: number, kind: Frame["kind"]): void {
    for (let top = this.top; top; top = this.top) {
      // A list may stand as far left as the key that it belongs to.
      const stays = top.kind === kind || kind === "list";
      const inside = top.indent < column || (top.indent === column && stays);
      if (inside) return;
      this.frames.pop();
    }
  }

  private name(key: string): void {
    const top = this.top;
    if (!top) return;
    top.key = key;
    top.keys.set(key, "");
  }

  /** Read values: scalars and what stands in brackets. */
  flow(text: string): void {
    let at = 0;
    let scalar = "";
    const settle = () => {
      const top = this.top;
      if (top?.key != null && scalar.trim()) top.keys.set(top.key, scalar.trim());
      scalar = "";
    };
    while (at < text.length) {
      const char = text[at] ?? "";
      if (char === "#" && (at === 0 || /\s/.test(text[at - 1] ?? ""))) break;
      if ((char === '"' || char === "'") && !scalar.trim()) {
        const end = text.indexOf(char, at + 1);
        const key = this.top?.flow && end > 0 && /^\s*:/.test(text.slice(end + 1));
        const inner = text.slice(at + 1, end < 0 ? undefined : end);
        at = end < 0 ? text.length : end + 1;
        if (key) {
          this.name(inner);
          at = text.indexOf(":", at) + 1;
        } else scalar = inner;
        continue;
      }
      if ((char === "{" || char === "[") && !scalar.trim()) {
        this.open(char === "{" ? "map" : "list", true, Number.POSITIVE_INFINITY);
        scalar = "";
      } else if ((char === "}" || char === "]") && this.inFlow) {
        settle();
        this.frames.pop();
      } else if (char === "," && this.inFlow) {
        settle();
        if (this.top) this.top.key = null;
      } else if (char === ":" && this.inFlow && this.top?.kind === "map" && this.top.key === null) {
        this.name(scalar.trim());
        scalar = "";
      } else scalar += char;
      at += 1;
    }
    if (!this.inFlow || this.top?.key != null) settle();
  }
}

/** Return where *position* of *text* is. */
export function placeOf(text: string, position: number): Place {
  const before = text.slice(0, position);
  const word = WORD.exec(before)?.[0] ?? "";
  const from = position - word.length;
  const lines = before.slice(0, from).split("\n");
  const reader = new Reader();
  lines.forEach((line, number) => {
    reader.line(line, number === lines.length - 1);
  });
  const current = lines.at(-1) ?? "";
  const opened = reader.inFlow ? null : openHere(reader, current);
  const frames = reader.frames;
  const top = opened ?? frames.at(-1);
  const due = dueIn(top, current, reader.inFlow);
  const path = frames.flatMap((frame) => (frame.kind === "list" ? ["[]"] : [frame.key ?? ""]));
  if (due === "key" && top?.kind === "map" && path.length) path.pop();
  const maps = frames.filter((frame) => frame.kind === "map").map((frame) => frame.keys);
  return {
    path,
    due,
    word,
    from,
    siblings: top?.kind === "map" ? top.keys : new Map(),
    around: maps.reverse(),
    flow: reader.inFlow,
  };
}

/** Put in the mapping that a key written at the end of *line* would belong to. */
function openHere(reader: Reader, line: string): Frame | null {
  const start = /^(\s*(?:-\s+)*)$/.exec(line);
  if (!start) return null;
  const column = (start[1] ?? "").length;
  const top = reader.top;
  if (top?.kind === "map" && top.indent === column) return top;
  return reader.open("map", false, column);
}

function dueIn(top: Frame | undefined, line: string, flow: boolean): Place["due"] {
  if (flow) return top?.kind === "map" && top.key === null ? "key" : "value";
  return /^\s*(-\s+)*$/.test(line) ? "key" : "value";
}
