// Owns the form of a process while it is filled in: steps that move without a reload, and a trial
// that tells how far it is. Without this script each button loads the page anew, and all works.

import { localTimes } from "./console.js";

const form = document.getElementById("process-form");
const panel = document.getElementById("process-trial");
const spoken = document.getElementById("spoken");

let trial = new AbortController();

/** @param {string} name */
function find(name) {
  const current = document.getElementById("process-form");
  return current?.querySelector(name);
}

/**
 * Let the server arrange the form as *button* says, and put it in place of this one.
 * @param {string} what value of `do`
 */
async function arrange(what) {
  const current = document.getElementById("process-form");
  if (!(current instanceof HTMLFormElement)) return;
  const focused = document.activeElement;
  const name = focused instanceof HTMLElement ? focused.getAttribute("name") : null;
  const body = new FormData(current);
  body.set("do", what);
  const answer = await fetch(current.action, { method: "POST", body });
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const next = page.getElementById("process-form");
  if (!next) return current.submit(); // signed out, or the process is gone: that page says so
  current.replaceWith(next);
  focusAgain(what, name);
}

/**
 * @param {string} what
 * @param {string | null} name of what had the focus
 */
function focusAgain(what, name) {
  const [action, at] = what.split("-");
  const step = Number(at) + (action === "up" ? -1 : action === "down" ? 1 : 0);
  const places = {
    up: `[value="up-${step}"]:enabled, [value="down-${step}"]`,
    down: `[value="down-${step}"]:enabled, [value="up-${step}"]`,
    remove: `[value="remove-${step}"], [value="remove-${step - 1}"], [value="add"]`,
    add: ".form-step:last-child [name$='-what']",
  };
  const place = places[action] ?? (name ? `[name="${CSS.escape(name)}"]` : "");
  const found = place ? find(place) : null;
  if (found instanceof HTMLElement) found.focus();
  const count = document.querySelectorAll(".form-step").length;
  if (action in places && spoken) spoken.textContent = `${step + 1} / ${count}`;
}

/** @param {string} text */
function note(text) {
  const line = document.createElement("p");
  line.className = "hint";
  line.textContent = text;
  panel.replaceChildren(line);
}

/** @param {{done?: number, total?: number, html?: string, error?: string}} line */
function tell(line) {
  if (line.html !== undefined) {
    const template = document.createElement("template");
    template.innerHTML = line.html; // rendered by the server, escaped there
    localTimes(template.content);
    panel.replaceChildren(template.content);
    const figures = panel.querySelector("[data-spoken]");
    if (spoken) spoken.textContent = figures?.dataset.spoken ?? "";
  } else if (line.error !== undefined) {
    note(line.error);
    panel.firstElementChild?.classList.replace("hint", "alert");
    panel.firstElementChild?.setAttribute("role", "alert");
  } else {
    const bar = panel.querySelector("progress");
    if (bar && line.total) {
      bar.max = line.total;
      bar.value = line.done ?? 0;
    }
  }
}

/** Try the form on history; a newer try takes the place of one under way. */
async function tryOut() {
  const current = document.getElementById("process-form");
  if (!(current instanceof HTMLFormElement)) return;
  trial.abort();
  trial = new AbortController();
  const { signal } = trial;
  note(panel.dataset.busy ?? "");
  const bar = document.createElement("progress");
  bar.className = "trial-progress";
  bar.setAttribute("aria-label", panel.dataset.busy ?? "");
  panel.append(bar);
  panel.setAttribute("aria-busy", "true");
  try {
    const body = new FormData(current);
    const answer = await fetch(current.dataset.trial ?? "", { method: "POST", body, signal });
    if (!answer.body || (!answer.ok && answer.status !== 422)) throw new Error(`${answer.status}`);
    const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
    let text = "";
    for (let part = await reader.read(); !part.done; part = await reader.read()) {
      text += part.value;
      const lines = text.split("\n");
      text = lines.pop() ?? "";
      for (const line of lines) tell(JSON.parse(line));
    }
    if (text) tell(JSON.parse(text));
  } catch {
    if (!signal.aborted) note(panel.dataset.failed ?? "");
  }
  if (!signal.aborted) panel.removeAttribute("aria-busy");
}

if (form && panel) {
  document.addEventListener("submit", (event) => {
    const button = event.submitter;
    if (event.target !== document.getElementById("process-form")) return;
    const what = button?.getAttribute("value") ?? "";
    if (what === "save") return;
    event.preventDefault();
    if (what === "try") void tryOut();
    else void arrange(what);
  });
  document.addEventListener("change", (event) => {
    const field = event.target;
    if (field instanceof HTMLElement && field.closest("#process-form [data-refresh]")) {
      void arrange("show");
    }
  });
}
