// Owns what the pages of customers do by script: times in the reader's own zone, and the button that prints.

const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;

/** @param {Date} at */
function local(at) {
  const shifted = new Date(at.getTime() - at.getTimezoneOffset() * 60_000);
  return shifted.toISOString().slice(0, 16);
}

if (zone) {
  for (const field of document.querySelectorAll("input[name=tz]")) {
    if (field instanceof HTMLInputElement) field.value = zone;
  }
  for (const field of document.querySelectorAll("input[data-at]")) {
    if (field instanceof HTMLInputElement) field.value = local(new Date(field.dataset.at ?? ""));
  }
  for (const hint of document.querySelectorAll("[data-utc]")) hint.remove();
}

for (const button of document.querySelectorAll("[data-print]")) {
  if (!(button instanceof HTMLElement)) continue;
  button.hidden = false;
  button.addEventListener("click", () => window.print());
}
