// Writes a document down: its outline (scenarios/dom/src/outline.js says what is in it), the state
// that no attribute holds, and the rules that style it. The same script runs in both documents.
//
// Left out of the rules: what the player adds (paused animations, its twin of each :hover, no controls on videos,
// canvases). Values of
// fields are compared as every preset masks them, unless the field itself is unmasked.
import { outline, tagOf } from "../../scenarios/dom/src/outline.js";

const LEFT_OUT = new Set(["SCRIPT", "NOSCRIPT", "META", "TITLE", "BASE", "LINK", "STYLE"]);
const OF_THE_PLAYER =
  /rr-block|rrweb-paused|-webkit-media-controls|rr_canvas|rr_missing|^noscript\b/;

function masked(field) {
  const shown = /\bunmask\b/.test(field.dataset.stolper ?? "");
  return shown ? field.value : field.value.replace(/\S/g, "•");
}

function fieldState(element, found) {
  if (!/^(INPUT|TEXTAREA|SELECT)$/.test(tagOf(element))) return;
  if (/^(checkbox|radio)$/.test(element.type)) {
    found.checked = element.checked;
    found.indeterminate = element.indeterminate;
  } else if (!/^(button|submit|reset)$/.test(element.type)) {
    found.value = masked(element);
  }
  if (tagOf(element) === "SELECT") {
    found.selected = [...element.options].map((option) => Number(option.selected)).join("");
  }
}

/** What no attribute of *element* tells. */
function state(element) {
  const found = {};
  fieldState(element, found);
  if (element.scrollTop || element.scrollLeft) {
    found.scroll = [Math.round(element.scrollLeft), Math.round(element.scrollTop)].join();
  }
  if (element.matches(":modal")) found.modal = true;
  if (element.matches(":popover-open")) found.popover = true;
  if (/^(VIDEO|AUDIO)$/.test(tagOf(element))) {
    found.media = [element.currentTime.toFixed(1), element.muted, element.volume].join();
  }
  return found;
}

function absolute(text, base) {
  return text.replace(/url\("?([^")]*)"?\)/g, (_, url) => `url(${new URL(url, base).href})`);
}

/** Of a font only its name counts: it comes from the site or from the store. */
function fontless(rule, text) {
  return rule.type === CSSRule.FONT_FACE_RULE ? `@font-face ${rule.style.fontFamily}` : text;
}

/** The rules of *sheet*; none of a sheet of another origin, which a replay may show by its link alone. */
function readable(sheet) {
  try {
    return sheet.cssRules;
  } catch {
    return undefined;
  }
}

function rulesOf(sheet, base) {
  if (sheet.disabled) return [];
  const found = [];
  const rules = readable(sheet);
  if (!rules) return [`unreadable ${sheet.href}`];
  for (const rule of rules) {
    if (rule.styleSheet) found.push(...rulesOf(rule.styleSheet, rule.styleSheet.href ?? base));
    else {
      const from = /^http/.test(sheet.href ?? "") ? sheet.href : base;
      found.push(fontless(rule, absolute(rule.cssText, from)));
    }
  }
  const media = sheet.media?.mediaText;
  return media && media !== "all" && !matchMedia(media).matches ? [] : found;
}

function rules(root, base) {
  return [...root.styleSheets, ...root.adoptedStyleSheets]
    .flatMap((sheet) => rulesOf(sheet, base))
    .map((text) => text.replace(/,\s*[^,{}]*\\:hover[^,{}]*(?=[,{])/g, " ").replace(/\s+/g, " "))
    .filter((text) => !OF_THE_PLAYER.test(text));
}

/** Add the states below *root* to *found*, named by their order, and the rules of each root. */
function facts(root, base, found) {
  found[`rules ${found.roots++}`] = rules(root, base);
  const walk = (parent) => {
    for (const element of parent.children) {
      if (LEFT_OUT.has(tagOf(element))) continue;
      const name = `${found.elements++} ${element.localName}${element.id ? `#${element.id}` : ""}`;
      const own = state(element);
      if (Object.keys(own).length) found[name] = own;
      if (element.shadowRoot) facts(element.shadowRoot, base, found);
      const frame = tagOf(element) === "IFRAME" && element.contentDocument;
      if (frame?.documentElement) facts(frame, frame.baseURI, found);
      else walk(element);
    }
  };
  walk(root);
  return found;
}

/** Wait until the pictures and fonts of *document* are there, or known not to be. */
window.settled = async (document) => {
  await document.fonts.ready;
  await Promise.all([...document.images].map((image) => image.decode().catch(() => {})));
};

/** Say whether *node* holds nothing but an element of its own kind. */
function single(node) {
  const [child] = node.children;
  return (
    node.children.length === 1 &&
    child.tag === node.tag &&
    child.shown === node.shown &&
    !child.shadow &&
    Object.keys(child.attributes).length === 0
  );
}

/** Write elements that only nest as one, with their number: nobody reads JSON of that depth. */
function flat(node) {
  if (typeof node === "string") return node;
  let [last, depth] = [node, 1];
  for (; single(last); depth++) last = last.children[0];
  return {
    ...node,
    tag: depth > 1 ? `${node.tag} x ${depth}` : node.tag,
    children: last.children.map(flat),
    shadow: last.shadow?.map(flat),
    frame: last.frame && flat(last.frame),
  };
}

/** Return *document* as JSON; relative addresses are taken from *base*. */
window.portray = (document, base = document.baseURI) =>
  JSON.stringify({
    outline: flat(outline(document, base)),
    facts: facts(document, base, { roots: 0, elements: 0 }),
  });

/** Show in the live page what is recorded of a text that is edited in place: only its length. */
window.maskEditable = () => {
  for (const editable of document.querySelectorAll("[contenteditable]")) {
    if (!editable.isContentEditable) continue;
    const texts = document.createTreeWalker(editable, NodeFilter.SHOW_TEXT);
    while (texts.nextNode()) {
      const text = texts.currentNode;
      const hidden = text.data.replace(/\S/g, "x");
      if (text.data !== hidden) text.data = hidden;
    }
  }
};
