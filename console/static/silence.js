// Owns the choice between names of an element: a press puts one into the field.

const field = document.querySelector('input[name="selector"]');
const offers = [...document.querySelectorAll("button.offer")];

function mark() {
  for (const offer of offers) {
    offer.setAttribute("aria-pressed", String(offer.dataset.selector === field.value));
  }
}

if (field instanceof HTMLInputElement) {
  for (const offer of offers) {
    offer.hidden = false;
    offer.addEventListener("click", () => {
      field.value = offer.dataset.selector ?? "";
      mark();
      field.dispatchEvent(new Event("input", { bubbles: true }));
    });
  }
  field.addEventListener("input", mark);
  mark();
}
