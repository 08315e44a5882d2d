// The product page: pictures, amount, basket, size guide, availability, reviews.

import { broken, money, send, showCount, toast, track } from "./facts.js";

const MOST = 9;
const byId = (id) => document.getElementById(id);

function carousel() {
  const frames = [...document.querySelectorAll("[data-frame]")];
  let shown = 0;
  const show = (next) => {
    frames[shown].hidden = true;
    shown = (next + frames.length) % frames.length;
    frames[shown].hidden = false;
    byId("picture-number").textContent = String(shown + 1);
  };
  byId("picture-next").addEventListener("click", () => show(shown + 1));
  byId("picture-back").addEventListener("click", () => show(shown - 1));
}

function stepper(form) {
  const input = byId("amount");
  const set = (amount) => {
    const kept = Math.min(MOST, Math.max(1, amount || 1));
    input.value = String(kept);
    byId("amount-sum").textContent = money(kept * Number(form.dataset.price));
  };
  byId("amount-less").addEventListener("click", () => set(Number(input.value) - 1));
  byId("amount-more").addEventListener("click", () => set(Number(input.value) + 1));
  input.addEventListener("change", () => set(Number(input.value)));
}

function adding(form) {
  const button = byId("add");
  const label = button.textContent;
  form.addEventListener("submit", async (event) => {
    if (event.submitter?.id === "buy-now") return; // goes to the checkout, an ordinary submit
    event.preventDefault();
    button.setAttribute("aria-busy", "true");
    const { body } = await send(form);
    button.removeAttribute("aria-busy");
    button.textContent = button.dataset.done;
    setTimeout(() => {
      button.textContent = label;
    }, 2000);
    showCount(body.basket.count);
    toast(body.note);
    track("cart", { op: "add", total: body.basket.value });
  });
}

function sizeGuide() {
  const dialog = byId("sizes");
  // The planted defect: a table that an earlier version of the page had.
  const table = broken("throwing_handler") ? byId("size-table-2019") : dialog;
  byId("size-guide").addEventListener("click", () => {
    table.querySelector("tbody").dataset.opened = "yes";
    dialog.showModal();
  });
  byId("sizes-close").addEventListener("click", () => dialog.close());
}

function availability() {
  const button = byId("stock");
  const answer = byId("stock-answer");
  button.addEventListener("click", async () => {
    // The planted defect leaves out the sign of life, too.
    if (!broken("slow_button")) button.setAttribute("aria-busy", "true");
    const response = await fetch(button.dataset.url, { headers: { Accept: "application/json" } });
    button.removeAttribute("aria-busy");
    answer.textContent = response.ok ? (await response.json()).text : button.dataset.failed;
  });
}

function review({ author, stars, text }) {
  const item = document.createElement("li");
  const head = document.createElement("p");
  const name = document.createElement("strong");
  const rating = document.createElement("span");
  const body = document.createElement("p");
  name.textContent = author;
  rating.className = "stars";
  rating.textContent = "★".repeat(stars);
  body.textContent = text;
  head.append(name, " ", rating);
  item.append(head, body);
  return item;
}

function reviews() {
  const button = byId("more-reviews");
  const alert = byId("reviews-alert");
  button.addEventListener("click", async () => {
    alert.hidden = true;
    const response = await fetch(button.dataset.url, { headers: { Accept: "application/json" } });
    if (!response.ok) {
      alert.textContent = button.dataset.failed;
      alert.hidden = false;
      return;
    }
    const { reviews: more } = await response.json();
    byId("reviews").append(...more.map(review));
    button.hidden = true;
  });
}

/** Set the product page going; does nothing on other pages. */
export function product() {
  const form = byId("buy");
  if (!form) return;
  carousel();
  stepper(form);
  adding(form);
  if (byId("size-guide")) sizeGuide();
  availability();
  reviews();
}
