// Owns the exported file's page: its parts, made once. What they say is written by others, as text.

import { make } from "../page";

const ICONS: Record<string, string> = {
  play: "M4.5 2.5v11l9-5.5z",
  pause: "M4 2.5h3v11H4zM9 2.5h3v11H9z",
  back: "M13.5 3.5 8 8l5.5 4.5zM7.5 3.5 2 8l5.5 4.5z",
  forward: "M2.5 3.5 8 8l-5.5 4.5zM8.5 3.5 14 8l-5.5 4.5z",
};
const SVG = "http://www.w3.org/2000/svg";
const SPEEDS = [0.5, 1, 2, 4, 8, 16];

export const PANELS = ["flags", "events", "transcript", "notes", "gaps"] as const;
export type Panel = (typeof PANELS)[number];

function icon(name: string): SVGSVGElement {
  const drawn = document.createElementNS(SVG, "svg");
  const path = document.createElementNS(SVG, "path");
  drawn.setAttribute("viewBox", "0 0 16 16");
  drawn.setAttribute("aria-hidden", "true");
  path.setAttribute("d", ICONS[name] ?? "");
  path.setAttribute("fill", "currentColor");
  drawn.append(path);
  return drawn;
}

function button(className: string, drawn?: string): HTMLButtonElement {
  const made = make("button", className);
  made.type = "button";
  if (drawn) made.append(icon(drawn));
  return made;
}

/** Make the page and put it into the document. */
export function makeParts() {
  const title = make("h1");
  const facts = make("p", "facts");
  const languages = make("div", "languages");
  languages.setAttribute("role", "group");
  const head = make("header", "head");
  const named = make("div", "named");
  named.append(title, facts);
  head.append(named, languages);

  const screen = makeScreen();
  const side = makeSide();
  const main = make("main", "replay");
  main.append(screen.section, side.aside);
  document.body.append(head, main);
  return { head, title, facts, languages, main, ...screen, ...side };
}

function makeScreen() {
  const section = make("section", "card screen-card");
  const tabs = make("div", "tabs");
  tabs.setAttribute("role", "group");
  const address = make("span", "address");
  const bar = make("div", "address-bar");
  bar.append(tabs, address);
  const box = make("div", "stage-box");
  const stage = make("div");
  stage.id = "stage";
  const note = make("p", "stage-note");
  note.setAttribute("role", "status");
  const toast = make("p", "stage-toast");
  toast.setAttribute("role", "status");
  toast.hidden = true;
  box.append(stage, note, toast);
  const track = makeTrack();
  const controls = makeControls();
  section.append(bar, box, track.timeline, controls.controls);
  return { section, tabs, address, box, stage, note, toast, ...track, ...controls };
}

function makeTrack() {
  const timeline = make("div", "timeline");
  const markers = make("div", "markers");
  const track = make("div", "track");
  const activity = make("div", "activity");
  const ticks = make("div", "ticks");
  const errorTicks = make("div", "errors");
  const played = make("div", "played");
  for (const hidden of [activity, ticks, errorTicks, played])
    hidden.setAttribute("aria-hidden", "true");
  const seek = make("input");
  seek.type = "range";
  seek.min = "0";
  seek.step = "100";
  track.append(activity, ticks, errorTicks, played, seek);
  timeline.append(markers, track);
  return { timeline, markers, activity, ticks, errorTicks, played, seek };
}

function makeControls() {
  const controls = make("div", "controls");
  const play = button("button primary play", "play");
  play.append(icon("pause"));
  const back = button("button square", "back");
  const forward = button("button square", "forward");
  const now = make("span", "now", "0:00");
  const length = make("span", "length");
  const clock = make("span", "clock");
  clock.append(now, " / ", length);
  const skip = button("button toggle");
  skip.setAttribute("aria-pressed", "true");
  const speed = make("select");
  for (const value of SPEEDS) {
    const option = make("option", "", `${value}×`);
    option.value = String(value);
    option.selected = value === 1;
    speed.append(option);
  }
  controls.append(play, back, forward, clock, make("span", "spacer"), skip, speed);
  return { controls, play, back, forward, now, length, skip, speed };
}

function makeSide() {
  const aside = make("aside", "card side");
  const choices = make("div", "choices");
  choices.setAttribute("role", "tablist");
  aside.append(choices);
  const panels = {} as Record<Panel, { choice: HTMLButtonElement; panel: HTMLDivElement }>;
  for (const name of PANELS) {
    const choice = button("view");
    choice.setAttribute("role", "tab");
    choice.id = `choice-${name}`;
    choice.setAttribute("aria-controls", `panel-${name}`);
    const panel = make("div", "panel");
    panel.id = `panel-${name}`;
    panel.setAttribute("role", "tabpanel");
    panel.setAttribute("aria-labelledby", choice.id);
    panel.tabIndex = 0;
    choices.append(choice);
    aside.append(panel);
    panels[name] = { choice, panel };
  }
  return { aside, choices, panels };
}

export type Parts = ReturnType<typeof makeParts>;
