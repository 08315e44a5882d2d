// Turns markup into rrweb's nodes, and nodes into elements where nothing is held back (the control).

// Past what a page's forms have put in their place.
const childrenOf = (node) =>
  Object.getOwnPropertyDescriptor(Node.prototype, "childNodes").get.call(node);
const attributesOf = (node) =>
  Object.getOwnPropertyDescriptor(Element.prototype, "attributes").get.call(node);

/** Return the nodes of *markup* as a parser without scripts makes them; ids from *first*. */
function nodesOf(markup, first) {
  let id = first;
  const page = new DOMParser().parseFromString(markup, "text/html");
  const whole = page.body.localName !== "body" || page.body.attributes.length > 0;
  const tops = [...page.head.childNodes, ...(whole ? [page.body] : page.body.childNodes)];
  const one = (node) => {
    if (node.nodeType === 3) return { type: 3, id: id++, textContent: node.data };
    if (node.nodeType === 8) return { type: 5, id: id++, textContent: node.data };
    if (node.nodeType !== 1) return null;
    const own = id++;
    const attributes = {};
    for (const { name, value } of attributesOf(node)) attributes[name] = value;
    const inside = node.localName === "template" ? node.content : node;
    const childNodes = [...childrenOf(inside)].map(one).filter(Boolean);
    const made = { type: 2, id: own, tagName: node.localName, attributes, childNodes };
    if (node.namespaceURI === "http://www.w3.org/2000/svg") made.isSVG = true;
    return made;
  };
  return { nodes: tops.map(one).filter(Boolean), next: id };
}

/** Build *nodes* in a frame of its own that has scripts, as rrweb would without its sandbox. */
function unguarded(nodes) {
  const frame = document.createElement("iframe");
  frame.sandbox = "allow-scripts allow-same-origin allow-forms";
  document.body.append(frame);
  const page = frame.contentDocument;
  const one = (node) => {
    if (node.type === 3) return page.createTextNode(node.textContent);
    if (node.type !== 2) return page.createComment(node.textContent);
    const made = node.isSVG
      ? page.createElementNS("http://www.w3.org/2000/svg", node.tagName)
      : page.createElement(node.tagName);
    for (const [name, value] of Object.entries(node.attributes)) {
      try {
        if (name === "xlink:href") made.setAttributeNS("http://www.w3.org/1999/xlink", name, value);
        else Element.prototype.setAttribute.call(made, name, value);
      } catch {
        // no name of an attribute
      }
    }
    Element.prototype.append.call(made, ...node.childNodes.map(one));
    return made;
  };
  page.body.append(...nodes.map(one));
  return frame;
}

/** Press everything in *page* that could be pressed. Return how much that was. */
function pressAll(page) {
  const found = [...page.querySelectorAll("a, area, button, input, summary, [onclick]")];
  for (const element of found) {
    for (const type of ["mouseover", "mousedown", "click"]) {
      EventTarget.prototype.dispatchEvent.call(
        element,
        new MouseEvent(type, { bubbles: true, cancelable: true }),
      );
    }
  }
  const forms = [...page.querySelectorAll("form")];
  for (const form of forms) HTMLFormElement.prototype.submit.call(form);
  return found.length + forms.length;
}

globalThis.hostile = { nodesOf, unguarded, pressAll };
