// Every object that scripts can patch, reached from the window by constructors, prototypes and
// namespaces, with the descriptors of all their properties; and what changed since.
(() => {
  const { getOwnPropertyDescriptor, getPrototypeOf } = Object;
  const { ownKeys } = Reflect;
  const FLAGS = ["value", "get", "set", "writable", "enumerable", "configurable"];

  function reach() {
    const found = new Map();
    const add = (path, object) => {
      const kind = typeof object;
      if (object === null || (kind !== "object" && kind !== "function")) return;
      if (!found.has(object)) found.set(object, path);
    };
    for (const name of ownKeys(window)) {
      const { value } = getOwnPropertyDescriptor(window, name) ?? {};
      if (typeof value === "function" && value.prototype) {
        add(String(name), value);
        add(`${String(name)}.prototype`, value.prototype);
      } else if (value && typeof value === "object" && value !== window) {
        add(String(name), value);
      }
    }
    const own = { window, document, navigator, history, location, performance, screen, console };
    for (const [name, object] of Object.entries(own)) {
      for (let at = object, path = name; at; at = getPrototypeOf(at), path += ".__proto__") {
        add(path, at);
      }
    }
    add("iterator", getPrototypeOf(getPrototypeOf([][Symbol.iterator]())));
    add(
      "async",
      getPrototypeOf(async () => {}),
    );
    return found;
  }

  function descriptors(object) {
    return new Map(ownKeys(object).map((key) => [key, getOwnPropertyDescriptor(object, key)]));
  }

  const objects = reach();
  const before = new Map([...objects.keys()].map((object) => [object, descriptors(object)]));

  function same(one, other) {
    return one && other && FLAGS.every((flag) => Object.is(one[flag], other[flag]));
  }

  window.walked = objects.size;
  window.changed = () => {
    const found = [];
    for (const [object, path] of objects) {
      const known = before.get(object);
      const now = descriptors(object);
      for (const key of new Set([...known.keys(), ...now.keys()])) {
        if (!same(known.get(key), now.get(key))) found.push(`${path}.${String(key)}`);
      }
    }
    // The test's own, and what every window gets when somebody first looks.
    const own = new Set(["window.walked", "window.changed", "window.event"]);
    return found.filter((name) => !own.has(name) && !/^window\.\d+$/.test(name)).sort(); // frames
  };
})();
