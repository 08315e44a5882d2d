"""
Pages that make a snippet's life hard, as heads of HTML: what they have patched, frozen or replaced.

Own scripts in the manner of well-known libraries, and the libraries themselves where they are on
npm. Each head runs before the snippet's tag; those of AFTER run once it records.
"""

from __future__ import annotations

PATCHED_CALLS = """<script>
  const nativeFetch = fetch;
  window.fetch = function (...args) { return nativeFetch.apply(this, args).then((r) => r); };
  window.fetch.polyfill = true;
  const { open, send } = XMLHttpRequest.prototype;
  XMLHttpRequest.prototype.open = function (...args) { this.opened = args; return open.apply(this, args); };
  XMLHttpRequest.prototype.send = function (...args) { return send.apply(this, args); };
  for (const name of ['pushState', 'replaceState']) {
    const native = history[name];
    history[name] = function (...args) {
      native.apply(this, args);
      dispatchEvent(new Event('routed'));
    };
  }
  window.open = new Proxy(window.open, {});
</script>"""

# prototype.js 1.6 and its kin: enumerable methods, a toJSON that JSON.stringify falls for.
PROTOTYPE_JS = """<script>
  Array.prototype.each = function (run) { for (let i = 0; i < this.length; i++) run(this[i]); };
  Array.prototype.toJSON = function () { return '[' + this.join() + ']'; };
  String.prototype.toJSON = function () { return '"' + this + '"'; };
  Date.prototype.toJSON = function () { return 'a date'; };
  Object.prototype.extended = function () {};
  const { map, filter } = Array.prototype;
  Array.prototype.map = function (run, self) { return map.call(this, (one) => run.call(self, one)); };
  Array.prototype.push = function (...all) { for (const one of all) this[this.length] = one; return this.length; };
</script>"""

REPLACED_JSON = """<script>
  const native = JSON;
  window.JSON = {
    stringify: (value, ...rest) => native.stringify(value, ...rest),
    parse: (text) => native.parse(text),
  };
</script>"""

# A polyfill that keeps the name and forgets half of the rest.
REPLACED_OBSERVERS = """<script>
  const Native = MutationObserver;
  window.MutationObserver = function (callback) {
    const inner = new Native((records) => callback(records, this));
    this.observe = (node, options) => inner.observe(node, options);
    this.disconnect = () => inner.disconnect();
    this.takeRecords = () => inner.takeRecords();
  };
  window.WebKitMutationObserver = undefined;
  window.PerformanceObserver = undefined;
  window.requestIdleCallback = undefined;
</script>"""

ZONE = '<script src="/lib/zone.js"></script>'

# Stopped clocks that the page lets run by itself, years from now.
FAKE_TIMERS = """<script src="/lib/fake-timers.js"></script><script>
  const tick = setInterval;
  const clock = FakeTimers.install({ now: 2000000000000 });
  tick(() => clock.tick(25), 25);
</script>"""

FROZEN = """<script>
  const names = ['Object', 'Array', 'Function', 'String', 'Number', 'Boolean', 'Promise', 'Map', 'Set',
    'WeakMap', 'WeakSet', 'RegExp', 'Date', 'Error', 'JSON', 'Math', 'Reflect', 'History', 'Event',
    'XMLHttpRequest', 'EventTarget', 'Node', 'Element', 'HTMLElement', 'HTMLInputElement', 'Navigator',
    'CSSStyleSheet', 'CSSStyleDeclaration', 'Document', 'MutationObserver'];
  for (const name of names) {
    Object.freeze(window[name]);
    if (window[name].prototype) Object.freeze(window[name].prototype);
  }
  for (const name of ['fetch', 'open', 'print']) {
    Object.defineProperty(window, name, { writable: false, configurable: false });
  }
  Object.freeze(console);
</script>"""

LOCKDOWN = '<script src="/lib/ses.js"></script><script>lockdown()</script>'

GONE_TAGS = """<script>
  document.addEventListener('load', ({ target }) => {
    if (target.localName === 'script') target.remove();
  }, true);
</script>"""

# Every listener is wrapped, and the wrapper of one event throws.
THROWING = """<script>
  const native = EventTarget.prototype.addEventListener;
  EventTarget.prototype.addEventListener = function (type, run, options) {
    return native.call(this, type, function (event) {
      if (event.type === 'own') throw new Error('thrown by a wrapper');
      return run.handleEvent ? run.handleEvent(event) : run.call(this, event);
    }, options);
  };
</script>"""

CLOBBERED = """<script>
  addEventListener('DOMContentLoaded', () => {
    document.body.insertAdjacentHTML('beforeend',
      '<form id=clobber><input name=id><input name=attributes><input name=parentNode>' +
      '<input name=localName><input name=children><input name=getAttribute><input name=nodeType></form>' +
      '<a id=fetch></a><img name=currentScript><form name=documentElement></form>');
  });
</script>"""

HOSTS = {
    "patched_calls": PATCHED_CALLS,
    "prototype_js": PROTOTYPE_JS,
    "replaced_json": REPLACED_JSON,
    "replaced_observers": REPLACED_OBSERVERS,
    "zone_js": ZONE,
    "fake_timers": FAKE_TIMERS,
    "frozen": FROZEN,
    "ses_lockdown": LOCKDOWN,
    "tag_removed": GONE_TAGS,
    "throwing": THROWING,
    "clobbered": CLOBBERED,
}

# Over the running snippet: libraries that come late.
AFTER = {
    "patched_over": PATCHED_CALLS,
    "extended_over": PROTOTYPE_JS,
    "frozen_over": FROZEN,
}
