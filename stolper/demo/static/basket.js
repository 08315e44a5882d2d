// The basket: amounts and the coupon, without loading the page again.

import { send, showCount, toast, track } from "./facts.js";

function showTotals(basket) {
  for (const cell of document.querySelectorAll("[data-total]")) {
    cell.textContent = basket[cell.dataset.total];
  }
  document.querySelector("[data-row=coupon]").hidden = !basket.coupon;
  showCount(basket.count);
}

function showLine(row, line) {
  row.querySelector("[data-amount]").textContent = String(line.amount);
  row.querySelector("[data-line-total]").textContent = line.total;
  for (const button of row.querySelectorAll("[data-step]")) {
    if (button.dataset.step !== "out") {
      button.value = String(line.amount + Number(button.dataset.step));
    }
  }
}

function lines() {
  for (const row of document.querySelectorAll("[data-line]")) {
    const form = row.querySelector("form");
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      const { status, body } = await send(form, event.submitter);
      if (status === 409) {
        toast(body.note);
        return;
      }
      const { basket, op } = body;
      if (op) track("cart", { op, total: basket.value });
      if (basket.count === 0) {
        location.reload();
        return;
      }
      const line = basket.lines[row.dataset.line];
      if (line) showLine(row, line);
      else row.remove();
      showTotals(basket);
    });
  }
}

function coupon() {
  const form = document.getElementById("coupon");
  const answer = document.getElementById("coupon-answer");
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const { body } = await send(form);
    answer.textContent = body.note;
    answer.setAttribute("role", body.ok ? "status" : "alert");
    answer.classList.toggle("bad", !body.ok);
    form.code.setAttribute("aria-invalid", String(!body.ok));
    showTotals(body.basket);
    track("coupon", { ok: body.ok });
  });
}

/** Set the basket going; does nothing on other pages. */
export function basket() {
  if (!document.getElementById("coupon")) return;
  lines();
  coupon();
}
