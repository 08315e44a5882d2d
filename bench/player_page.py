"""The page that bench/player.py records, and the scripts that look at how players show it."""

from __future__ import annotations

RULES = 1500
ROWS = 240

PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Stock</title><style>%s</style></head>
<body><header><h1>Stock</h1><p id="tick">0</p></header>
<form><label>Search <input id="search"></label><label>Note <input id="note"></label></form>
<main><table><tbody id="rows">%s</tbody></table></main></body></html>"""


def html() -> str:
    """Return the page: about 1,250 elements and 215 KB of style rules."""
    rules = "\n".join(
        f".part-{n} .cell-{n % 7} > span:nth-child({n % 5 + 1}) {{ padding: {n % 9}px {n % 13}px;"
        f" color: rgb({n % 256}, {n * 7 % 256}, {n * 13 % 256}); border-left: {n % 3}px solid #ccc }}"
        for n in range(RULES)
    )
    rows = "".join(
        f'<tr class="part-{n}"><td class="cell-1">Article {n}</td><td class="cell-2"><span>{n * 3}</span></td>'
        f'<td class="cell-3"><button>Order</button></td></tr>'
        for n in range(ROWS)
    )
    return PAGE % (rules, rows)


ACT = """async ([steps, stepMs]) => {
  let seed = 20261127;
  const chance = (below) => {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
    return Math.floor((seed / 2 ** 32) * below);
  };
  const rows = document.getElementById("rows");
  const tick = document.getElementById("tick").firstChild;
  const move = (type) => {
    const at = { clientX: chance(1200), clientY: chance(800), bubbles: true };
    rows.children[chance(20)].dispatchEvent(new MouseEvent(type, at));
  };
  for (let step = 1; step <= steps; step++) {
    clock.tick(stepMs);
    const what = chance(100);
    if (what < 16) move("mousemove");
    else if (what < 27) {
      const field = document.getElementById(chance(2) ? "search" : "note");
      field.value = `text ${step}`;
      field.dispatchEvent(new Event("input", { bubbles: true }));
    } else if (what < 30) move("click");
    else {
      tick.data = String(step);
      const row = rows.children[chance(rows.children.length)];
      if (what < 80) row.cells[1].firstChild.firstChild.data = String(chance(1000));
      else if (what < 92) row.classList.toggle("marked");
      else {
        const copy = row.cloneNode(true);
        rows.append(copy);
        row.remove();
      }
      await null; // the recorder's observer runs
    }
    if (step % 500 === 0) await new Promise((resolve) => nativeTimeout(resolve));
  }
  clock.tick(1000);
  return events.length;
}"""
"""Act on the page for many steps of faked time: seven of ten change it and tell which step it was."""

LOOK = """
window.shownTick = () => {
  const stage = document.querySelector("#stage")?.contentDocument ?? document;
  const frame = stage.querySelector('.screen:not([style*="hidden"]) iframe, .rr-player iframe');
  return frame?.contentDocument?.getElementById("tick")?.textContent;
};
window.untilShown = (tick) => new Promise((resolve) => {
  const look = () => {
    if (shownTick() === tick) requestAnimationFrame(() => resolve(performance.now()));
    else setTimeout(look, 10); // a frame more would be work of its own
  };
  look();
});
window.addEventListener("message", ({ data }) => {
  if (data?.type === "ready") window.stageReady = true;
});
window.longest = 0;
new PerformanceObserver((list) => {
  for (const task of list.getEntries()) longest = Math.max(longest, task.duration);
}).observe({ type: "longtask" });
"""
"""Tells when a picture is on the screen: one frame after it was drawn."""

SEEK_OURS = """async ([at, tick]) => {
  const began = performance.now();
  const bar = document.getElementById("seek");
  bar.value = at;
  bar.dispatchEvent(new Event("input"));
  return (await untilShown(tick)) - began;
}"""

SEEK_PEER = """async ([at, tick]) => {
  const began = performance.now();
  player.goto(at, false);
  return (await untilShown(tick)) - began;
}"""

OPEN_STAGE = """async ([timeline, at, tick]) => {
  while (!window.stageReady) await new Promise((resolve) => setTimeout(resolve, 5));
  const { loads, start, end } = timeline;
  window.goTo = (at) => {
    const seek = { turn: 1, at: start + at, tab: loads[0].tab, play: false };
    postMessage({ type: "seek", seek });
  };
  postMessage({ type: "program", program: { loads, start, end, running: false }, changed: false });
  goTo(at);
  return await untilShown(tick);
}"""
"""The stage by itself, told what the page around it would say."""

SEEK_STAGE = """async ([at, tick]) => {
  const began = performance.now();
  goTo(at);
  return (await untilShown(tick)) - began;
}"""

PEER = """<!doctype html><meta charset="utf-8"><title>rrweb-player</title>
<link rel="stylesheet" href="/style.css"><div id="root"></div><script src="/player.js"></script>
<script>
(async () => {
  const events = await (await fetch("/events")).json();
  const { default: Player = rrwebPlayer } = rrwebPlayer;
  window.player = new Player({
    target: document.getElementById("root"), props: { events, autoPlay: false, width: 900, height: 600 },
  });
  player.goto(Number(new URLSearchParams(location.search).get("at")), false);
})();
</script>"""
