// Draws paths as bands (a Sankey diagram), from the table that stands below them: without this script that is what
// there is. Hands on a keyboard and screen readers have the table, too: what has the focus there is lit up here.

import { type SankeyLink, type SankeyNode, sankey, sankeyLinkHorizontal } from "d3-sankey";

interface Stop {
  layer: number;
  stop: string;
  text: string;
  href: string;
  tally: string;
}

interface Way {
  href: string;
  tally: string;
}

type Node = SankeyNode<Stop, Way>;
type Link = SankeyLink<Stop, Way>;

const SVG = "http://www.w3.org/2000/svg";
const COLUMN = 170; // px that a layer takes at least: its band and a label
const LABEL = 150; // px right of the last layer, for its labels
const ROW = 44; // px for each node of the fullest layer
const LETTERS = 20; // of a label; all of it is told to those who point at it

function made<Name extends keyof SVGElementTagNameMap>(
  name: Name,
  attributes: Record<string, string | number>,
  ...inside: (Element | string)[]
): SVGElementTagNameMap[Name] {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, String(value));
  element.append(...inside);
  return element;
}

const shortened = (text: string): string =>
  text.length > LETTERS ? `${text.slice(0, LETTERS - 8)}…${text.slice(-7)}` : text;

/** Return how what stands for *stop* looks. */
function kind(stop: string): string {
  const kinds: Record<string, string> = {
    ".": "ends",
    ".completed": "completes",
    ".left": "leaves",
    "": "others",
  };
  return kinds[stop] ?? "";
}

function cells(row: HTMLElement): Way {
  const link = row.querySelector("a");
  return { href: link?.getAttribute("href") ?? "", tally: link?.firstChild?.textContent ?? "" };
}

/** Read nodes and bands of *table*. In *back* the layers run from right to left. */
function read(table: HTMLElement, back: boolean): { nodes: Node[]; links: Link[] } {
  const nodes = new Map<string, Node>();
  const rows = [...table.querySelectorAll<HTMLElement>("tr[data-layer]")];
  const key = (layer: number, stop: string): string => `${layer} ${stop}`;
  for (const row of rows) {
    const { layer = "", stop = "", text = "", sessions = "", to } = row.dataset;
    if (to !== undefined) continue;
    nodes.set(key(Number(layer), stop), {
      layer: Number(layer),
      stop,
      text,
      fixedValue: Number(sessions),
      ...cells(row),
    });
  }
  const links: Link[] = [];
  for (const row of rows) {
    const { layer = "", stop = "", sessions = "", to } = row.dataset;
    const near = nodes.get(key(Number(layer), stop));
    const far = to === undefined ? undefined : nodes.get(key(Number(layer) + 1, to));
    if (!near || !far) continue;
    const [source, target] = back ? [far, near] : [near, far];
    links.push({ source, target, value: Number(sessions), ...cells(row) });
  }
  return { nodes: [...nodes.values()], links };
}

function said(template: string, words: Record<string, string>): string {
  return template.replace(/\{(\w+)\}/g, (_all, name: string) => words[name] ?? "");
}

/** Return an anchor to *href* that is called *label*, around *inside*. */
function anchor(href: string, label: string, ...inside: Element[]): SVGElement {
  return made("a", { href, tabindex: -1 }, made("title", {}, label), ...inside);
}

function band(link: Link, figure: HTMLElement): SVGElement {
  const source = link.source as Node;
  const target = link.target as Node;
  const path = made("path", {
    class: `band ${kind(target.stop)}`,
    d: sankeyLinkHorizontal()(link) ?? "",
    "stroke-width": Math.max(1, link.width ?? 1),
  });
  const words = { from: source.text, to: target.text, num: link.tally };
  return anchor(link.href, said(figure.dataset.edge ?? "", words), path);
}

function stop(node: Node, figure: HTMLElement): SVGElement {
  const { x0 = 0, x1 = 0, y0 = 0, y1 = 0 } = node;
  const place = { x: x1 + 6 };
  const middle = (y0 + y1) / 2;
  return anchor(
    node.href,
    said(figure.dataset.node ?? "", { stop: node.text, num: node.tally }),
    made("rect", {
      class: `stop ${kind(node.stop)}`,
      x: x0,
      y: y0,
      width: x1 - x0,
      height: Math.max(1, y1 - y0),
      rx: 2,
    }),
    made("text", { ...place, y: middle - 2, translate: "no" }, shortened(node.text)),
    made("text", { ...place, y: middle + 12, class: "tally" }, node.tally),
  );
}

function draw(figure: HTMLElement, table: HTMLElement): void {
  const back = "back" in figure.dataset;
  const { nodes, links } = read(table, back);
  const layers = Math.max(...nodes.map((node) => node.layer)) + 1;
  const fullest = Math.max(
    ...Array.from({ length: layers }, (_, n) => nodes.filter((one) => one.layer === n).length),
  );
  const width = Math.max(figure.clientWidth - 32, (layers - 1) * COLUMN + LABEL);
  const height = Math.max(220, fullest * ROW);
  sankey<Stop, Way>()
    .nodeWidth(10)
    .nodePadding(26)
    .nodeAlign((node) => (back ? layers - 1 - node.layer : node.layer))
    .extent([
      [1, 12],
      [width - LABEL, height - 12],
    ])({ nodes, links });
  figure.replaceChildren(
    made(
      "svg",
      {
        width,
        height,
        viewBox: `0 0 ${width} ${height}`,
        "aria-hidden": "true",
      },
      ...links.map((link) => band(link, figure)),
      ...nodes.map((node) => stop(node, figure)),
    ),
  );
}

/** Light up what a link of *table* leads to, too, while it has the focus or the pointer. */
function light(figure: HTMLElement, table: HTMLElement): void {
  const lit = (event: Event, on: boolean): void => {
    const row = (event.target as Element).closest("tr");
    const href = row?.querySelector("a")?.getAttribute("href");
    for (const link of figure.querySelectorAll("a"))
      if (link.getAttribute("href") === href) link.classList.toggle("lit", on);
  };
  for (const type of ["focusin", "mouseover"])
    table.addEventListener(type, (event) => lit(event, true));
  for (const type of ["focusout", "mouseout"])
    table.addEventListener(type, (event) => lit(event, false));
}

const figure = document.getElementById("paths-figure");
const table = document.getElementById(figure?.dataset.table ?? "");
if (figure && table) {
  figure.hidden = false;
  light(figure, table);
  let width = 0;
  new ResizeObserver(() => {
    if (figure.clientWidth === width) return;
    width = figure.clientWidth;
    draw(figure, table);
    if ("back" in figure.dataset) figure.scrollLeft = figure.scrollWidth; // where it is counted from
  }).observe(figure);
}
