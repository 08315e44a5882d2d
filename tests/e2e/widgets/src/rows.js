// TanStack Virtual: 10 000 rows of which a few exist; and a list that grows as it is scrolled.
import {
  elementScroll,
  observeElementOffset,
  observeElementRect,
  Virtualizer,
} from "@tanstack/virtual-core";
import "./rows.css";

const box = document.getElementById("rows");
const inner = box.appendChild(document.createElement("div"));
const list = new Virtualizer({
  count: 10000,
  estimateSize: () => 40,
  getScrollElement: () => box,
  observeElementOffset,
  observeElementRect,
  scrollToFn: elementScroll,
  overscan: 3,
  onChange: draw,
});
let chosen = -1;

function row({ index, start }) {
  const made = document.createElement("div");
  made.className = index === chosen ? "row chosen" : "row";
  made.style.transform = `translateY(${start}px)`;
  made.dataset.index = index;
  made.innerHTML = `<span class="name">Invoice ${index}</span>
    <button type="button" class="pay">Pay</button>`;
  return made;
}

function draw() {
  inner.style.height = `${list.getTotalSize()}px`;
  inner.replaceChildren(...list.getVirtualItems().map(row));
}

inner.addEventListener("click", (event) => {
  const index = Number(event.target.closest(".row").dataset.index);
  if (event.target.closest(".pay")) {
    // The defect: the request fails and nothing tells the visitor.
    fetch("/fail", { method: "POST" });
    return;
  }
  chosen = index;
  document.getElementById("chosen").textContent = `Invoice ${index} chosen`;
  draw();
});
list._didMount();
list._willUpdate();
draw();

const feed = document.getElementById("feed");
let busy = false;
new IntersectionObserver(async ([seen]) => {
  if (!seen.isIntersecting || busy) return;
  busy = true;
  const answer = await fetch(`/items?from=${feed.children.length}`);
  for (const text of (await answer.json()).items) {
    feed.appendChild(document.createElement("li")).textContent = text;
  }
  busy = false;
}).observe(document.getElementById("more"));
