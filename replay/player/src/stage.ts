// Entry of the stage: the document in which recordings are drawn. It has no cookie, no controls
// and no words; the page around it tells it what to do.

import { Director } from "./director";
import { Inspector } from "./inspector";
import { pressOf } from "./keys";
import { mapped } from "./mapping";
import { Picker } from "./picker";
import { type FromStage, hear, type ToStage, tell } from "./protocol";
import { Recordings } from "./recordings";

const root = document.getElementById("stage");
if (!root) throw new Error("the stage has no root");

const say = (message: FromStage): void => {
  if (message.type === "size") fit(message.width, message.height);
  tell(window.parent, message);
};

let size = { width: 0, height: 0 };

/** Scale the picture to the frame, never larger than it was. */
function fit(width: number, height: number): void {
  size = { width, height };
  if (!root || !width || !height) return;
  const scale = Math.min(window.innerWidth / width, window.innerHeight / height, 1);
  root.style.width = `${width}px`;
  root.style.height = `${height}px`;
  const left = Math.max(0, (window.innerWidth - width * scale) / 2);
  const top = Math.max(0, (window.innerHeight - height * scale) / 2);
  root.style.transform = `translate(${left}px, ${top}px) scale(${scale})`;
}

const director = new Director(root, new Recordings(location.pathname), (message) => {
  if (message.type === "view" || message.type === "time") picker.changed();
  say(message);
});
const picker = new Picker(() => director.frame, say);
const inspector = new Inspector(() => director.screen);

hear<ToStage>(
  () => window.parent,
  (message) => {
    switch (message.type) {
      case "program":
        void director.program(message.program, message.changed);
        break;
      case "seek":
        director.seek(message.seek);
        break;
      case "tab":
        director.tab(message.tab);
        break;
      case "play":
        director.play();
        break;
      case "pause":
        director.pause();
        break;
      case "speed":
        director.speed(message.speed);
        break;
      case "token":
        director.renew(message.base);
        break;
      case "refused":
        director.refuse(message.view, message.reason);
        break;
      case "words":
        director.words(message.blank);
        break;
      case "dom":
        say({ type: "dom", turn: message.ask.turn, nodes: inspector.nodes(message.ask.open) });
        break;
      case "light":
        picker.light(inspector.element(message.node));
        break;
      case "pick":
        picker.set(message.on);
        break;
      case "pick_step":
        picker.step(message.step);
        break;
      case "map": {
        const found = mapped(director.frame, message.keys, message.preset);
        if (found) fit(found.width, found.height);
        if (found) say({ type: "mapped", mapped: found });
        break;
      }
    }
  },
);

window.addEventListener("resize", () => fit(size.width, size.height));
window.addEventListener("keydown", (event) => {
  const press = pressOf(event);
  if (!press) return;
  if (press.key !== "Tab") event.preventDefault();
  say({ type: "key", press });
});
say({ type: "ready" });
