// Owns the panel of script errors and console notes, with the source that uploaded maps tell of.

import type { DrawerRow } from "./drawer";
import { clock, fill, type Texts } from "./model";
import { make } from "./page";

/** A place in a script; *source* is where it stood before it was built. */
export interface Frame {
  file: string;
  line: number | null;
  column: number | null;
  source?: Source | null;
}

export interface Source {
  file: string;
  line: number;
  column: number;
  name: string;
  /** Lines around, with their numbers. */
  code: [number, string][];
}

export interface Log {
  id: string;
  at: number;
  level: "error" | "warn";
  kind: "error" | "rejection" | "console";
  text: string;
  hash: string;
  handled: boolean;
  frames: Frame[];
}

/** Draw *logs* into *list*; return the rows. */
export function drawLogs(
  list: HTMLElement,
  logs: Log[],
  start: number,
  texts: Texts,
  jump: (at: number) => void,
): DrawerRow[] {
  const rows = logs.map((one) => {
    const element = make("div", `log level-${one.level}`);
    const head = make("button", "log-head");
    head.type = "button";
    const text = one.text || fill(texts.text_kept_back, { hash: one.hash });
    head.append(
      make("span", "offset", clock(one.at - start)),
      make("span", "log-level", texts[`level_${one.level}`]),
      make("span", one.text ? "log-text" : "log-text is-kept-back", text),
    );
    const about = [];
    if (one.kind === "rejection") about.push(texts.kind_rejection);
    if (one.handled) about.push(texts.handled);
    if (about.length) head.append(make("span", "log-about", about.join(", ")));
    head.addEventListener("click", () => jump(one.at));
    element.append(head);
    if (one.frames.length) element.append(stack(one.frames, texts));
    const places = one.frames.map((frame) => `${frame.file} ${frame.source?.file ?? ""}`);
    const words = `${text} ${places.join(" ")}`.toLowerCase();
    return { at: one.at, element, words, failed: one.level === "error" };
  });
  list.replaceChildren(...rows.map(({ element }) => element));
  return rows;
}

function stack(frames: Frame[], texts: Texts): HTMLElement {
  const list = make("ol", "stack");
  frames.forEach((frame, number) => {
    const item = make("li");
    const { source } = frame;
    const built = place(frame.file, frame.line, frame.column);
    if (source) {
      const where = make("code", "", place(source.file, source.line, source.column));
      item.append(where);
      if (source.name) item.append(" ", make("code", "in-function", source.name));
      item.append(" ", make("span", "built muted", built));
      if (number === 0 && source.code.length) item.append(code(source));
    } else {
      item.append(make("code", "", built));
      if (number === 0 && source === null) item.append(" ", make("span", "hint", texts.no_map));
    }
    list.append(item);
  });
  return list;
}

function place(file: string, line: number | null, column: number | null): string {
  return [file, line, column].filter((part) => part !== null && part !== "").join(":");
}

/** The lines around the error, the one it happened in marked. */
function code(source: Source): HTMLElement {
  const block = make("pre", "source");
  block.tabIndex = 0;
  for (const [number, text] of source.code) {
    const line = make("span", number === source.line ? "line is-here" : "line");
    line.append(make("span", "line-number", String(number)), `${text}\n`);
    if (number === source.line) line.setAttribute("aria-current", "true");
    block.append(line);
  }
  return block;
}
