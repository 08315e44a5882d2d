// Option `code_button`: a small button that shows the visit's spoken code, to be read to the support.
// It stands in a corner, or where the page has an element with `data-stolper-code`. In a closed shadow
// root: the page's styles do not reach it, and it is neither recorded nor heard.

import { all } from "../guard";
import { type Part, plug } from "./parts";

const WORDS = {
  en: {
    button: "Support code",
    say: "Read this code to our support:",
    wait: "One moment …",
    none: "No code can be had right now.",
    copy: "Copy",
    copied: "Copied",
  },
  de: {
    button: "Support-Code",
    say: "Diesen Code nennen Sie unserem Support:",
    wait: "Einen Moment …",
    none: "Gerade ist kein Code zu bekommen.",
    copy: "Kopieren",
    copied: "Kopiert",
  },
};

const STYLE = `
:host { all: initial !important; display: inline-grid !important; justify-items: start !important; }
:host(.corner) { position: fixed !important; z-index: 2147483000 !important; bottom: 12px !important;
  bottom: calc(12px + env(safe-area-inset-bottom)) !important; }
:host(.left) { left: 12px !important; } :host(.right) { right: 12px !important;
  justify-items: end !important; }
@media print { :host(.corner) { display: none !important; } }
* { box-sizing: border-box; margin: 0; font: 14px/1.4 system-ui, sans-serif; }
div { display: grid; gap: 8px; justify-items: start; max-width: 260px; margin-bottom: 8px; padding: 14px 16px;
  border: 1px solid #7c8794; border-radius: 10px; background: #fff; color: #18212c; box-shadow: 0 6px 20px #0003; }
[hidden], div[hidden] { display: none; }
output { font: 600 26px/1.2 ui-monospace, Menlo, Consolas, monospace; letter-spacing: .06em; }
output span { font: inherit; }
output.words { font: 14px/1.4 system-ui, sans-serif; letter-spacing: 0; }
.sr { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
button { min-height: 40px; padding: 0 14px; border: 1px solid #fff; border-radius: 20px; background: #1b2836; color: #fff;
  cursor: pointer; }
div button { min-height: 32px; border-color: #7c8794; border-radius: 6px; background: #fff; color: #18212c; }
button:focus-visible { outline: 3px solid #1d5bb8; outline-offset: 2px; }
@media (forced-colors: active) { button, div { border-color: currentColor; } }
`;

function make<K extends keyof HTMLElementTagNameMap>(tag: K, text = ""): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  element.textContent = text;
  return element;
}

const code: Part = ({ scope: { config, guard } }) => {
  const language = document.documentElement.lang || navigator.language;
  const words = /^de/i.test(language) ? WORDS.de : WORDS.en;
  const place = document.querySelector("[data-stolper-code]");
  const host = make("section");
  host.setAttribute("data-stolper", "ignore");
  if (!place) host.className = `corner ${config.options?.code_button}`;
  const root = host.attachShadow({ mode: "closed" });
  const sheet = new CSSStyleSheet(); // no inline style: pages' policies allow this one
  sheet.replaceSync(STYLE);
  root.adoptedStyleSheets = [sheet];

  const panel = make("div");
  const output = make("output");
  const copy = make("button", words.copy);
  const button = make("button", words.button);
  panel.append(make("p", words.say), output, copy);
  panel.hidden = true;
  for (const one of [button, copy]) one.type = "button";
  button.setAttribute("aria-expanded", "false");
  root.append(panel, button);
  let told = "";

  function say(text: string): void {
    output.className = "words";
    output.textContent = text;
    copy.hidden = true;
  }

  function tell(found: unknown): void {
    if (typeof found !== "string") {
      say(words.none);
      return;
    }
    told = `${found.slice(0, 3)} ${found.slice(3)}`;
    const shown = make("span", told);
    const heard = make("span", [...found].join(" ")); // letter by letter, not as a word
    shown.setAttribute("aria-hidden", "true");
    heard.className = "sr";
    output.className = "";
    output.replaceChildren(shown, heard);
    copy.hidden = false;
    copy.textContent = words.copy;
  }

  function toggle(open: boolean): void {
    panel.hidden = !open;
    button.setAttribute("aria-expanded", String(open));
    if (!open) return;
    say(words.wait);
    const nothing = guard(() => tell(false));
    Promise.resolve(window.stolper?.("code")).then(guard(tell), nothing);
  }

  (place ?? document.body).append(host);
  return all([
    guard.listen(button, "click", () => toggle(panel.hidden === true)),
    guard.listen(copy, "click", () => {
      const done = guard(() => {
        copy.textContent = words.copied;
      });
      navigator.clipboard?.writeText(told).then(done, () => {}); // refused: it can be read as well
    }),
    guard.listen<KeyboardEvent>(host, "keydown", (event) => {
      if (event.key !== "Escape" || panel.hidden) return;
      toggle(false);
      button.focus();
    }),
    { stop: () => host.remove() },
  ]);
};

plug(code);
