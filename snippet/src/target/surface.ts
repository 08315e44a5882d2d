// Surfaces whose answer cannot be observed, or whose use looks like a struggle and is none.

import { closest } from "../privacy/dom";

const DRAWN =
  "video,audio,canvas,embed,object,iframe,[role=application]," +
  ".leaflet-container,.maplibregl-map,.mapboxgl-map,.ol-viewport,.gm-style";
const PICTURES =
  'img,picture,svg,[class*="gallery" i],[class*="carousel" i],[class*="swiper" i],[class*="zoom" i]';

/** A canvas, video, map or frame: what it does is not in the page's tree. */
export function drawn(element: Element): boolean {
  return closest(element, DRAWN) !== null;
}

/** One of these, or a picture or gallery: made to be zoomed and swiped. */
export function pictured(element: Element): boolean {
  return drawn(element) || closest(element, PICTURES) !== null;
}
