// Owns what is on the stage: the clock, which document is shown, and when the next one is.

import { Frames } from "./frames";
import { fill } from "./model";
import type { FromStage, Gap, Load, Program, Seek, View } from "./protocol";
import { Expired, type Recording, type Source } from "./recordings";
import { drawable, Screen } from "./screen";

const TELL_MS = 60; // between two reports of the time: smooth for the eye
const STALL_MS = 1000; // a longer frame means that the tab slept: do not play over it
const FETCH_AHEAD_MS = 5000; // of playing time before the next document is needed

export class Director {
  readonly #root: HTMLElement;
  readonly #say: (message: FromStage) => void;
  readonly #recordings: Source;
  #program: Program = { loads: [], start: 0, end: 0, running: false };
  #screen: Screen | null = null;
  #frames: Frames | null = null; // of the screen
  #blank = "";
  #tab = "";
  #at = 0;
  #speed = 1;
  #playing = false;
  #busy = false; // a document is on its way; the clock stands
  #view: View = "loading";
  #wish = 0; // turn of the newest seek
  #turn = 0; // of what is being drawn; older answers are dropped
  #ahead = "";
  #lastFrame = 0;
  #lastTold = 0;

  constructor(root: HTMLElement, recordings: Source, say: (message: FromStage) => void) {
    this.#root = root;
    this.#say = say;
    this.#recordings = recordings;
    requestAnimationFrame((now) => this.#frame(now));
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
    this.#recordings.renew(base);
    void this.#present();
  }

  /** Take what there is to play; *changed* says that documents may have grown. */
  async program(program: Program, changed: boolean): Promise<void> {
    if (changed) {
      this.#recordings.forgetOthers(this.#screen?.load ?? null);
      if (this.#screen) await this.#grow(this.#screen); // first, or the clock runs into the new part
    }
    this.#program = program;
    if (changed && !this.#screen && this.#view !== "loading") await this.#present();
  }

  async seek({ turn, at, tab, play }: Seek): Promise<void> {
    this.#wish = turn;
    this.#at = Math.min(Math.max(at, this.#program.start), this.#program.end);
    this.#tab = tab;
    this.#playing = play;
    await this.#present();
  }

  async tab(tab: string): Promise<void> {
    if (tab === this.#tab) return;
    this.#tab = tab;
    await this.#present();
  }

  async play(): Promise<void> {
    this.#playing = true;
    if (this.#at >= this.#program.end && !this.#program.running) this.#at = this.#program.start;
    await this.#present();
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

  /** Show the picture of now: fetch and build its document if it is another than before. */
  async #present(): Promise<void> {
    const turn = ++this.#turn;
    const load = this.#loadAt(this.#at);
    if (!load) {
      this.#clear(this.#program.loads.length ? "not_open" : this.#empty());
      return;
    }
    if (this.#screen?.load !== load.id && !(await this.#change(load, turn))) return;
    if (this.#playing) this.#screen?.play(this.#at, this.#speed);
    else this.#screen?.show(this.#at);
    this.#tell();
  }

  /** Replace the screen by that of *load*. The old picture stays until the new one is drawn. */
  async #change(load: Load, turn: number): Promise<boolean> {
    this.#busy = true;
    if (!this.#screen) this.#see("loading");
    let recording: Recording;
    try {
      recording = await this.#recordings.get(load.id);
    } catch (error) {
      if (turn === this.#turn) this.#failed(error);
      return false;
    }
    if (turn !== this.#turn) return false;
    this.#busy = false;
    if (recording.gaps.length) this.#say({ type: "gaps", gaps: recording.gaps });
    if (!drawable(recording.events)) {
      this.#clear(this.#program.running ? "waiting" : "no_snapshot");
      return false;
    }
    return this.#put(load.id, recording, turn);
  }

  /** Put a new screen in place of the one there is. */
  async #put(load: string, recording: Recording, turn: number): Promise<boolean> {
    try {
      const screen = await Screen.make(this.#root, load, recording.events, {
        gap: (gap: Gap) => this.#say({ type: "gaps", gaps: [gap] }),
        size: (width, height) => this.#say({ type: "size", width, height }),
      });
      if (turn !== this.#turn) {
        screen.destroy();
        return false;
      }
      const frames = new Frames(screen, recording.frames, {
        recording: (link) => this.#recordings.frame(link),
        blank: (host) => fill(this.#blank, { host }),
        gap: (gap) => this.#say({ type: "gaps", gaps: [gap] }),
      });
      screen.inner = frames;
      screen.show(this.#at);
      screen.reveal();
      this.#frames = frames;
      this.#screen?.destroy();
      this.#screen = screen;
      this.#see("shown");
      return true;
    } catch (error) {
      if (turn === this.#turn) this.#clear("broken", text(error));
      return false;
    }
  }

  async #grow(screen: Screen): Promise<void> {
    try {
      const news = await this.#recordings.more(screen.load);
      if (this.#screen !== screen) return;
      if (news.gaps.length) this.#say({ type: "gaps", gaps: news.gaps });
      this.#frames?.link(news.frames);
      if (!screen.add(news.events, this.#at)) {
        const whole = await this.#recordings.get(screen.load);
        const put = await this.#put(screen.load, whole, this.#turn);
        if (put && this.#playing) this.#screen?.play(this.#at, this.#speed);
      }
    } catch (error) {
      if (error instanceof Expired) this.#say({ type: "expired" });
      // Anything else passes: the next piece of news asks again.
    }
  }

  #frame(now: number): void {
    const passed = now - this.#lastFrame;
    this.#lastFrame = now;
    if (this.#playing && !this.#busy) this.#advance(passed);
    if (now - this.#lastTold >= TELL_MS && this.#playing) this.#tell(now);
    requestAnimationFrame((next) => this.#frame(next));
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
    if (load !== before && load?.id !== this.#screen?.load) void this.#present();
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

  #fetchAhead(load: Load | null): void {
    if (!load || load.until - this.#at > FETCH_AHEAD_MS * this.#speed) return;
    const next = this.#loadAt(load.until);
    if (!next || next === load || next.id === this.#ahead) return;
    this.#ahead = next.id; // once: if it fails, it is tried again and told when it is needed
    this.#recordings.get(next.id).catch(() => undefined);
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
    this.#busy = false;
    if (error instanceof Expired) {
      this.#say({ type: "expired" });
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

function text(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
