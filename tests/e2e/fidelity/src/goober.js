// Styles that a library writes into one style element's text.
import { css, glob, keyframes } from "goober";

glob`body { border-top: 10px solid #07c }`;
const box = document.getElementById("app");
const wide = keyframes`from { width: 100px } to { width: 200px }`;
box.className = css`background: #def; padding: 10px; & b { color: #c00 }`;
box.innerHTML = "<b>Styled</b> by goober";

window.acts = [
  () => {
    box.className = css`background: #fde; padding: 30px; @media (min-width: 10px) { border: 3px solid }`;
  },
  () => {
    const late = document.createElement("p");
    late.textContent = "Later";
    late.className = css`animation: ${wide} 1ms forwards; background: #8d8; width: 10px`;
    box.append(late);
  },
];
