// The harness: rebuilds a page load from its recording and writes the picture down.
import { Replayer } from "@rrweb/replay";
import "@rrweb/replay/dist/style.css";
import { Screen } from "../../../../../replay/player/src/screen.ts";
import { outline } from "./outline.js";

/** Return the outlines of one page load's *events* at each of the *moments* (server time, ms). */
window.outlinesAt = async (events, moments, base) => {
  document.body.replaceChildren();
  const replayer = new Replayer(events, { mouseTail: false, showWarning: false });
  const found = [];
  for (const moment of moments) {
    replayer.pause(moment - events[0].timestamp);
    // Style sheets of the rebuilt document load from blobs of text; two frames apply them.
    await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
    found.push(outline(replayer.iframe.contentDocument, base));
  }
  replayer.destroy();
  return found;
};

/**
 * Return what `portray` (fidelity/src/probe.js) tells of *events* at one *moment*, as the console
 * shows them: the Replayer alone leaves more or less of what it no longer shows, by how it got there.
 */
window.portraitAt = async (events, moment, base) => {
  document.body.replaceChildren();
  const origin = Math.min(...events.slice(0, 50).map((event) => event.timestamp));
  const part = { origin, from: null, until: null, events, gaps: [], nextSeq: 0 };
  const screen = await Screen.make(document.body, "load", part, { gap() {}, size() {} });
  screen.show(moment);
  let [portrait, before] = ["", null];
  while (portrait !== before) {
    // Frames in it load by and by, and are filled then.
    await new Promise((done) => setTimeout(() => requestAnimationFrame(done), 50));
    [before, portrait] = [portrait, window.portray(screen.frame.contentDocument, base)];
  }
  screen.destroy();
  return portrait;
};
