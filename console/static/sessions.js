// Owns the sessions list while it is open: rows change as sessions do, without a reload.

import { localTimes } from "./console.js";

const LEAST_MS = 500; // between two loads of the rows, however much happens

const list = document.getElementById("list");
const body = document.getElementById("rows");
let timer = 0;
let loading = false;

function soon() {
  if (!timer) timer = setTimeout(load, LEAST_MS);
}

async function load() {
  timer = 0;
  if (loading) return soon();
  loading = true;
  try {
    const answer = await fetch(list.dataset.rows);
    if (answer.ok) show(await answer.text());
  } catch {
    // Not reached: the rows stay, and the next news asks again.
  } finally {
    loading = false;
  }
}

/**
 * Put new rows in, replace changed ones, leave the rest alone so that focus stays.
 * @param {string} html rendered by the server, escaped there
 */
function show(html) {
  const template = document.createElement("template");
  template.innerHTML = html;
  const rows = [...template.content.querySelectorAll("tr")];
  if (rows.length === 0) return;
  localTimes(template.content);
  const wanted = new Set(rows.map((row) => row.id));
  for (const old of [...body.children]) if (!wanted.has(old.id)) old.remove();
  const total = rows[0].dataset.total;
  rows.forEach((row, place) => {
    const old = document.getElementById(row.id);
    const here = body.children[place];
    if (!old) {
      row.classList.add("fresh");
      body.insertBefore(row, here ?? null);
      return;
    }
    if (old !== here) body.insertBefore(old, here ?? null);
    replaceCells(old, row);
  });
  list.hidden = false;
  document.getElementById("total").textContent = total;
  document.getElementById("empty")?.remove();
}

/**
 * @param {HTMLTableRowElement} old
 * @param {HTMLTableRowElement} fresh
 */
function replaceCells(old, fresh) {
  old.className = fresh.className;
  [...fresh.cells].forEach((cell, place) => {
    const here = old.cells[place];
    if (here.innerHTML === cell.innerHTML) return;
    const focused = here.contains(document.activeElement);
    here.replaceChildren(...cell.childNodes);
    if (focused) here.querySelector("a")?.focus({ preventScroll: true });
  });
}

const AGAIN_MS = 5000;

/** @type {EventSource | null} */
let news = null;
let opened = 0;

/** Listen while the page is seen: a browser has six connections for all its tabs. */
function listen() {
  news?.close();
  news = null;
  if (document.hidden) return;
  const source = new EventSource("/live");
  news = source;
  source.addEventListener("news", soon);
  source.addEventListener("hello", () => {
    if (opened++) soon(); // back after a break: what was missed is in the rows
  });
  source.addEventListener("error", () => {
    // After an answer that is no stream (a proxy without its server) a browser gives up for good.
    if (source.readyState === EventSource.CLOSED && source === news)
      setTimeout(again, AGAIN_MS, source);
  });
}

/** @param {EventSource} source */
function again(source) {
  if (source === news) listen();
}

if (list && body) {
  document.addEventListener("visibilitychange", listen);
  listen();
}
