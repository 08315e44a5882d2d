// Owns forms that write rules while they are filled in: what would be written, whether it is
// right, and what it would change over the last days, without a reload.

import { localTimes } from "./console.js";

const PAUSE_MS = 400; // after the last key: no question for each letter

const form = document.getElementById("proposal-form");
const preview = document.getElementById("proposal-preview");
const effect = document.getElementById("proposal-effect");

const spoken = document.getElementById("spoken");

let timer = 0;
let asked = new AbortController();

/**
 * @param {string} what preview or effect
 * @param {AbortSignal} signal
 */
async function ask(what, signal) {
  const body = new FormData(form);
  body.set("do", what);
  const answer = await fetch(form.action, { method: "POST", body, signal });
  if (!answer.ok) throw new Error(String(answer.status));
  return answer.text();
}

/**
 * @param {HTMLElement} place
 * @param {string} html rendered by the server, escaped there
 */
function put(place, html) {
  const template = document.createElement("template");
  template.innerHTML = html;
  localTimes(template.content);
  place.replaceChildren(template.content);
}

/**
 * @param {HTMLElement} place
 * @param {string} text
 */
function note(place, text) {
  const line = document.createElement("p");
  line.className = "hint";
  line.textContent = text;
  place.replaceChildren(line);
}

/** Read out what came of it in a sentence: all that has changed on the page would be far too much. */
function speak() {
  const wrong = preview.querySelector(".found-errors, .failed");
  const figures = effect.querySelector("[data-spoken]");
  const text =
    wrong?.textContent ?? figures?.dataset.spoken ?? preview.querySelector(".hint")?.textContent;
  spoken.textContent = (text ?? "").trim().replace(/\s+/g, " ");
}

async function refresh() {
  asked.abort();
  asked = new AbortController();
  const { signal } = asked;
  if (!form.checkValidity()) return; // half-filled: the server would only say what is missing
  note(effect, effect.dataset.busy ?? "");
  effect.setAttribute("aria-busy", "true");
  try {
    put(preview, await ask("preview", signal));
    const fits = preview.querySelector("[data-fits]");
    form.dataset.fits = fits?.getAttribute("data-fits") ?? "no";
    if (!fits) {
      note(effect, effect.dataset.waiting ?? "");
      effect.removeAttribute("aria-busy");
      speak();
      return;
    }
    put(effect, await ask("effect", signal));
    effect.removeAttribute("aria-busy");
    speak();
  } catch {
    if (signal.aborted) return; // another question is under way
    note(effect, effect.dataset.failed ?? "");
    effect.removeAttribute("aria-busy");
  }
}

function soon() {
  clearTimeout(timer);
  timer = setTimeout(refresh, PAUSE_MS);
}

if (form instanceof HTMLFormElement && preview && effect && spoken) {
  form.addEventListener("input", soon);
  form.querySelector("[data-preview]")?.remove(); // it shows by itself
  if (!preview.querySelector("[data-fits]")) void refresh();
}
