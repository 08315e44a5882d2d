// Writes a document down so that the live one and the replayed one can be compared.
//
// Left out, because a replay has no use for them: scripts, noscript, comments, meta, title and
// icons, handlers (on*), nonce, integrity and crossorigin; of a frame its address and source, for
// its document is compared. A linked style sheet and a style
// element are the same (the recording carries rules, not links); so are text nodes side by side
// and one text node (or CDATA of XHTML). Addresses are absolute, without query values and fragment. A field's value is
// left out (value, checked, selected, the text of a textarea); of text that the visitor edits in
// place, only its length counts. Of the player, which adds them to what
// it rebuilds: attributes named rr_*, the classes rrweb-paused and those that stand for :hover,
// autocomplete="off" on every field (so autocomplete of fields is not compared), style sheets.

const LEFT_OUT = new Set(["SCRIPT", "NOSCRIPT", "META", "TITLE", "BASE"]);
const ATTRIBUTES_LEFT_OUT = /^(on|rr_|data-rr-)|^(nonce|integrity|crossorigin)$/;
const FIELD_STATE = new Set(["value", "checked", "selected", "autocomplete"]);
const FIELDS = new Set(["INPUT", "TEXTAREA", "SELECT", "OPTION"]);
const FRAME_SOURCE = new Set(["src", "srcdoc"]);
const ADDRESS = /^https?:/;
const ADDRESSES = new Set(["href", "src", "action", "formaction", "poster", "xlink:href"]);

/** Return the name of *element* as an HTML page has it; XHTML leaves it in lower case. */
export function tagOf(element) {
  const { namespaceURI, localName, tagName } = element;
  return namespaceURI === "http://www.w3.org/1999/xhtml" ? localName.toUpperCase() : tagName;
}

function address(value, base) {
  try {
    const url = new URL(value, base);
    for (const name of [...url.searchParams.keys()]) url.searchParams.set(name, "");
    url.hash = "";
    return url.href.replace(/\/$/, "");
  } catch {
    return value;
  }
}

function candidates(srcset, base) {
  return srcset
    .split(/,\s+/)
    .map((one) => one.trim().split(/\s+/))
    .map(([url, ...size]) => [address(url, base), ...size].join(" "))
    .join(", ");
}

/** Write every url(...) in *css* alike: absolute, or a fragment as it is. */
function urls(css, base) {
  return css.replace(/url\(\s*["']?([^"')]*)["']?\s*\)/g, (_, url) =>
    url[0] === "#" ? `url(${url})` : `url(${address(url, base)})`,
  );
}

function classes(found, value) {
  const names = value.split(/\s+/).filter((name) => name && !/^:|^rrweb-/.test(name));
  if (names.length) found.class = names.join(" ");
}

function attributes(element, base) {
  const found = {};
  for (const { name, value } of element.attributes) {
    if (ATTRIBUTES_LEFT_OUT.test(name)) continue;
    if (FIELDS.has(tagOf(element)) && FIELD_STATE.has(name)) continue;
    if (tagOf(element) === "IFRAME" && FRAME_SOURCE.has(name)) continue;
    if (name === "srcset") found[name] = candidates(value, base);
    else if (ADDRESSES.has(name) || ADDRESS.test(value)) found[name] = address(value, base);
    else if (name === "style") found[name] = urls(element.style.cssText, base);
    else if (name === "class") classes(found, value);
    else found[name] = /url\(/.test(value) ? urls(value, base) : value;
  }
  return found;
}

function isStyle(element) {
  return (
    tagOf(element) === "STYLE" || (tagOf(element) === "LINK" && /stylesheet/.test(element.rel))
  );
}

function children(parent, base) {
  const made = [];
  for (const node of parent.childNodes) {
    if (node.nodeType === Node.TEXT_NODE || node.nodeType === Node.CDATA_SECTION_NODE) {
      const text = parent.isContentEditable ? node.data.replace(/\S/g, "x") : node.data;
      if (typeof made.at(-1) === "string") made.push(made.pop() + text);
      else if (text) made.push(text);
    } else if (node.nodeType === Node.ELEMENT_NODE) {
      const one = outlined(node, base);
      if (one) made.push(one);
    }
  }
  return made;
}

function outlined(element, base) {
  if (LEFT_OUT.has(tagOf(element))) return null;
  if (isStyle(element)) return null;
  if (tagOf(element) === "LINK") return null;
  const inside = tagOf(element) === "TEXTAREA" ? [] : children(element, base);
  const shadow = element.shadowRoot ? children(element.shadowRoot, base) : undefined;
  const frame = tagOf(element) === "IFRAME" && element.contentDocument?.documentElement;
  const view = element.ownerDocument.defaultView;
  return {
    tag: element.localName.toLowerCase(),
    attributes: attributes(element, base),
    // What the style sheets make of it: a replay without them would show what is hidden.
    shown: view.getComputedStyle(element).display !== "none",
    children: inside,
    shadow,
    frame: frame ? outlined(frame, element.contentDocument.baseURI) : undefined,
  };
}

/** Return *document* as plain data; relative addresses are taken from *base*. */
export function outline(document, base = document.baseURI) {
  const root = document.documentElement;
  return {
    tag: "html",
    attributes: attributes(root, base),
    shown: true,
    children: [outlined(document.body, base)],
  };
}
