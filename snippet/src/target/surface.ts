// Surfaces whose answer cannot be observed, or whose use looks like a struggle and is none.

import { closest } from "../privacy/dom";

const DRAWN =
  "video,audio,canvas,embed,object,iframe,[role=application]," +
  ".leaflet-container,.maplibregl-map,.mapboxgl-map,.ol-viewport,.gm-style";
const INSIDE = "canvas,video,iframe,embed,object";
const PICTURES =
  'img,picture,svg,[class*="gallery" i],[class*="carousel" i],[class*="swiper" i],[class*="zoom" i]';

/** Not the frame that *element* is in: it was pressed within what is recorded of that. */
function surfaceOf(element: Element): Element | null {
  const found = closest(element, DRAWN);
  return found?.ownerDocument === element.ownerDocument ? found : null;
}

/** A canvas, video, map or frame: what it does is not in the page's tree. */
export function drawn(element: Element): boolean {
  return surfaceOf(element) !== null;
}

/** The same of a press: a button on a map that is made of elements is answered in them. */
export function drawsAnswer(element: Element): boolean {
  const surface = surfaceOf(element);
  if (!surface) return false;
  const control = closest(element, "a[href],button,input,select,textarea,[role=button]");
  const stands = control && control !== surface && surface.contains(control);
  // Leaflet moves elements, also where it draws some of its shapes.
  const seen = surface.matches(".leaflet-container") || !surface.querySelector(INSIDE);
  return !stands || !seen;
}

/** One of these, or a picture or gallery: made to be zoomed and swiped. */
export function pictured(element: Element): boolean {
  return drawn(element) || closest(element, PICTURES) !== null;
}
