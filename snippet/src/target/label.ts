// Role and accessible name, as far as rules and people need them.

const ROLES: Record<string, string> = {
  a: "link",
  button: "button",
  select: "combobox",
  textarea: "textbox",
  summary: "button",
  option: "option",
  nav: "navigation",
  main: "main",
  aside: "complementary",
  form: "form",
  dialog: "dialog",
  h1: "heading",
  h2: "heading",
  h3: "heading",
  h4: "heading",
  h5: "heading",
  h6: "heading",
  img: "img",
  li: "listitem",
  ul: "list",
  ol: "list",
  table: "table",
  tr: "row",
  td: "cell",
  th: "columnheader",
  p: "paragraph",
  progress: "progressbar",
  header: "banner",
  footer: "contentinfo",
};
const INPUT_ROLES: Record<string, string> = {
  button: "button",
  submit: "button",
  reset: "button",
  image: "button",
  checkbox: "checkbox",
  radio: "radio",
  range: "slider",
  number: "spinbutton",
  search: "searchbox",
};

export function roleOf(element: Element): string | undefined {
  const explicit = element.getAttribute("role")?.trim().split(/\s+/)[0];
  if (explicit) return explicit;
  const tag = element.localName;
  if (tag === "input") return INPUT_ROLES[(element as HTMLInputElement).type] ?? "textbox";
  if (tag === "a" && !element.hasAttribute("href")) return undefined;
  return ROLES[tag];
}

/** The accessible name in clear, never a field's value; undefined if it has none. */
export function nameOf(
  element: Element,
  shown: (text: string, parent: Element) => string,
  placeholder = element.getAttribute("placeholder"),
): string | undefined {
  const root = element.getRootNode() as Document | ShadowRoot;
  const by = element.getAttribute("aria-labelledby");
  const referred = by
    ?.split(/\s+/)
    .map((id) => textOf(root.getElementById?.(id), shown))
    .join(" ");
  const tag = element.localName;
  const field = element as HTMLInputElement;
  const isButton = tag === "input" && /^(submit|button|reset)$/.test(field.type);
  const isField = (tag === "input" && !isButton) || tag === "select" || tag === "textarea";
  const candidates = [
    referred,
    element.getAttribute("aria-label"),
    isField ? textOf(field.labels?.[0], shown) : undefined,
    isButton ? field.value : undefined,
    isField || (element as HTMLElement).isContentEditable ? undefined : textOf(element, shown),
    element.getAttribute("alt"),
    element.getAttribute("title"),
    placeholder,
    element.querySelector("img[alt]")?.getAttribute("alt"),
  ];
  for (const candidate of candidates) {
    const text = candidate?.replace(/\s+/g, " ").trim();
    if (text) return text.slice(0, 80);
  }
  return undefined;
}

function textOf(
  element: Element | null | undefined,
  shown: (text: string, parent: Element) => string,
): string {
  if (!element || element.childElementCount > 40) return "";
  const walker = document.createTreeWalker(element, NodeFilter.SHOW_TEXT);
  let text = "";
  while (text.length < 120 && walker.nextNode()) {
    const { data, parentElement } = walker.currentNode as Text;
    if (parentElement && !parentElement.closest("textarea,select,style,script,noscript,iframe,xmp"))
      text += ` ${shown(data, parentElement)}`;
  }
  return text;
}
