// Styles that a library inserts as rules into its style elements (speedy, as in production).
import { cache, css, cx, flush, injectGlobal } from "@emotion/css";

cache.sheet.speedy(true);
injectGlobal`body { border-top: 10px solid #a3c }`;
const box = document.getElementById("app");
const base = css`padding: 10px; background: #edf;`;
box.className = base;
box.innerHTML = "<b>Styled</b> by emotion";

window.acts = [
  () => {
    box.className = cx(
      base,
      css`background: #fed; &:hover { color: red } b { letter-spacing: 4px }`,
    );
  },
  () => {
    for (let i = 0; i < 40; i++) {
      const one = document.createElement("span");
      one.textContent = `${i} `;
      one.className = css`color: rgb(${i * 6}, 40, 90); font-size: ${10 + (i % 9)}px;`;
      box.append(one);
    }
  },
  () => {
    flush();
    box.className = css`background: #eee; padding: 20px`;
  },
];
