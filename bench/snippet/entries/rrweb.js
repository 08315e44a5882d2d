// rrweb alone, with what any use of it needs: a batch every five seconds, gzip by the browser.
import { record } from "@rrweb/record";

let batch = [];
const flush = async () => {
  const events = batch;
  batch = [];
  if (!events.length) return;
  const packed = new Blob([JSON.stringify(events)]).stream().pipeThrough(new CompressionStream("gzip"));
  const body = await new Response(packed).blob();
  fetch(`${SINK}/rrweb`, { method: "POST", body, mode: "no-cors" });
};
record({ emit: (event) => batch.push(event), maskAllInputs: true });
setTimeout(flush, 1000);
setInterval(flush, 5000);
addEventListener("pagehide", () => {
  if (batch.length) navigator.sendBeacon(`${SINK}/rrweb`, JSON.stringify(batch));
});
