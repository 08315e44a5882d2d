// The checkout: checking the address before it is sent, paying, and the last confirmation.

import { broken, send, track } from "./facts.js";

const DIGITS = { DE: 5, AT: 4, CH: 4 };

function mark(field, refused) {
  field.setAttribute("aria-invalid", String(refused));
  document.getElementById(`${field.id}-error`).hidden = !refused;
}

function isPostcode(form) {
  const { value } = form.postcode;
  // The planted defect reads the postcode as a number, which has no leading zero.
  const seen = broken("form_refuses_valid") ? String(Number.parseInt(value, 10)) : value;
  return seen.length === DIGITS[form.country.value];
}

function refusedFields(form) {
  const fields = [...form.querySelectorAll("input, select")];
  return fields.filter(
    (field) => !field.checkValidity() || (field === form.postcode && !isPostcode(form)),
  );
}

function address() {
  const form = document.getElementById("address");
  if (!form) return;
  const alert = document.getElementById("address-alert");
  form.addEventListener("submit", (event) => {
    const refused = refusedFields(form);
    for (const field of form.querySelectorAll("input, select"))
      mark(field, refused.includes(field));
    alert.hidden = refused.length === 0;
    if (refused.length === 0) return;
    event.preventDefault();
    refused[0].focus();
  });
}

function payment() {
  const form = document.getElementById("payment");
  if (!form) return;
  const alert = document.getElementById("payment-alert");
  const button = document.getElementById("payment-next");
  const card = document.getElementById("card-fields");
  const label = button.textContent;
  const showCard = () => {
    card.hidden = form.method.value !== "card";
  };
  for (const choice of form.elements.method) choice.addEventListener("change", showCard);
  showCard();

  const refuse = (body) => {
    alert.textContent = body.note ?? form.dataset.failed;
    alert.hidden = false;
    for (const field of card.querySelectorAll("input")) {
      mark(field, (body.refused ?? []).includes(field.id));
    }
    card.querySelector("[aria-invalid=true]")?.focus();
  };
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    alert.hidden = true;
    button.textContent = form.dataset.busy;
    const { status, body } = await send(form);
    button.textContent = label;
    if (status === 402) track("payment", { result: "declined", code: body.code });
    if (!body.ok) {
      refuse(body);
      return;
    }
    track("payment", { result: "ok", code: body.code });
    location.assign(body.go);
  });
}

function confirmation() {
  const form = document.getElementById("confirm");
  if (!form) return;
  const button = document.getElementById("order");
  const allow = () => {
    button.disabled = !form.terms.checked;
  };
  form.terms.addEventListener("change", allow);
  allow();
}

/** Set the checkout going; does nothing on other pages. */
export function checkout() {
  address();
  payment();
  confirmation();
}
