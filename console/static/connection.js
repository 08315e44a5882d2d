// Owns the connection check while its page is open: it is asked for again until visits arrive, and then seldom.

import { localTimes } from "./console.js";

const OFTEN_MS = 2000;
const SELDOM_MS = 20_000; // somebody may still be changing their pages

/** @param {HTMLElement} place */
async function look(place) {
  if (!document.hidden) {
    try {
      const answer = await fetch(place.dataset.check);
      if (answer.redirected || !answer.ok) return; // signed out: the next click says so
      show(place, await answer.text());
    } catch {
      // the server restarts, say: ask again
    }
  }
  const received = place.querySelector('[data-state="received"]');
  setTimeout(() => void look(place), received ? SELDOM_MS : OFTEN_MS);
}

/**
 * Replace what changed; a screen reader is told of that alone.
 * @param {HTMLElement} place
 * @param {string} html rendered by the server, escaped there
 */
function show(place, html) {
  const template = document.createElement("template");
  template.innerHTML = html;
  localTimes(template.content);
  const fresh = [...template.content.children];
  const same = fresh.length === place.children.length;
  if (same && fresh.every((one, at) => one.outerHTML === place.children[at].outerHTML)) return;
  const focused = place.contains(document.activeElement);
  place.replaceChildren(...fresh);
  if (focused) place.querySelector("a")?.focus({ preventScroll: true });
}

for (const place of document.querySelectorAll("[data-check]")) {
  setTimeout(() => void look(place), OFTEN_MS);
}
