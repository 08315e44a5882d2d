// Owns what the queue of struggles does in the browser: choose all, say how many are chosen, ask for a reason.

const all = document.getElementById("choose-all");
const count = document.getElementById("bulk-count");
const bulk = document.getElementById("bulk");

/** @returns {HTMLInputElement[]} */
function boxes() {
  return [...document.querySelectorAll('input[name="struggle"][type="checkbox"]')];
}

function told() {
  const every = boxes();
  const chosen = every.filter((box) => box.checked).length;
  if (all instanceof HTMLInputElement) {
    all.checked = chosen > 0 && chosen === every.length;
    all.indeterminate = chosen > 0 && chosen < every.length;
  }
  if (count && bulk) {
    const { none = "", one = "", many = "" } = count.dataset;
    count.textContent =
      chosen === 0 ? none : chosen === 1 ? one : many.replace("#", String(chosen));
    bulk.classList.toggle("is-idle", chosen === 0);
    for (const button of bulk.querySelectorAll("button")) button.disabled = chosen === 0;
  }
}

if (all instanceof HTMLInputElement) {
  all.hidden = false;
  all.addEventListener("change", () => {
    for (const box of boxes()) box.checked = all.checked;
    told();
  });
  document.addEventListener("change", told);
  told();
}

for (const state of document.querySelectorAll('select[name="state"]')) {
  const reason = state.form?.querySelector('input[name="reason"]');
  if (!(reason instanceof HTMLInputElement)) continue;
  const ask = () => {
    reason.required = state.value === "ignored";
  };
  state.addEventListener("change", ask);
  ask();
}
