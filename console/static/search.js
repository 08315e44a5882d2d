// Owns the key of the search field on every page, and the place in the list to which "back" leads.

const PLACE = "stolper.opened"; // the session that was opened last from a list

/** @param {EventTarget | null} target */
function typesIn(target) {
  return (
    target instanceof HTMLElement &&
    (target.isContentEditable || target.matches("input, textarea, select"))
  );
}

// On the window, so that a page that uses the key itself (the player searches in the session) has it first.
window.addEventListener("keydown", (event) => {
  if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented)
    return;
  if (typesIn(event.target)) return;
  const field = [...document.querySelectorAll("[data-find]")].find((one) => one.checkVisibility());
  if (field instanceof HTMLInputElement) {
    event.preventDefault();
    field.focus();
    field.select();
  } else {
    location.assign("/search"); // a narrow window has a link in the place of the field
  }
});

const rows = document.getElementById("rows");

rows?.addEventListener("click", (event) => {
  const link = event.target instanceof Element && event.target.closest("a");
  if (link) sessionStorage.setItem(PLACE, link.closest("tr")?.id ?? "");
});

/** Who comes back goes on with the keyboard where they left the list. */
function goOn() {
  const navigation = performance.getEntriesByType("navigation")[0];
  const back =
    navigation instanceof PerformanceNavigationTiming && navigation.type === "back_forward";
  const row = back && document.getElementById(sessionStorage.getItem(PLACE) || " ");
  if (row) row.querySelector("a")?.focus({ preventScroll: true });
}

if (rows) goOn();

// At /search a field is all that was asked for.
if (location.hash === "#find") document.getElementById("find")?.focus();
