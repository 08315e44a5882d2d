// What can be said of a press the moment it happens.

import type { Privacy } from "../privacy";
import { closest, frameOf } from "../privacy/dom";
import type { Facts } from "../scope";
import { drawsAnswer } from "../target/surface";
import { onScrollbar } from "./hit";

type Click = Facts<"click">;
export type HrefKind = NonNullable<Click["href"]>;

const DIALOG = 'dialog,[role="dialog"],[role="alertdialog"],[aria-modal="true"]';
const CONSENT =
  /cookie|consent|gdpr|dsgvo|cmp-?|onetrust|usercentrics|didomi|cookiebot|sp_message|klaro|borlabs/i;

export function linkOf(element: Element): HTMLAnchorElement | undefined {
  const link = closest(element, "a[href],area[href]");
  return (link as HTMLAnchorElement | null) ?? undefined;
}

export function hrefKind(link: HTMLAnchorElement | undefined): HrefKind {
  if (!link) return "none";
  const raw = link.getAttribute("href")?.trim() ?? "";
  if (/^javascript:/i.test(raw)) return "js";
  if (/^(mailto|tel|sms|callto|whatsapp|skype):/i.test(raw)) return "mail";
  if (link.hasAttribute("download") || /^(blob|data):/i.test(raw)) return "download";
  const target =
    link.target || link.ownerDocument.querySelector<HTMLBaseElement>("base[target]")?.target;
  if (target && !/^_(self|parent|top)$/i.test(target)) return "new_tab";
  const [here] = link.ownerDocument.URL.split("#");
  if (raw[0] === "#" || (link.hash && link.href.split("#")[0] === here)) return "hash";
  return "same";
}

export function modifiers(event: MouseEvent | KeyboardEvent): string[] | undefined {
  const held = [
    event.altKey && "alt",
    event.ctrlKey && "ctrl",
    event.metaKey && "meta",
    event.shiftKey && "shift",
  ].filter((name): name is string => Boolean(name));
  return held.length ? held : undefined;
}

function inConsent(element: Element): boolean {
  let at: Element | null = element;
  for (let depth = 0; at && depth < 12; depth++) {
    if (at.localName === "body") return false;
    const words = `${at.id} ${at.getAttribute("class") ?? ""} ${at.getAttribute("aria-label") ?? ""}`;
    if (CONSENT.test(words)) return true;
    const root = at.getRootNode();
    at = at.parentElement ?? ("host" in root ? (root as ShadowRoot).host : null);
  }
  return false;
}

/** Where in the page's viewport that of *element*'s document begins. */
function originOf(element: Element): [number, number] {
  const { ownerDocument } = element;
  const frame = ownerDocument !== document && frameOf(ownerDocument);
  if (!frame) return [0, 0];
  const { left, top } = frame.getBoundingClientRect();
  const [x, y] = originOf(frame);
  const { paddingLeft, paddingTop } = getComputedStyle(frame);
  return [
    x + left + frame.clientLeft + Number.parseFloat(paddingLeft),
    y + top + frame.clientTop + Number.parseFloat(paddingTop),
  ];
}

/** Facts of a press on *element* at the point of *event*; keyboard presses have no point. */
export function pressFacts(
  element: Element,
  event: MouseEvent | KeyboardEvent,
  privacy: Privacy,
): Click {
  const link = linkOf(element);
  const href = hrefKind(link);
  const { button = 0, clientX: x, clientY: y, pointerType: pointer } = event as PointerEvent;
  // No instanceof: pages replace PointerEvent, and older browsers click without one.
  const keyboard = !pointer && event.detail === 0;
  const held = modifiers(event);
  const facts: Click = {
    button: Math.max(0, button),
    trusted: event.isTrusted,
    href,
    media: drawsAnswer(element),
    in_dialog: closest(element, DIALOG) !== null,
    in_consent: inConsent(element),
  };
  if (held) facts.modifiers = held;
  if (link && href !== "js" && href !== "none" && href !== "mail") {
    facts.href_path = privacy.urls.place(link.href);
  }
  if (keyboard) return { ...facts, pointer: "keyboard" };
  const box = element.getBoundingClientRect();
  const [left, top] = originOf(element);
  return {
    ...facts,
    pointer: pointer === "touch" || pointer === "pen" ? pointer : "mouse",
    x: Math.round(left + x),
    y: Math.round(top + y),
    page_x: Math.round(left + x + scrollX),
    page_y: Math.round(top + y + scrollY),
    offset_x: Math.round(x - box.left),
    offset_y: Math.round(y - box.top),
    scrollbar: onScrollbar(element, x, y),
  };
}
