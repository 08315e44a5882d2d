// Accordion, tabs and menu as the ARIA practices write them; one header has no handler, one tab is slow.
import "./disclosure.css";

const byId = (id) => document.getElementById(id);

for (const id of ["q1", "q2"]) {
  byId(id).addEventListener("click", () => {
    const open = byId(id).getAttribute("aria-expanded") === "true";
    byId(id).setAttribute("aria-expanded", String(!open));
    byId(byId(id).getAttribute("aria-controls")).hidden = open;
  });
}

function show(tab) {
  for (const other of document.querySelectorAll("[role=tab]")) {
    const here = other === tab;
    other.setAttribute("aria-selected", String(here));
    byId(other.getAttribute("aria-controls")).hidden = !here;
  }
}
byId("tab1").addEventListener("click", (event) => show(event.currentTarget));
byId("tab2").addEventListener("click", (event) => show(event.currentTarget));
byId("tab3").addEventListener("click", (event) => {
  const tab = event.currentTarget;
  // The defect: 1.6 s in which nothing tells that the press was taken.
  setTimeout(() => {
    byId("panel3").textContent = "12 in stock";
    show(tab);
  }, 1600);
});

const menu = byId("menu");
const setMenu = (open) => {
  menu.hidden = !open;
  byId("menu-button").setAttribute("aria-expanded", String(open));
};
byId("menu-button").addEventListener("click", () => setMenu(menu.hidden));
document.addEventListener("pointerdown", (event) => {
  if (!event.target.closest("#menu, #menu-button")) setMenu(false);
});
