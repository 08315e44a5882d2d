// The guide: route, elevation profile, packing list.

import { broken, send } from "./facts.js";

const EXTRA_MS = 4000;
const byId = (id) => document.getElementById(id);

function route() {
  // The planted defect: nobody connected it.
  if (broken("route_dead")) return;
  byId("route").addEventListener("click", () => {
    byId("route-steps").hidden = !byId("route-steps").hidden;
  });
}

function list() {
  const form = byId("list");
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const { body } = await send(form);
    if (!broken("save_silent")) byId("list-answer").textContent = body.note;
  });
}

/** Show the next picture. */
function slide() {
  // The planted defect: a picture of the season before.
  byId("slide").src = `/static/${broken("picture_missing") ? "tour-2019" : "tour"}.svg?2`;
}

/** Load what only readers need, who stay for a while. */
function extra() {
  const script = document.createElement("script");
  // The planted defect: a file of the release before.
  script.src = `/static/${broken("script_missing") ? "guide-2019" : "guide-extra"}.js`;
  document.head.append(script);
}

/** Set the guide going; does nothing on other pages. */
export function guide() {
  if (!byId("route")) return;
  route();
  list();
  byId("profile").addEventListener("click", () => {
    byId("profile-text").hidden = !byId("profile-text").hidden;
  });
  setTimeout(extra, EXTRA_MS);
  setTimeout(slide, EXTRA_MS);
  setTimeout(() => {
    // The planted defect: the weather is not there any more.
    const weather = broken("guide_throws") ? byId("weather-2019") : byId("weather");
    weather.textContent = weather.dataset.text;
  }, 300);
}
