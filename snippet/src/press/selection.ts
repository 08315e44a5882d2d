// The text selection, reduced to what tells that it has changed.

import { focused } from "../privacy/dom";
import { editable } from "../target/pressable";

function state(): string {
  const active = focused() as HTMLInputElement | null;
  if (active && editable(active)) {
    try {
      const { selectionStart, selectionEnd } = active;
      if (selectionStart != null) return `${selectionStart}-${selectionEnd}`;
    } catch {
      return ""; // number and e-mail fields do not tell
    }
  }
  const selection = (active?.ownerDocument ?? document).getSelection();
  if (selection?.type !== "Range") return "";
  return `${selection.anchorOffset}-${selection.focusOffset}-${selection}`;
}

export interface Selected {
  /** What is selected now: `same` as when last asked, something `new`, or `nothing` any more. */
  look(): "same" | "new" | "nothing";
}

export function makeSelected(): Selected {
  let before = "";
  return {
    look: () => {
      const now = state();
      if (now === before) return "same";
      before = now;
      return now ? "new" : "nothing";
    },
  };
}
