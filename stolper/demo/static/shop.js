// Every page's script: reports the page's facts, then sets its parts going.

import { basket } from "./basket.js";
import { checkout } from "./checkout.js";
import { extras } from "./extras.js";
import { reportFacts, track } from "./facts.js";
import { guide } from "./guide.js";
import { product } from "./product.js";
import { service } from "./service.js";

function sorting() {
  const form = document.querySelector("[data-sorting]");
  form?.sort.addEventListener("change", () => form.requestSubmit());
}

function help() {
  for (const channel of document.querySelectorAll("[data-channel]")) {
    channel.addEventListener("toggle", () => {
      if (channel.open) track("help", { channel: channel.dataset.channel });
    });
  }
}

function passwords() {
  const button = document.getElementById("show-password");
  button?.addEventListener("click", () => {
    const input = document.getElementById("password");
    const shown = input.type === "text";
    input.type = shown ? "password" : "text";
    button.setAttribute("aria-pressed", String(!shown));
  });
}

document.documentElement.classList.add("scripted");
reportFacts();
sorting();
help();
passwords();
product();
basket();
checkout();
extras();
service();
guide();
