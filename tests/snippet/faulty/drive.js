// Calls every callback that the faulty recorder has, and writes down what the page saw of it.
// `faults.mode`: "never", "before" (what the browser or the page calls throws in the place of its
// work, the first time), "after" (everything throws once its work is done, the first time), "always"
// (after, each time).
(() => {
  const CALLED = new Set(["listen", "patch", "after"]);
  window.faults = {
    known: new Map(),
    mode: "never",
    throws({ kind, thrown, owner }, place) {
      // These say whose error it was, to the recorder's wrappers above them.
      if (/^CSS/.test(owner?.constructor.name)) return false;
      if (this.mode === "always") return place === "after";
      if (this.mode !== place || thrown > 0) return false;
      return place === "after" || CALLED.has(kind);
    },
    thrown() {
      return [...this.known.values()].reduce((sum, one) => sum + one.thrown, 0);
    },
  };

  const MADE = [
    [/^pointer/, PointerEvent, { isPrimary: true, pointerId: 1, clientX: 20, clientY: 20 }],
    [/^(mouse|click)/, MouseEvent, { clientX: 20, clientY: 20, detail: 1 }],
    [/^drag/, DragEvent, {}],
    [/^wheel/, WheelEvent, { deltaY: 10 }],
    [/^key/, KeyboardEvent, { key: "Enter" }],
    [/^focus|^blur/, FocusEvent, {}],
    [/^input/, InputEvent, { inputType: "insertText" }],
    [/^(copy|cut|paste)/, ClipboardEvent, {}],
    [/^touch/, TouchEvent, {}],
    [/^submit/, SubmitEvent, {}],
    [/^error/, ErrorEvent, { message: "driven" }],
    [/^unhandled/, PromiseRejectionEvent, { promise: Promise.resolve(), reason: "driven" }],
    [/^pageshow/, PageTransitionEvent, { persisted: true }],
    [/^popstate/, PopStateEvent, {}],
    [/^storage/, StorageEvent, { key: "driven" }],
  ];
  const LAST = ["pagehide", "pageshow"]; // after them the document is back

  function nameOf(target) {
    if (target === window) return "window";
    if (target === console) return "console";
    return target === document ? "document" : target.constructor.name;
  }

  const PLACES = { window, document, console, Navigation: window.navigation };
  PLACES.ScreenOrientation = screen.orientation;

  /** What has to be called: events by target and type, methods by owner and name. */
  window.wanted = () => {
    const events = new Set();
    const methods = new Set();
    for (const { kind, target, types, owner, method } of faults.known.values()) {
      for (const type of kind === "listen" ? types : []) events.add(`${nameOf(target)} ${type}`);
      if (kind === "patch" && owner) methods.add(`${nameOf(owner)} ${method}`);
    }
    const late = (text) => LAST.indexOf(text.split(" ")[1]);
    return { events: [...events].sort((a, b) => late(a) - late(b)), methods: [...methods] };
  };

  function dispatch(text) {
    const [place, type] = text.split(" ");
    const [, Kind, facts] = MADE.find(([pattern]) => pattern.test(type)) ?? [0, Event, {}];
    const event = new Kind(type, { bubbles: true, cancelable: true, composed: true, ...facts });
    const within = place === "window" || place === "document";
    const target = within ? document.querySelector(`#go`) : PLACES[place];
    if (!target) return; // a request's own: it ends by itself
    const whole = /^(page|storage|online|beforeprint|popstate|hashchange|unhandled|scroll)/.test(
      type,
    );
    const goesOn = (within && whole ? window : target).dispatchEvent(event);
    log.push(`driven ${text} ${goesOn}`);
    if (within) document.dispatchEvent(new Kind(type, facts));
  }

  function call(text) {
    const [place, method] = text.split(" ");
    const owner = PLACES[place] ?? window[place].prototype;
    try {
      const result = owner[method].call({}, "nonsense", {});
      if (typeof result?.then === "function") result.then(undefined, () => {});
      log.push(`called ${text} ${typeof result}`);
    } catch (error) {
      log.push(`called ${text} threw ${error}`);
    }
  }

  window.drive = async ({ events, methods }) => {
    for (const text of methods) call(text);
    for (const text of events) dispatch(text);
    await new Promise((done) => setTimeout(done, 50));
  };
})();
