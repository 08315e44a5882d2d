// The small buttons of a product page: save for later, price alert, compare, share.

import { broken } from "./facts.js";

const byId = (id) => document.getElementById(id);
const JSON_ONLY = { Accept: "application/json" };
// Long enough to be felt by anybody, and told from what a busy machine does to any page.
const FREEZE_MS = 1500;

function answer(text) {
  byId("extras-answer").textContent = text;
}

/** Weigh the product against nothing in particular, for *ms*: the page stands still meanwhile. */
function reckon(ms) {
  const until = performance.now() + ms;
  let sum = 0;
  while (performance.now() < until) sum += Math.sqrt(sum + 1);
  return sum;
}

async function share() {
  // The planted defect relies on what few desktop browsers have.
  if (broken("share_rejects")) await navigator.bergaufShare.open(location.href);
  answer(byId("share").dataset.done);
}

async function setAlarm() {
  const response = await fetch(byId("alarm").dataset.url, { headers: JSON_ONLY });
  const body = await response.json();
  answer(body.alarm.note);
}

async function save() {
  const response = await fetch(byId("wish").dataset.url, { method: "POST", headers: JSON_ONLY });
  answer((await response.json()).note);
}

/** Set the buttons going; does nothing on other pages. */
export function extras() {
  if (!byId("wish")) return;
  byId("wish").addEventListener("click", save);
  byId("alarm").addEventListener("click", setAlarm);
  byId("share").addEventListener("click", share);
  byId("compare").addEventListener("click", () => {
    reckon(broken("compare_freezes") ? FREEZE_MS : 1);
    answer(byId("compare").dataset.done);
  });
}
