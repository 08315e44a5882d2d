// What the page reports to the recorder, and how the scripts talk to the shop's server.

const facts = JSON.parse(document.getElementById("facts").textContent);
const active = new Set(document.body.dataset.faults.split(","));

/** Report a fact under one of the conventional names. */
export function track(name, props) {
  window.stolper("track", name, props);
}

/** Tell whether the planted defect is on for this visit. */
export function broken(fault) {
  return active.has(fault);
}

/** Report what the server left for this page to report. */
export function reportFacts() {
  if (facts.identify) {
    const [id, signature] = facts.identify;
    window.stolper("identify", id, {}, signature);
  }
  for (const [name, props] of facts.track) track(name, props);
}

/** Write cents as euros in the page's language. */
export function money(cents) {
  const locale = facts.language === "de" ? "de-DE" : "en-IE";
  return new Intl.NumberFormat(locale, { style: "currency", currency: "EUR" }).format(cents / 100);
}

/** Send a form (with its pressed button) and return the answer: status and JSON. */
export async function send(form, submitter) {
  const response = await fetch(form.action, {
    method: "POST",
    headers: { Accept: "application/json" },
    body: new URLSearchParams(new FormData(form, submitter)),
  });
  return { status: response.status, body: await response.json() };
}

/** Show *text* for a few seconds at the bottom of the page. */
export function toast(text) {
  const box = document.getElementById("toast");
  box.textContent = text;
  box.classList.add("shown");
  clearTimeout(toast.timer);
  toast.timer = setTimeout(() => box.classList.remove("shown"), 3500);
}

/** Show how many articles are in the basket. */
export function showCount(count) {
  const badge = document.getElementById("basket-count");
  badge.textContent = String(count);
  badge.hidden = count === 0;
}
