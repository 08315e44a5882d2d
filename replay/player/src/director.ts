// Owns what is on the stage: the clock, which part of which document is shown, and when the next one
// is fetched.

import { Frames } from "./frames";
import { fill } from "./model";
import type { FromStage, Gap, Load, Program, Seek, View } from "./protocol";
import { Expired, type Part, type Source } from "./recordings";
import { drawable, Screen } from "./screen";

const TELL_MS = 60; // between two reports of the time: smooth for the eye
const STALL_MS = 1000; // a longer frame means that the tab slept: do not play over it
const FETCH_AHEAD_MS = 5000; // of playing time before the next part or document is needed
const SLOW_MS = 500; // longer on its way, what is missing is worth a word
const PATIENCE_MS = 3000; // for what is on its way: an answer that never comes must not keep others waiting
const AGAIN_MS = 3000; // before it is asked again what came, when nobody answered
const MOST_AGAIN = 5;

export class Director {
  readonly #root: HTMLElement;
  readonly #say: (message: FromStage) => void;
  readonly #source: Source;
  #program: Program = { loads: [], start: 0, end: 0, running: false };
  #screen: Screen | null = null;
  #frames: Frames | null = null; // of the screen
  #blank = "";
  #told: Promise<void> = Promise.resolve(); // what the program says: one piece of news after the other
  #again = 0; // timer of what came and could not be fetched
  #failures = 0; // in a row
  #tab = "";
  #at = 0;
  #speed = 1;
  #playing = false;
  #busy = false; // what is to be shown is on its way; the clock stands
  #coming: Promise<unknown> = Promise.resolve(); // one wish after the other: a hand on the bar has many
  #soon = 0; // timer of what is to be presented
  #view: View = "loading";
  #wish = 0; // turn of the newest seek
  #turn = 0; // of what is being drawn; older answers are dropped
  #ahead = ""; // what was fetched last before it was needed
  #clock = 0; // the next frame, while it plays
  #lastFrame = 0;
  #lastTold = 0;

  constructor(root: HTMLElement, source: Source, say: (message: FromStage) => void) {
    this.#root = root;
    this.#say = say;
    this.#source = source;
  }

  /** The frame that holds the picture; null while none is shown. */
  get frame(): HTMLIFrameElement | null {
    return this.#screen?.frame ?? null;
  }

  /** What is drawn now; null while nothing is. */
  get screen(): Screen | null {
    return this.#screen;
  }

  /** Take the words that the stage shows by itself. */
  words(blank: string): void {
    this.#blank = blank;
  }

  renew(base: string): void {
    this.#source.renew(base);
    this.#ahead = "";
    this.#presentSoon();
    if (this.#program.running) void this.program(this.#program, true);
  }

  /** Nothing more is to be had: show why in the place of a picture. */
  refuse(view: View, reason: string): void {
    this.#turn++; // what is on its way is not drawn
    this.#playing = false;
    this.#clear(view, reason);
  }

  /**
   * Take what there is to play; *changed* says that documents may have grown. One after the other: to
   * ask twice at once for what came would add it twice.
   */
  program(program: Program, changed: boolean): Promise<void> {
    this.#told = this.#told.then(() => this.#takeProgram(program, changed));
    return this.#told;
  }

  async #takeProgram(program: Program, changed: boolean): Promise<void> {
    if (changed) {
      this.#source.forgetOthers(this.#screen?.load ?? null);
      if (this.#screen) await this.#grow(this.#screen); // first, or the clock runs into the new part
    }
    this.#program = program;
    if (changed && !this.#screen && this.#view !== "loading") await this.#present();
  }

  seek({ turn, at, tab, play }: Seek): void {
    this.#wish = turn;
    this.#at = Math.min(Math.max(at, this.#program.start), this.#program.end);
    this.#tab = tab;
    this.#playing = play;
    this.#presentSoon();
  }

  tab(tab: string): void {
    if (tab === this.#tab) return;
    this.#tab = tab;
    this.#presentSoon();
  }

  play(): void {
    this.#playing = true;
    if (this.#at >= this.#program.end && !this.#program.running) this.#at = this.#program.start;
    this.#presentSoon();
  }

  pause(): void {
    this.#playing = false;
    this.#screen?.pause();
    this.#tell();
  }

  speed(speed: number): void {
    this.#speed = speed;
    this.#screen?.speed(speed);
  }

  /** Present the newest wish once those that came with it are heard: to draw each would take too long. */
  #presentSoon(): void {
    this.#turn++; // what is on its way for an older wish is not drawn
    this.#soon ||= setTimeout(() => {
      this.#soon = 0;
      void this.#present();
    });
  }

  /** Show the picture of now: fetch and build what shows it if that is not here. */
  async #present(): Promise<void> {
    const turn = ++this.#turn;
    if (this.#playing) this.#run();
    const load = this.#loadAt(this.#at);
    if (!load) {
      this.#clear(this.#program.loads.length ? "not_open" : this.#empty());
      return;
    }
    if (!this.#shows(load) && !(await this.#change(load, turn))) return;
    this.#busy = false;
    if (this.#view !== "shown") this.#see("shown");
    if (this.#playing) this.#screen?.play(this.#at, this.#speed);
    else this.#screen?.show(this.#at);
    this.#tell();
  }

  /** Return whether the screen has what shows *load* now. */
  #shows(load: Load | null): boolean {
    return this.#screen !== null && load?.id === this.#screen.load && this.#screen.covers(this.#at);
  }

  /** Fetch what shows *load* now. The old picture stays until the new one is drawn. */
  async #change(load: Load, turn: number): Promise<boolean> {
    this.#busy = true;
    if (!this.#screen) this.#see("loading");
    const slow = setTimeout(() => {
      if (turn === this.#turn) this.#see("loading");
    }, SLOW_MS);
    let part: Part | null;
    try {
      part = await this.#next(load, turn);
    } catch (error) {
      if (turn === this.#turn) this.#failed(error);
      return false;
    } finally {
      clearTimeout(slow);
    }
    if (!part || turn !== this.#turn) return false;
    return this.#take(load, part, turn);
  }

  /** Fetch the part of *load* that shows now, after what is on its way; null: that was wished no more. */
  #next(load: Load, turn: number): Promise<Part | null> {
    const found = Promise.race([this.#coming.catch(() => undefined), rest(PATIENCE_MS)]).then(() =>
      turn === this.#turn ? this.#source.part(load.id, this.#at) : null,
    );
    this.#coming = found;
    return found;
  }

  /** Draw *part* on the screen of *load*, or on a new one. */
  async #take(load: Load, part: Part, turn: number): Promise<boolean> {
    if (part.gaps.length) this.#say({ type: "gaps", gaps: part.gaps });
    if (this.#screen?.load === load.id) {
      this.#screen.take(part);
      return true;
    }
    if (!drawable(part)) {
      this.#clear(this.#program.running ? "waiting" : "no_snapshot");
      return false;
    }
    return this.#put(load.id, part, turn);
  }

  /** Put a new screen in place of the one there is. */
  async #put(load: string, part: Part, turn: number): Promise<boolean> {
    let screen: Screen | null = null;
    try {
      screen = await Screen.make(this.#root, load, part, {
        gap: (gap: Gap) => this.#say({ type: "gaps", gaps: [gap] }),
        size: (width, height) => this.#say({ type: "size", width, height }),
      });
      if (turn !== this.#turn) {
        screen.destroy();
        return false;
      }
      const frames = new Frames(screen, this.#source.links(load), {
        recording: (link) => this.#source.frame(link),
        links: (link) => this.#source.links(link),
        blank: (host) => fill(this.#blank, { host }),
        gap: (gap) => this.#say({ type: "gaps", gaps: [gap] }),
      });
      screen.inner = frames;
      screen.show(this.#at);
      screen.reveal();
      this.#frames = frames;
      this.#screen?.destroy();
      this.#screen = screen;
      return true;
    } catch (error) {
      screen?.destroy();
      if (turn === this.#turn) this.#clear("broken", text(error));
      return false;
    }
  }

  async #grow(screen: Screen): Promise<void> {
    try {
      const news = await this.#source.more(screen.load);
      this.#failures = 0;
      if (this.#screen !== screen) return;
      if (news.gaps.length) this.#say({ type: "gaps", gaps: news.gaps });
      this.#frames?.link(this.#source.links(screen.load));
      if (screen.until !== null || screen.add(news.events, this.#at)) return;
      const part = await this.#source.part(screen.load, this.#at);
      const put = drawable(part) && (await this.#put(screen.load, part, this.#turn));
      if (!put) return;
      this.#see("shown");
      if (this.#playing) this.#screen?.play(this.#at, this.#speed);
    } catch (error) {
      if (error instanceof Expired) this.#say({ type: "expired" });
      else this.#askAgain();
    }
  }

  /** Ask once more in a while: of a session that has ended no more news comes. */
  #askAgain(): void {
    if (this.#again || ++this.#failures > MOST_AGAIN) return;
    this.#again = setTimeout(() => {
      this.#again = 0;
      void this.program(this.#program, true);
    }, AGAIN_MS);
  }

  /** Let the clock run while it plays; a picture that stands still costs nothing. */
  #run(): void {
    if (this.#clock) return;
    this.#lastFrame = performance.now();
    this.#clock = requestAnimationFrame((now) => this.#frame(now));
  }

  #frame(now: number): void {
    const passed = Math.max(0, now - this.#lastFrame); // a frame's time is that of its beginning
    this.#lastFrame = now;
    this.#clock = 0;
    if (!this.#playing) return;
    if (!this.#busy) this.#advance(passed);
    if (now - this.#lastTold >= TELL_MS && this.#playing) this.#tell(now);
    this.#clock ||= requestAnimationFrame((next) => this.#frame(next));
  }

  #advance(passed: number): void {
    if (passed > STALL_MS) {
      void this.#present(); // the Replayer's own clock ran on meanwhile
      return;
    }
    if (this.#waiting()) return;
    const before = this.#loadAt(this.#at);
    this.#at += passed * this.#speed;
    if (this.#at >= this.#program.end) this.#reachEnd();
    const load = this.#loadAt(this.#at);
    const same = load !== null && this.#screen?.load === load.id;
    const lacking = same ? !this.#shows(load) : load !== before;
    if (lacking) void this.#present();
    else if (this.#screen && !this.#screen.playing && this.#playing && !this.#waiting()) {
      // new events came while it waited at the end
      this.#screen.play(this.#at, this.#speed);
    }
    this.#fetchAhead(load);
  }

  #reachEnd(): void {
    this.#at = this.#program.end;
    this.#screen?.show(this.#at + 1);
    if (this.#program.running) return; // wait there for more
    this.#playing = false;
    this.#tell();
    this.#say({ type: "ended" });
  }

  #waiting(): boolean {
    return this.#program.running && this.#at >= this.#program.end;
  }

  /** Fetch what is needed next before it is: the part that follows, or the next document. */
  #fetchAhead(load: Load | null): void {
    const screen = this.#screen;
    if (!load || screen?.load !== load.id) return;
    const until = Math.min(screen.until ?? Number.POSITIVE_INFINITY, load.until);
    if (until - this.#at > FETCH_AHEAD_MS * this.#speed) return;
    const next = this.#loadAt(until);
    if (!next || (next === load && until !== screen.until)) return;
    if (this.#ahead === `${next.id} ${until}`) return;
    this.#ahead = `${next.id} ${until}`; // once: if it fails, it is tried again and told when it is needed
    this.#source.part(next.id, until).then(
      (part) => {
        if (next !== load || this.#screen !== screen || part.from !== screen.until) return;
        if (part.gaps.length) this.#say({ type: "gaps", gaps: part.gaps });
        screen.take(part);
      },
      () => undefined,
    );
  }

  /** Return the document that the tab shows at *at*: the latest that had begun. */
  #loadAt(at: number): Load | null {
    let found: Load | null = null;
    let first: Load | null = null;
    for (const load of this.#program.loads) {
      if (load.tab !== this.#tab) continue;
      first ??= load;
      if (load.at <= at) found = load;
    }
    return found ?? (first && first.at - at < 1000 ? first : null);
  }

  #empty(): View {
    return this.#program.running ? "waiting" : "no_recording";
  }

  #clear(view: View, reason = ""): void {
    this.#busy = false;
    this.#screen?.destroy();
    this.#screen = null;
    this.#see(view, reason);
    this.#tell();
  }

  #failed(error: unknown): void {
    if (error instanceof Expired) {
      this.#say({ type: "expired" }); // the clock stands until there is a new token, or a word why not
      return;
    }
    this.#playing = false;
    this.#clear("failed", text(error));
  }

  #see(view: View, reason = ""): void {
    this.#view = view;
    this.#say({ type: "view", view, reason });
  }

  #tell(now = performance.now()): void {
    this.#lastTold = now;
    const waiting = this.#waiting();
    const [turn, at, playing] = [this.#wish, this.#at, this.#playing];
    this.#say({ type: "time", turn, at, playing, waiting });
  }
}

function rest(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

function text(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
