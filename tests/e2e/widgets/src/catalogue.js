// A single-page catalogue: routes by history, list and detail.
import "./catalogue.css";

const list = document.getElementById("list");
const view = document.getElementById("view");
const things = ["Table", "Chair", "Lamp", "Shelf"];

function draw() {
  const thing = location.pathname.startsWith("/things/") ? location.pathname.slice(8) : "";
  list.hidden = Boolean(thing);
  view.innerHTML = thing ? `<h1>${thing}</h1><p>A good ${thing}.</p>` : "";
}

for (const thing of things) {
  const link = list.appendChild(document.createElement("li"));
  link.innerHTML = `<a href="/things/${thing}">${thing}</a>`;
  link.firstChild.addEventListener("click", (event) => {
    event.preventDefault();
    history.pushState(null, "", event.currentTarget.href);
    draw();
  });
}
addEventListener("popstate", draw);
draw();
