// Owns small helpers of the editor's page: its elements, its panels, what it sends.

import { localTimes } from "/static/console.js";

/** Return the element of that id, which the page always has. */
export function element<T extends Element>(id: string, kind: new () => T): T {
  const found = document.getElementById(id);
  if (!(found instanceof kind)) throw new Error(`the page has no #${id}`);
  return found;
}

/** Put *html*, rendered and escaped by the server, into the panel *id*. */
export function fill(id: string, html: string): void {
  const panel = element(id, HTMLElement);
  panel.innerHTML = html;
  localTimes(panel);
}

/** Post the form with *text* in place of its own to *address*. */
export function send(
  form: HTMLFormElement,
  address: string,
  text: string,
  signal?: AbortSignal,
): Promise<Response> {
  const body = new FormData(form);
  body.set("text", text);
  return fetch(address, { method: "POST", body, ...(signal ? { signal } : {}) });
}
