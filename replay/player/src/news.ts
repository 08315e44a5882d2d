// Owns what the server says of a session: its timeline, anew whenever there is news of it.

import type { Span, Timeline } from "./model";

const LEAST_MS = 250; // between two looks at the server

export class News {
  readonly #session: string;
  readonly #heard: () => void;
  #source: EventSource | null = null;
  #timer = 0;

  /** *heard* is called when there is news, not more often than one can look. */
  constructor(session: string, heard: () => void) {
    this.#session = session;
    this.#heard = heard;
  }

  /** Listen while the page is seen: a browser has six connections for all its tabs. */
  listen(running: boolean, follow: boolean): void {
    this.stop();
    if (document.hidden || !running) return;
    const query = new URLSearchParams({ session: this.#session });
    if (follow) query.set("follow", "1");
    this.#source = new EventSource(`/live?${query}`);
    this.#source.addEventListener("news", () => this.#soon());
    this.#source.addEventListener("hello", () => this.#soon());
  }

  stop(): void {
    this.#source?.close();
    this.#source = null;
  }

  /** Return the timeline as it is now; null if the server does not say. */
  timeline(): Promise<Timeline | null> {
    return this.#get<Timeline>("timeline");
  }

  /** Return the spans in which the visitor did nothing; null if the server does not say. */
  async inactive(): Promise<Span[] | null> {
    return (await this.#get<{ inactive: Span[] }>("activity"))?.inactive ?? null;
  }

  #soon(): void {
    if (this.#timer) return;
    this.#timer = setTimeout(() => {
      this.#timer = 0;
      this.#heard();
    }, LEAST_MS);
  }

  async #get<Answer>(what: string): Promise<Answer | null> {
    const answer = await fetch(`/sessions/${this.#session}/${what}`).catch(() => null);
    return answer?.ok ? ((await answer.json()) as Answer) : null;
  }
}
