// Owns the short lists beside the picture: flags, gaps, tabs. Everything is written as text.

import { clock, type Flag, type GapText, type Texts, type Timeline } from "./model";
import { make, type Page } from "./page";

/** Draw the list of flags. *jump* is called with a flag's id. */
export function drawFlags(
  page: Page,
  timeline: Timeline,
  texts: Texts,
  jump: (flag: string) => void,
): void {
  page.flagsCount.textContent = String(timeline.flags.length);
  if (timeline.flags.length === 0) {
    page.flags.replaceChildren(make("li", "none", texts.none_yet));
    return;
  }
  page.flags.replaceChildren(
    ...timeline.flags.map((flag) => flagItem(page, flag, timeline, texts, jump)),
  );
}

function flagItem(
  page: Page,
  flag: Flag,
  timeline: Timeline,
  texts: Texts,
  jump: (flag: string) => void,
): HTMLLIElement {
  const item = make("li");
  const link = make("a", "flag");
  link.href = `?flag=${encodeURIComponent(flag.id)}`;
  link.dataset.flag = flag.id;
  const badge = make("span", `badge severity-${flag.severity}`);
  const mark = make("span", "mark");
  mark.setAttribute("aria-hidden", "true");
  badge.append(mark, flag.severity_text);
  const title = make("span", "flag-title", flag.title);
  const where = [flag.target, flag.page].filter(Boolean).join(" · ");
  const time = make("span", "offset", clock(flag.at - timeline.start));
  const detail = make("span", "detail", where);
  if (flag.provisional && timeline.running) detail.append(` (${texts.provisional})`);
  link.append(time, title, badge, detail);
  link.addEventListener("click", (event) => {
    if (event.metaKey || event.ctrlKey || event.shiftKey) return; // a new tab or window
    event.preventDefault();
    jump(flag.id);
  });
  item.append(link);
  const { examples, reproduction } = page.replay.dataset;
  const links = make("p", "flag-links");
  if (examples) links.append(...exampleLinks(examples, timeline.session, flag, texts));
  if (reproduction) links.append(testLink(reproduction, flag, texts));
  if (links.hasChildNodes()) item.append(links);
  return item;
}

/** Make the links by which a reader says whether *flag* is right: an example for the rule. */
function exampleLinks(base: string, session: string, flag: Flag, texts: Texts): HTMLElement[] {
  const kinds = [
    ["1", texts.example_yes],
    ["0", texts.example_no],
  ] as const;
  return kinds.map(([fires, text]) => {
    const link = make("a", "", text);
    link.href = `${base}?${new URLSearchParams({ session, flag: flag.id, fires })}`;
    return link;
  });
}

/** Make the link that saves *flag* as a test: whoever mends it has it with one press. */
function testLink(base: string, flag: Flag, texts: Texts): HTMLElement {
  const link = make("a", "", texts.test);
  link.href = `${base}?${new URLSearchParams({ flag: flag.id })}`;
  link.download = "";
  return link;
}

/** Draw the list of what is missing. */
export function drawGaps(page: Page, timeline: Timeline, gaps: GapText[]): void {
  page.complete.hidden = gaps.length > 0;
  page.gaps.replaceChildren(
    ...gaps.map((gap) => {
      const item = make("li");
      const from = clock(gap.at - timeline.start);
      const until = clock(gap.until - timeline.start);
      item.append(make("span", "offset", from === until ? from : `${from}–${until}`));
      item.append(make("span", "words", gap.text));
      if (gap.reason) item.append(make("span", "detail", gap.reason));
      return item;
    }),
  );
}

/** Draw the tab strip if there are several tabs. *choose* is called with a tab's id. */
export function drawTabs(
  page: Page,
  timeline: Timeline,
  shown: string,
  label: (number: number) => string,
  choose: (tab: string) => void,
): void {
  page.tabs.hidden = timeline.tabs.length < 2;
  if (page.tabs.hidden) return;
  const known = [...page.tabs.children].map((tab) => (tab as HTMLElement).dataset.tab).join();
  if (known !== timeline.tabs.map((tab) => tab.id).join()) {
    page.tabs.replaceChildren(
      ...timeline.tabs.map((tab) => {
        const button = make("button", "tab", label(tab.number));
        button.type = "button";
        button.dataset.tab = tab.id;
        button.addEventListener("click", () => choose(tab.id));
        return button;
      }),
    );
  }
  for (const button of page.tabs.children) {
    const pressed = (button as HTMLElement).dataset.tab === shown;
    button.setAttribute("aria-pressed", String(pressed));
  }
}
