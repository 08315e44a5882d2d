// Owns what every page does in the browser: times in the reader's own zone, and copy buttons.

const DAY_MS = 86_400_000;

/**
 * Write each <time> in the reader's zone: the hour alone for today, with the date otherwise.
 * @param {ParentNode} root
 */
export function localTimes(root) {
  const language = document.documentElement.lang === "de" ? "de" : "en-GB"; // 24 hours in both
  const hour = new Intl.DateTimeFormat(language, { hour: "2-digit", minute: "2-digit" });
  const day = new Intl.DateTimeFormat(language, { day: "numeric", month: "short" });
  const full = new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "medium" });
  for (const element of root.querySelectorAll("time[datetime]")) {
    const at = new Date(element.dateTime);
    element.title = full.format(at);
    if (element.dataset.style === "long") element.textContent = full.format(at);
    else if (isToday(at)) element.textContent = hour.format(at);
    else element.textContent = `${day.format(at)}, ${hour.format(at)}`;
  }
}

/** @param {Date} at */
function isToday(at) {
  const now = new Date();
  return now.getTime() - at.getTime() < DAY_MS && now.getDate() === at.getDate();
}

/**
 * Copy *text*; return whether it worked. The console may be reached by plain http, which has no clipboard.
 * @param {string} text
 */
async function copied(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const field = document.createElement("textarea");
    const focused = document.activeElement;
    field.value = text;
    field.className = "sr-only";
    document.body.append(field);
    field.select();
    const done = document.execCommand("copy");
    field.remove();
    if (focused instanceof HTMLElement) focused.focus({ preventScroll: true });
    return done;
  }
}

/** @param {HTMLElement} button */
async function copy(button) {
  const text = button.querySelector("span");
  if (!text) return;
  const label = text.textContent;
  if (!(await copied(button.dataset.copy ?? ""))) return;
  text.textContent = button.dataset.copied ?? "";
  setTimeout(() => {
    text.textContent = label;
  }, 1500);
}

/** Close menus that are open, but for the one that *inside* belongs to. */
function closeMenus(inside) {
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    if (!(inside instanceof Node && menu.contains(inside))) menu.open = false;
  }
}

localTimes(document);
for (const here of document.querySelectorAll("nav [aria-current]")) {
  const nav = here.closest("nav"); // on a phone it is wider than the screen
  if (nav && nav.scrollWidth > nav.clientWidth)
    nav.scrollLeft = here.offsetLeft - nav.clientWidth / 3;
}
// A browser leaves what is cut off at the edge as it is, also when the Tab key gets there.
document.addEventListener("focusin", (event) => {
  const link = event.target instanceof Element && event.target.closest("nav a");
  if (link) link.scrollIntoView({ block: "nearest", inline: "nearest" });
});
document.addEventListener("change", (event) => {
  const field = event.target instanceof Element && event.target.closest("[data-submit]");
  if (field instanceof HTMLSelectElement) field.form?.requestSubmit();
});
document.addEventListener("click", (event) => closeMenus(event.target));
document.addEventListener("keydown", (event) => {
  const menu = document.querySelector("details.menu[open]");
  if (event.key !== "Escape" || !menu) return;
  menu.open = false;
  menu.querySelector("summary")?.focus();
});
document.addEventListener("click", (event) => {
  const button = event.target instanceof Element && event.target.closest("[data-copy]");
  if (button instanceof HTMLElement) void copy(button);
});
