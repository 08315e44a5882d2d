// Owns the editor's page: the text goes to the server for a check while somebody types, then over
// the last days; buttons and panels follow. Without this script the page is a plain form.

import { type Diagnostic, forceLinting, linter } from "@codemirror/lint";
import { StateEffect } from "@codemirror/state";
import type { EditorView } from "@codemirror/view";
import { Draft } from "./draft";
import { element, fill, send } from "./page";
import { openView } from "./view";
import type { Words } from "./words";

const PAUSE_MS = 500; // after the last key, so that a word is not checked letter by letter

interface Checked {
  findings: { line: number; column: number; message: string; level: "error" | "warning" }[];
  runs: boolean;
  fits: boolean;
  html: string;
}

const form = element("editor", HTMLFormElement);
const area = element("text", HTMLTextAreaElement);
const activate = element("activate", HTMLButtonElement);
const hint = element("activate-hint", HTMLElement);
const spoken = element("spoken", HTMLElement);

const opened = area.value;
let fits = false;
let leaving = false;
const draft = new Draft(form, spoken);

const words: Promise<Words | null> = fetch("/rules/edit/words")
  .then((answer) => (answer.ok ? answer.json() : null))
  .catch(() => null);

const recheck = StateEffect.define<null>(); // forceLinting does nothing once the text was checked

function textOf(view: EditorView): string {
  return view.state.doc.toString();
}

/** Return what a check is about: the text, and the file that it stands for. */
function asked(view: EditorView): string {
  return `${new FormData(form).get("name")}\n${textOf(view)}`;
}

/** Allow to activate, or say why not. */
function allow(state: "waiting" | "unfit" | "fits"): void {
  fits = state === "fits";
  activate.setAttribute("aria-disabled", String(!fits)); // it stays in the way of the Tab key
  hint.textContent = hint.dataset[state] ?? "";
}

/** Return what a check came to, with the first thing that is wrong: "1 error" alone would be a riddle. */
function told(): string {
  const first = document.querySelector("#checked .finding, #checked .failed");
  const parts = [element("verdict", HTMLElement), first].map((one) => one?.textContent ?? "");
  return parts.join(" ").replace(/\s+/g, " ").trim();
}

async function check(view: EditorView): Promise<Diagnostic[]> {
  const text = textOf(view);
  const about = asked(view);
  const answer = await send(form, "/rules/edit/check", text);
  if (about !== asked(view)) return []; // it went on; the next check is on its way
  if (!answer.ok) {
    hint.textContent = await answer.text();
    return [];
  }
  const checked = (await answer.json()) as Checked;
  fill("checked", checked.html);
  spoken.textContent = told();
  allow(checked.fits ? "fits" : "unfit");
  if (checked.runs) void draft.runFor(text);
  return checked.findings.map((one) => diagnostic(view, one));
}

/** Mark the word that a finding begins at, or else the rest of its line. */
function diagnostic(view: EditorView, one: Checked["findings"][number]): Diagnostic {
  const line = view.state.doc.line(Math.min(Math.max(1, one.line), view.state.doc.lines));
  const from = Math.min(line.from + Math.max(0, one.column - 1), line.to);
  const word = /^[^\s,{}[\]]+/.exec(view.state.doc.sliceString(from, line.to))?.[0].length ?? 0;
  const to = word ? from + word : line.to;
  return { from, to, severity: one.level, message: one.message };
}

const view = openView(
  area,
  words,
  changed,
  linter(check, {
    delay: PAUSE_MS,
    needsRefresh: (update) =>
      update.transactions.some((one) => one.effects.some((effect) => effect.is(recheck))),
  }),
);

function changed(): void {
  allow("waiting");
  draft.outdate();
}

/** Put the cursor where a finding or an example stands. */
function goTo(button: HTMLElement): void {
  const line = view.state.doc.line(Math.min(Number(button.dataset.line), view.state.doc.lines));
  const head = Math.min(line.from + Number(button.dataset.column) - 1, line.to);
  view.dispatch({ selection: { anchor: head }, scrollIntoView: true });
  view.focus();
}

document.addEventListener("click", (event) => {
  const button = event.target instanceof Element && event.target.closest("button.place");
  if (button instanceof HTMLElement) goTo(button);
});

form.addEventListener("submit", (event) => {
  area.value = textOf(view);
  if (event.submitter === activate && !fits) {
    event.preventDefault();
    spoken.textContent = hint.textContent;
  } else if (event.submitter?.id === "run") {
    event.preventDefault();
    void draft.runFor(area.value, true);
  } else leaving = true;
});

form.addEventListener("input", (event) => {
  // Another name may stand for another file: what was checked no longer counts.
  if (event.target instanceof HTMLInputElement && event.target.name === "name") {
    allow("waiting");
    view.dispatch({ effects: recheck.of(null) });
  }
});

window.addEventListener("beforeunload", (event) => {
  if (!leaving && textOf(view) !== opened) event.preventDefault();
});

for (const button of document.querySelectorAll<HTMLElement>(".no-script")) button.hidden = true;
element("editor-hint", HTMLElement).hidden = false;
document.getElementById("notice")?.focus();
allow("waiting");
forceLinting(view);
