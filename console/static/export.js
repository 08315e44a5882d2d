// Owns the export dialog of the session page. Without a script its button leads to a page with the same form.

const dialog = document.getElementById("export-dialog");
const opener = document.getElementById("export");
const now = document.getElementById("now");

if (dialog instanceof HTMLDialogElement && opener && now) {
  opener.addEventListener("click", (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return; // a tab of its own
    event.preventDefault();
    dialog.showModal();
  });
  for (const button of dialog.querySelectorAll("button[data-now]")) {
    if (!(button instanceof HTMLButtonElement)) continue;
    button.hidden = false;
    button.addEventListener("click", () => {
      const field = dialog.querySelector(`input[name="${button.dataset.now}"]`);
      if (field instanceof HTMLInputElement) field.value = now.textContent ?? "";
    });
  }
  // The answer is a file to save: the page stays.
  dialog.querySelector("form.export")?.addEventListener("submit", () => {
    setTimeout(() => dialog.close(), 200);
  });
}
