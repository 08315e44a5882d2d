// Owns the preview beside a row of a list of sessions, while pointer or focus rest on it.

const REST_MS = 350; // how long a pointer has to rest: who only passes by asks for nothing
const KEEP = 30; // previews that are kept, so that going back shows them at once

const body = document.getElementById("rows");
const card = document.createElement("div");
/** @type {Map<string, string>} */
const known = new Map();
/** @type {AbortController | null} */
let asking = null;
let timer = 0;
/** @type {HTMLTableRowElement | null} */
let shown = null;

/** @param {HTMLTableRowElement} row */
function soon(row) {
  if (row === shown) return;
  hide();
  timer = setTimeout(show, REST_MS, row);
}

function hide() {
  clearTimeout(timer);
  asking?.abort();
  asking = null;
  card.hidden = true;
  shown?.querySelector("a")?.removeAttribute("aria-describedby");
  shown = null;
}

/** @param {HTMLTableRowElement} row */
async function show(row) {
  const html = await previewOf(row.id.slice(2));
  if (!html || !row.isConnected) return;
  shown = row;
  card.innerHTML = html; // rendered by the server, escaped there
  card.hidden = false;
  row.querySelector("a")?.setAttribute("aria-describedby", card.id);
  place(row);
}

/** @param {string} session */
async function previewOf(session) {
  const kept = known.get(session);
  if (kept) return kept;
  asking = new AbortController();
  const { signal } = asking;
  try {
    const answer = await fetch(`/sessions/${encodeURIComponent(session)}/preview`, { signal });
    if (!answer.ok || answer.redirected) return "";
    const html = await answer.text();
    if (signal.aborted) return "";
    const running = document.getElementById(`s-${session}`)?.classList.contains("is-running");
    if (!running) keep(session, html);
    return html;
  } catch {
    return ""; // given up, or not reached: the row tells enough
  }
}

/**
 * @param {string} session
 * @param {string} html
 */
function keep(session, html) {
  known.set(session, html);
  const [oldest] = known.keys();
  if (known.size > KEEP) known.delete(oldest);
}

/**
 * Put the card below the row, or above it where there is more room.
 * @param {HTMLTableRowElement} row
 */
function place(row) {
  const at = row.getBoundingClientRect();
  const below = window.innerHeight - at.bottom > card.offsetHeight + 8;
  const top = below ? at.bottom + 2 : Math.max(8, at.top - card.offsetHeight - 2);
  card.style.setProperty("top", `${top}px`);
  card.style.setProperty("left", `${Math.max(8, at.right - card.offsetWidth - 12)}px`);
}

/** @param {EventTarget | null} target */
function rowOf(target) {
  const row = target instanceof Element ? target.closest("tr") : null;
  return row instanceof HTMLTableRowElement && row.id ? row : null;
}

/** @param {FocusEvent | MouseEvent} event */
function left(event) {
  const to = event.relatedTarget;
  if (to instanceof Node && (card.contains(to) || rowOf(to) === shown)) return;
  hide();
}

if (body && matchMedia("(hover: hover) and (min-width: 900px)").matches) {
  card.id = "preview";
  card.className = "card preview";
  card.setAttribute("role", "tooltip");
  card.hidden = true;
  body.closest("main")?.append(card);
  body.addEventListener("mouseover", (event) => {
    const row = rowOf(event.target);
    if (row) soon(row);
  });
  body.addEventListener("mouseleave", left);
  card.addEventListener("mouseleave", left);
  body.addEventListener("focusin", (event) => {
    const row = rowOf(event.target);
    if (row && event.target instanceof Element && event.target.matches(":focus-visible")) soon(row);
  });
  body.addEventListener("focusout", left);
  window.addEventListener("scroll", hide, { passive: true });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") hide();
  });
}
