// Sortable: cards are dragged between two lists. The buttons beside them do nothing.
import Sortable from "sortablejs";
import "./board.css";

for (const id of ["todo", "done"]) {
  new Sortable(document.getElementById(id), {
    group: "tasks",
    animation: 120,
    filter: ".up",
    preventOnFilter: false,
    forceFallback: true,
  });
}
