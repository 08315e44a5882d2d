// The service page: its forms answer in place, the store finder while one types.

import { broken, send } from "./facts.js";

const TYPING_MS = 250;

function tell(form, text, refused) {
  const line = form.querySelector("[data-answer]");
  line.textContent = text;
  line.classList.toggle("bad", refused.length > 0);
  line.setAttribute("role", refused.length > 0 ? "alert" : "status");
  for (const field of form.querySelectorAll("input, select, textarea")) {
    if (field.type !== "checkbox") {
      field.setAttribute("aria-invalid", String(refused.includes(field.id)));
    }
  }
}

function inPlace(form) {
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    // The planted defect: caught, and then nothing.
    if (form.id === "contact" && broken("contact_silent")) return;
    const quiet = form.id === "callback" && broken("callback_hangs");
    if (!quiet) event.submitter?.setAttribute("aria-busy", "true");
    try {
      const { body } = await send(form);
      tell(form, body.note, body.refused);
    } catch {
      tell(form, form.dataset.failed, ["?"]);
    } finally {
      event.submitter?.removeAttribute("aria-busy");
    }
  });
}

function stores() {
  const field = document.getElementById("store-postcode");
  const line = document.getElementById("stores-answer");
  let timer;
  field.addEventListener("input", () => {
    clearTimeout(timer);
    if (field.value.length < 4) return;
    timer = setTimeout(async () => {
      const url = `${field.dataset.url}?postcode=${encodeURIComponent(field.value)}`;
      const response = await fetch(url, { headers: { Accept: "application/json" } });
      line.textContent = response.ok ? (await response.json()).text : field.dataset.failed;
    }, TYPING_MS);
  });
}

function consent() {
  const box = document.getElementById("newsletter-consent");
  const button = document.getElementById("newsletter-send");
  const allow = () => {
    button.disabled = broken("consent_ignored") || !box.checked;
  };
  box.addEventListener("change", allow);
  allow();
}

/** Set the service page going; does nothing on other pages. */
export function service() {
  if (!document.getElementById("repair")) return;
  for (const form of document.querySelectorAll("[data-in-place]")) inPlace(form);
  stores();
  consent();
}
