// Owns how high the drawer is: its upper edge is dragged, or moved with the arrow keys, and stays where it was left.

const KEPT = "stolper.drawer";
const LEAST_PX = 140; // its head, and a few rows
const LEFT_PX = 160; // what the picture keeps of its column
const STEP_PX = 40;
const BESIDE = "(min-width: 1001px)"; // where the column is as high as the window; else the page scrolls

/** Let *divider* change the height of *drawer* at the end of *column*; return what to call once it is shown. */
export function divide(divider: HTMLElement, drawer: HTMLElement, column: HTMLElement): () => void {
  const most = (): number => {
    if (!matchMedia(BESIDE).matches) return Math.max(LEAST_PX, innerHeight - LEFT_PX);
    let room = column.clientHeight - LEFT_PX;
    for (const one of column.children) {
      if (one instanceof HTMLElement && one !== drawer && !one.matches(".stage-box"))
        room -= one.offsetHeight;
    }
    return Math.max(LEAST_PX, room);
  };
  const tell = (): void => {
    divider.setAttribute("aria-valuemin", String(LEAST_PX));
    divider.setAttribute("aria-valuemax", String(Math.round(most())));
    divider.setAttribute("aria-valuenow", String(drawer.offsetHeight));
  };
  const set = (wanted: number): void => {
    drawer.style.height = `${Math.round(Math.min(Math.max(wanted, LEAST_PX), most()))}px`;
    tell();
  };
  const restore = (): void => {
    if (drawer.hidden) return;
    const wanted = remembered();
    if (wanted) set(wanted);
    else tell();
  };

  divider.addEventListener("pointerdown", (event) => {
    event.preventDefault();
    divider.focus();
    divider.setPointerCapture(event.pointerId);
    const edge = event.clientY + drawer.offsetHeight;
    const move = (to: PointerEvent): void => set(edge - to.clientY);
    divider.addEventListener("pointermove", move);
    divider.addEventListener(
      "lostpointercapture",
      () => {
        divider.removeEventListener("pointermove", move);
        remember(drawer.offsetHeight);
      },
      { once: true },
    );
  });
  divider.addEventListener("keydown", (event) => {
    const by = { ArrowUp: STEP_PX, ArrowDown: -STEP_PX, Home: 1e6, End: -1e6 }[event.key];
    if (by === undefined) return;
    event.preventDefault();
    event.stopPropagation(); // arrows are keys of the player, too
    set(drawer.offsetHeight + by);
    remember(drawer.offsetHeight);
  });
  divider.addEventListener("dblclick", () => {
    drawer.style.height = "";
    remember(0);
    tell();
  });
  new ResizeObserver(restore).observe(column);
  return restore;
}

function remembered(): number {
  try {
    return Number(localStorage.getItem(KEPT)) || 0;
  } catch {
    return 0; // storage is forbidden: the height is forgotten with the page
  }
}

function remember(height: number): void {
  try {
    if (height) localStorage.setItem(KEPT, String(height));
    else localStorage.removeItem(KEPT);
  } catch {
    // as above
  }
}
