// Owns what the transcript does by script: the button that prints it, and the panel of the session's page,
// which is fetched when it is opened and whose lines move the player.

for (const button of document.querySelectorAll("[data-print]")) {
  if (!(button instanceof HTMLElement)) continue;
  button.hidden = false;
  button.addEventListener("click", () => window.print());
}

const panel = document.getElementById("transcript-panel");
const place = panel?.querySelector(".transcript");

if (panel instanceof HTMLDetailsElement && place) {
  panel.addEventListener("toggle", () => {
    if (panel.open && !place.querySelector("ol")) void fetchLines(panel, place);
  });
  place.addEventListener("click", (event) => {
    const seek = document.getElementById("seek");
    const line = event.target instanceof Element && event.target.closest("a[data-at]");
    if (!(line instanceof HTMLElement) || !(seek instanceof HTMLInputElement)) return;
    if (event.ctrlKey || event.metaKey || event.shiftKey) return; // a tab of its own
    event.preventDefault();
    seek.value = line.dataset.at ?? "0";
    seek.dispatchEvent(new Event("input"));
  });
}

/**
 * @param {HTMLDetailsElement} from
 * @param {Element} to
 */
async function fetchLines(from, to) {
  const answer = await fetch(from.dataset.lines ?? "").catch(() => null);
  if (!answer?.ok) {
    to.textContent = from.dataset.failed ?? ""; // opened again it is asked for again
    return;
  }
  const lines = new DOMParser()
    .parseFromString(await answer.text(), "text/html")
    .querySelector("ol");
  if (lines) to.replaceChildren(document.adoptNode(lines));
}
