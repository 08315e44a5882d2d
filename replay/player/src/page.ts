// Owns finding the parts of the page that the server rendered.

function part<Kind extends HTMLElement>(id: string, kind: new () => Kind): Kind {
  const found = document.getElementById(id);
  if (!(found instanceof kind)) throw new Error(`the page has no ${id}`);
  return found;
}

/** Return the parts of the session page that the player uses. */
export function findPage() {
  const div = (id: string) => part(id, HTMLDivElement);
  const button = (id: string) => part(id, HTMLButtonElement);
  return {
    replay: div("replay"),
    stage: part("stage", HTMLIFrameElement),
    stageBox: div("stage-box"),
    note: part("stage-note", HTMLElement),
    toast: part("toast", HTMLElement),
    spoken: part("spoken", HTMLElement),
    tabs: div("tabs"),
    address: part("address", HTMLElement),
    copyLink: button("copy-link"),
    markers: div("markers"),
    activity: div("activity"),
    ticks: div("ticks"),
    played: div("played"),
    seek: part("seek", HTMLInputElement),
    play: button("play"),
    playText: part("play-text", HTMLElement),
    back: button("back"),
    forward: button("forward"),
    now: part("now", HTMLElement),
    length: part("length", HTMLElement),
    duration: part("duration", HTMLElement),
    running: part("running", HTMLElement),
    live: button("live"),
    skip: button("skip"),
    speed: part("speed", HTMLSelectElement),
    help: button("help"),
    keys: part("keys", HTMLDialogElement),
    flags: part("flags", HTMLOListElement),
    flagsCount: part("flags-count", HTMLElement),
    events: part("events", HTMLElement),
    eventsCount: part("events-count", HTMLElement),
    factPages: part("fact-pages", HTMLElement),
    factEvents: part("fact-events", HTMLElement),
    gaps: part("gaps", HTMLUListElement),
    complete: part("complete", HTMLElement),
    notes: part("notes", HTMLOListElement),
    notesCount: part("notes-count", HTMLElement),
    pins: div("pins"),
    errorTicks: div("error-ticks"),
    eventSearch: part("event-search", HTMLInputElement),
    eventKind: part("event-kind", HTMLSelectElement),
    eventsNone: part("events-none", HTMLElement),
    copyAddress: button("copy-address"),
    fullScreen: button("full-screen"),
    drawer: findDrawer(),
    noteParts: findNoteParts(),
    data: part("player-data", HTMLScriptElement),
    pick: findPick(),
  };
}

/** Return the parts of the drawer below the picture. */
function findDrawer() {
  const button = (id: string) => part(id, HTMLButtonElement);
  return {
    box: part("drawer", HTMLDivElement),
    divider: part("drawer-divider", HTMLDivElement),
    body: part("drawer-body", HTMLDivElement),
    title: part("drawer-title", HTMLElement),
    count: part("drawer-count", HTMLElement),
    search: part("drawer-search", HTMLInputElement),
    only: part("drawer-only", HTMLInputElement),
    close: button("drawer-close"),
    none: part("drawer-none", HTMLElement),
    console: part("drawer-console", HTMLDivElement),
    network: part("drawer-network", HTMLDivElement),
    networkRows: part("network-rows", HTMLTableSectionElement),
    performance: part("drawer-performance", HTMLDivElement),
    performanceRows: part("performance-rows", HTMLTableSectionElement),
    dom: part("drawer-dom", HTMLDivElement),
    openers: {
      console: button("open-console"),
      network: button("open-network"),
      performance: button("open-performance"),
      dom: button("open-dom"),
    },
  };
}

/** Return the parts for writing notes; null where the reader may not. */
function findNoteParts() {
  if (!document.getElementById("note-dialog")) return null;
  return {
    add: part("note-add", HTMLButtonElement),
    dialog: part("note-dialog", HTMLDialogElement),
    form: part("note-form", HTMLFormElement),
    title: part("note-title", HTMLElement),
    text: part("note-text", HTMLTextAreaElement),
    error: part("note-error", HTMLElement),
    save: part("note-save", HTMLButtonElement),
    cancel: part("note-cancel", HTMLButtonElement),
  };
}

/** Return the parts for picking an element; null where the reader may not change rules. */
function findPick() {
  if (!document.getElementById("pick")) return null;
  return {
    button: part("pick", HTMLButtonElement),
    status: part("pick-status", HTMLElement),
    dialog: part("pick-dialog", HTMLDialogElement),
    what: part("pick-what", HTMLElement),
    options: part("pick-options", HTMLElement),
    note: part("pick-note", HTMLElement),
    kinds: part("pick-kinds", HTMLElement),
  };
}

export type PickParts = NonNullable<ReturnType<typeof findPick>>;
export type DrawerParts = ReturnType<typeof findDrawer>;
export type NoteParts = NonNullable<ReturnType<typeof findNoteParts>>;
export type Page = ReturnType<typeof findPage>;

/** Make an element with text; never markup. */
export function make<Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag,
  className = "",
  text = "",
): HTMLElementTagNameMap[Tag] {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text) made.textContent = text;
  return made;
}
