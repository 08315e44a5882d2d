// Owns what the server says of a session: its timeline, anew whenever there is news of it.

import type { Span, Timeline } from "./model";
import type { Gap } from "./protocol";

const LEAST_MS = 250; // between two looks at the server
const AGAIN_MS = 5000; // after the server has refused the stream: a browser gives up for good then

interface Activity {
  inactive: Span[];
  gaps: Gap[];
}

export class News {
  readonly #session: string;
  readonly #heard: () => Promise<void>;
  #source: EventSource | null = null;
  #timer = 0;
  #again = 0;
  #looking = false;
  #missed = false;

  /** *heard* is called when there is news, not more often than one can look, and never twice at once. */
  constructor(session: string, heard: () => Promise<void>) {
    this.#session = session;
    this.#heard = heard;
  }

  /** Listen while the page is seen: a browser has six connections for all its tabs. */
  listen(running: boolean, follow: boolean): void {
    this.stop();
    if (document.hidden || !running) return;
    const query = new URLSearchParams({ session: this.#session });
    if (follow) query.set("follow", "1");
    const source = new EventSource(`/live?${query}`);
    this.#source = source;
    source.addEventListener("news", () => this.#soon());
    source.addEventListener("hello", () => this.#soon());
    source.addEventListener("error", () => {
      if (source.readyState !== EventSource.CLOSED || source !== this.#source) return;
      this.#soon(); // whoever looks is told why
      this.#again = setTimeout(() => this.listen(running, follow), AGAIN_MS);
    });
  }

  stop(): void {
    clearTimeout(this.#again);
    this.#source?.close();
    this.#source = null;
  }

  /** Return the timeline as it is now; if the server does not say, its status, 0 if it is not reached. */
  timeline(): Promise<Timeline | number> {
    return this.#get<Timeline>("timeline");
  }

  /** Return when the visitor did nothing and what cannot be played; null if the server does not say. */
  async activity(): Promise<Activity | null> {
    const answer = await this.#get<Activity>("activity");
    return typeof answer === "number" ? null : answer;
  }

  #soon(): void {
    this.#missed = true;
    if (this.#timer || this.#looking) return;
    this.#timer = setTimeout(() => void this.#look(), LEAST_MS);
  }

  /** One look after the other: an older answer must not take the place of a newer one. */
  async #look(): Promise<void> {
    this.#timer = 0;
    this.#missed = false;
    this.#looking = true;
    try {
      await this.#heard();
    } finally {
      this.#looking = false;
      if (this.#missed) this.#soon();
    }
  }

  async #get<Answer>(what: string): Promise<Answer | number> {
    try {
      const answer = await fetch(`/sessions/${this.#session}/${what}`);
      return answer.ok ? ((await answer.json()) as Answer) : answer.status;
    } catch {
      return 0;
    }
  }
}
