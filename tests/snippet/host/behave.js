// What a page does and what it sees of that, as a log: with the snippet in it, and without, it must
// be the same. Run by the page as `await behave()`; `log` is read afterwards.
/* global behaviour: this file is a classic script of the tests' pages */
(() => {
  const log = [];
  const note = (...words) => log.push(words.map(String).join(" "));
  const named = (error) => `${error?.name}: ${error?.message}`;
  const attempt = (name, run) => {
    try {
      note(name, run());
    } catch (error) {
      note(name, "threw", named(error));
    }
  };
  window.log = log;

  addEventListener("error", (event) => note("error", event.message));
  addEventListener("unhandledrejection", (event) => note("rejection", named(event.reason)));
  const types = "pointerdown mousedown mouseup click keydown input change submit focusin popstate";
  for (const type of types.split(" ")) {
    document.addEventListener(type, ({ target, isTrusted, defaultPrevented }) =>
      note(type, target.id ?? "document", isTrusted, defaultPrevented),
    );
  }

  function language() {
    const found = [];
    for (const key in []) found.push(key);
    for (const key in {}) found.push(key);
    note("for in", found);
    note("json", JSON.stringify({ a: [1, { b: "c" }], d: new Date(0), e: undefined, f: null }));
    note("parsed", JSON.parse('{"a":[1,2]}').a.length);
    const list = [3, 1, 2];
    note(
      "list",
      list.push(4),
      list.map((one) => one * 2),
      list.slice(1),
      list.filter(Boolean),
    );
    note("assigned", Object.keys(Object.assign({}, { a: 1 }, { b: 2 })));
    note("frozen", Object.isFrozen(Object.prototype), Object.isFrozen(Array.prototype));
  }

  function functions() {
    const patched = [fetch, XMLHttpRequest.prototype.send, history.pushState, console.error, open];
    for (const one of patched) note("function", one.name, one.length, Object.keys(one));
    attempt("illegal", () => fetch.call({}).then === undefined);
    attempt("illegal", () => XMLHttpRequest.prototype.open.call({}));
    attempt("illegal", () => history.pushState.call({}, 1, ""));
    attempt("foreign", () => history.pushState(1, "", "https://elsewhere.invalid/"));
    attempt("beacon", () => navigator.sendBeacon("nonsense://x"));
  }

  async function requests() {
    note("fetch", (await fetch("/status/200?page")).status);
    note("fetch", (await fetch(new Request("/status/404?page"))).status);
    await fetch("http://127.0.0.1:1/").then(
      () => note("fetched"),
      (error) => note("fetch", error.name),
    );
    const aborted = new AbortController();
    aborted.abort();
    await fetch("/status/200?page", { signal: aborted.signal }).catch((error) => note(error.name));
    await new Promise((done) => {
      const xhr = new XMLHttpRequest();
      xhr.open("GET", "/status/503?page");
      xhr.onloadend = function () {
        note("xhr", xhr.status, this === xhr);
        done();
      };
      xhr.send();
    });
    const stopped = new XMLHttpRequest();
    stopped.open("GET", "/status/200?ms=5000");
    stopped.onabort = () => note("xhr aborted", stopped.readyState);
    stopped.send();
    stopped.abort();
  }

  async function dom() {
    const seen = [];
    const watch = new MutationObserver((records) => {
      for (const { type, target, addedNodes } of records)
        seen.push(`${type} ${target.id} ${addedNodes.length}`);
    });
    watch.observe(document.getElementById("area"), {
      attributes: true,
      childList: true,
      subtree: true,
    });
    const added = document.createElement("p");
    added.textContent = "added";
    document.getElementById("area").append(added);
    document.getElementById("name").value = "by script";
    document.getElementById("area").title = "title";
    await new Promise((done) => setTimeout(done));
    watch.disconnect();
    note("mutations", seen);
    const { sheet } = document.querySelector("style");
    attempt("rule", () => sheet.insertRule("i { color: red }", 0));
    attempt("rule", () => sheet.insertRule("%"));
    attempt("rule", () => sheet.cssRules.length);
    const event = new CustomEvent("own", { cancelable: true, detail: 7 });
    addEventListener("own", (one) => one.preventDefault(), { once: true });
    note("dispatched", document.getElementById("area").dispatchEvent(event));
    note("attributes", document.getElementById("area").getAttributeNames());
  }

  function routes() {
    const before = history.length;
    history.pushState({ a: 1 }, "", "?route=1");
    note("pushed", location.search, history.state.a, history.length - before);
    history.replaceState(null, "", "?route=2");
    note("replaced", location.search, history.state);
  }

  async function order() {
    const turns = [];
    const told = new Promise((done) => setTimeout(done));
    Promise.resolve().then(() => turns.push("promise"));
    queueMicrotask(() => turns.push("microtask"));
    turns.push("task");
    await told;
    note("order", turns);
  }

  window.behave = async () => {
    language();
    functions();
    await new Promise((done) => setTimeout(done, 50)); // what they rejected is told by then
    await requests();
    await dom();
    routes();
    await order();
    setTimeout(() => {
      throw new Error("the page's own");
    });
    Promise.reject(new TypeError("the page's promise"));
    await new Promise((done) => setTimeout(done, 20));
    return log;
  };
})();
