// Owns a list of rows that follows the playhead unless the reader has just scrolled it.

const REST_MS = 4000; // after a touch the list stays where the reader put it

/** A row of a list; *at* ascends. */
export interface Timed {
  at: number;
  element: HTMLElement;
}

export class Follower {
  readonly #list: HTMLElement;
  #rows: Timed[] = [];
  #current: HTMLElement | null = null;
  #touched = Number.NEGATIVE_INFINITY;

  /** *list* scrolls. */
  constructor(list: HTMLElement) {
    this.#list = list;
    const touched = (): void => {
      this.#touched = performance.now();
    };
    list.addEventListener("wheel", touched, { passive: true });
    list.addEventListener("touchmove", touched, { passive: true });
    list.addEventListener("pointerdown", ({ target }) => {
      if (target === list) touched(); // its scrollbar
    });
  }

  /** Follow *rows* from now on. */
  rows(rows: Timed[]): void {
    this.#rows = rows;
  }

  /** Mark the last row at or before *at*, and bring it into view. */
  follow(at: number): void {
    let low = 0;
    let high = this.#rows.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#rows[middle]?.at ?? 0) <= at) low = middle + 1;
      else high = middle;
    }
    const row = this.#rows[low - 1]?.element ?? null;
    if (row === this.#current) return;
    this.#current?.removeAttribute("aria-current");
    this.#current = row;
    if (!row) return;
    row.setAttribute("aria-current", "true");
    if (performance.now() - this.#touched > REST_MS) this.reveal(row);
  }

  /** Scroll the list only, never the page. */
  reveal(row: HTMLElement): void {
    const list = this.#list;
    const top = row.getBoundingClientRect().top - list.getBoundingClientRect().top;
    if (top < 40 || top > list.clientHeight * 0.7) {
      list.scrollTop += top - list.clientHeight * 0.4;
    }
  }
}
