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

/** @param {HTMLElement} button */
async function copy(button) {
  const text = button.querySelector("span");
  if (!text) return;
  const label = text.textContent;
  await navigator.clipboard.writeText(button.dataset.copy ?? "");
  text.textContent = button.dataset.copied ?? "";
  setTimeout(() => {
    text.textContent = label;
  }, 1500);
}

localTimes(document);
document.addEventListener("click", (event) => {
  const button = event.target instanceof Element && event.target.closest("[data-copy]");
  if (button instanceof HTMLElement) void copy(button);
});
