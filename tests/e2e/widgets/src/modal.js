// Micromodal and Notyf: a dialog and toasts. What the dialog's button waits for is never checked.
import MicroModal from "micromodal";
import { Notyf } from "notyf";
import "notyf/notyf.min.css";
import "./modal.css";

MicroModal.init({ disableScroll: true });
const notyf = new Notyf({ duration: 2000 });
const byId = (id) => document.getElementById(id);

byId("save").addEventListener("click", async () => {
  await fetch("/ok", { method: "POST" });
  notyf.success("Saved");
});
byId("copy").addEventListener("click", () => {
  navigator.clipboard.writeText("K-4711").catch(() => {});
});
byId("invite").addEventListener("click", async () => {
  const answer = await fetch("/fail", { method: "POST" });
  if (!answer.ok) notyf.error("Something went wrong");
});
// The defect: nobody listens to #sure, so #confirm stays disabled.
