// Plyr on a film made here: eight seconds of quiet. The teaser's play button was never wired.
import Plyr from "plyr";
import "plyr/dist/plyr.css";
import "./video.css";

const RATE = 8000;
const SECONDS = 8;

function quiet() {
  const bytes = new Uint8Array(44 + RATE * SECONDS).fill(128, 44);
  const view = new DataView(bytes.buffer);
  const text = (at, word) => {
    for (let i = 0; i < word.length; i++) view.setUint8(at + i, word.charCodeAt(i));
  };
  text(0, "RIFF");
  view.setUint32(4, 36 + RATE * SECONDS, true);
  text(8, "WAVEfmt ");
  view.setUint32(16, 16, true);
  view.setUint16(20, 1, true);
  view.setUint16(22, 1, true);
  view.setUint32(24, RATE, true);
  view.setUint32(28, RATE, true);
  view.setUint16(32, 1, true);
  view.setUint16(34, 8, true);
  text(36, "data");
  view.setUint32(40, RATE * SECONDS, true);
  return new Blob([bytes], { type: "audio/wav" });
}

const film = document.getElementById("film");
film.src = URL.createObjectURL(quiet());
new Plyr(film, {
  loadSprite: false,
  blankVideo: "",
  ratio: "16:9",
  seekTime: 1,
  controls: ["rewind", "play", "fast-forward", "progress", "current-time", "mute", "volume"],
});
document.getElementById("teaser").src = URL.createObjectURL(quiet());
