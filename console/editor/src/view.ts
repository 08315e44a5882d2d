// Owns the text field: CodeMirror in the console's colours, with YAML, completion and findings.

import {
  autocompletion,
  type CompletionContext,
  type CompletionResult,
  closeBrackets,
  closeBracketsKeymap,
  completionKeymap,
} from "@codemirror/autocomplete";
import { defaultKeymap, history, historyKeymap, indentWithTab } from "@codemirror/commands";
import { yaml } from "@codemirror/lang-yaml";
import {
  bracketMatching,
  HighlightStyle,
  indentOnInput,
  indentUnit,
  syntaxHighlighting,
} from "@codemirror/language";
import { lintGutter, lintKeymap } from "@codemirror/lint";
import { highlightSelectionMatches, searchKeymap } from "@codemirror/search";
import { EditorState, type Extension } from "@codemirror/state";
import {
  drawSelection,
  EditorView,
  highlightActiveLine,
  highlightActiveLineGutter,
  keymap,
  lineNumbers,
} from "@codemirror/view";
import { tags } from "@lezer/highlight";
import { placeOf } from "./place";
import { optionsAt, type Words } from "./words";

const colours = HighlightStyle.define([
  { tag: [tags.propertyName, tags.definition(tags.propertyName)], class: "tok-key" },
  { tag: [tags.string, tags.content, tags.attributeValue], class: "tok-text" },
  { tag: tags.comment, class: "tok-comment" },
  { tag: [tags.punctuation, tags.separator, tags.squareBracket, tags.brace], class: "tok-mark" },
]);

const KINDS = { key: "property", value: "enum", event: "class", field: "variable", rule: "text" };

const BLINK_MS = 1200; // CodeMirror's own

function completing(words: Promise<Words | null>) {
  return async (context: CompletionContext): Promise<CompletionResult | null> => {
    const known = await words;
    if (!known) return null;
    const place = placeOf(context.state.doc.toString(), context.pos);
    const fresh = place.word === "" && place.due === "key";
    if (fresh && !context.explicit) return null;
    const options = optionsAt(known, place).map((one) => ({
      label: one.label,
      type: KINDS[one.kind],
      apply: place.due === "key" ? `${one.label}: ` : one.label,
      ...(one.detail ? { detail: one.detail } : {}),
      ...(one.info ? { info: one.info } : {}),
    }));
    return options.length ? { from: place.from, options, validFor: /^[\w$.-]*$/ } : null;
  };
}

/** Return the view that takes the place of *area*; *onChange* hears of each change of the text. */
export function openView(
  area: HTMLTextAreaElement,
  words: Promise<Words | null>,
  onChange: () => void,
  linting: Extension,
): EditorView {
  const view = new EditorView({
    state: EditorState.create({
      doc: area.value,
      extensions: [
        EditorView.cspNonce.of(area.dataset.nonce ?? ""),
        EditorView.darkTheme.of(isDark()),
        EditorView.contentAttributes.of({
          "aria-label": area.dataset.label ?? "",
          "aria-describedby": "editor-hint",
          tabindex: "0", // so that what scrolls around it counts as reachable by keyboard
        }),
        lineNumbers(),
        highlightActiveLine(),
        highlightActiveLineGutter(),
        history(),
        drawSelection({ cursorBlinkRate: isStill() ? 0 : BLINK_MS }),
        yaml(),
        indentUnit.of("  "),
        indentOnInput(),
        bracketMatching(),
        closeBrackets(),
        highlightSelectionMatches(),
        syntaxHighlighting(colours),
        autocompletion({ override: [completing(words)], icons: false }),
        lintGutter(),
        linting,
        keymap.of([
          ...closeBracketsKeymap,
          ...completionKeymap,
          ...lintKeymap,
          ...searchKeymap,
          ...historyKeymap,
          ...defaultKeymap,
          indentWithTab,
        ]),
        EditorView.updateListener.of((update) => {
          if (update.docChanged) onChange();
        }),
      ],
    }),
  });
  area.before(view.dom);
  area.hidden = true;
  return view;
}

/** Whether the reader asked for less motion. */
export function isStill(): boolean {
  return matchMedia("(prefers-reduced-motion: reduce)").matches;
}

/** Whether the page is dark: as the reader chose, else as the system says. */
function isDark(): boolean {
  const chosen = document.documentElement.dataset.theme;
  return chosen ? chosen === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
}
