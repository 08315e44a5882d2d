"""Walks over a page by the Tab key as somebody without a mouse does, and says where that goes wrong."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from playwright.async_api import Locator, Page

MOST_STOPS = 400
"""A page with more is a trap, or as good as one."""

_STOP = """() => {
  const element = document.activeElement;
  if (!element || element === document.body || element === document.documentElement) return null;
  const ring = (one) => {
    const style = getComputedStyle(one);
    return style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 1.5 &&
      !/, 0\\)$|transparent/.test(style.outlineColor);
  };
  const around = element.closest(".cm-editor"); // it draws the ring around text and margin
  const box = element.getBoundingClientRect();
  const x = Math.min(Math.max(box.left + box.width / 2, box.left), innerWidth - 1);
  const y = Math.min(Math.max(box.top + Math.min(box.height, innerHeight) / 2, 0), innerHeight - 1);
  const over = document.elementFromPoint(x, y);
  const label = element.labels ? [...element.labels] : [];
  const own = (one) => one && (element.contains(one) || one.contains(element) || label.some((l) => l.contains(one)));
  const text = (element.getAttribute("aria-label") || element.innerText || element.name || "").trim();
  document.walked ??= new Map();
  if (!document.walked.has(element)) document.walked.set(element, document.walked.size);
  return {
    number: document.walked.get(element),
    what: `${element.tagName.toLowerCase()}${element.id ? "#" + element.id : ""} ${text.slice(0, 40).replace(/\\s+/g, " ")}`,
    ring: ring(element) || Boolean(around && ring(around)),
    shown: box.width > 0 && box.height > 0 && box.bottom > 0 && box.right > 0 && box.top < innerHeight && box.left < innerWidth,
    covered: !own(over),
    jumps: element.tabIndex > 0,
    typing: Boolean(around),
  };
}"""

_LEFT_OUT = """() => {
  const kinds = 'a[href], button, input:not([type="hidden"]), select, textarea, summary, [tabindex="0"]';
  const grouped = (one) => one.type === "radio" &&
    [...document.walked.keys()].some((other) => other.type === "radio" && other.name === one.name);
  return [...document.querySelectorAll(kinds)]
    .filter((one) => one.tabIndex >= 0 && !one.disabled && one.checkVisibility({visibilityProperty: true}) && !one.closest("[inert]"))
    .filter((one) => !document.walked?.has(one) && !grouped(one))
    .map((one) => one.outerHTML.slice(0, 90));
}"""


@dataclass(frozen=True, slots=True)
class Stop:
    """Where the focus is: the element's *number* on this page, *what* it is, and whether that is seen."""

    number: int
    what: str
    ring: bool
    shown: bool
    covered: bool
    jumps: bool
    typing: bool

    @property
    def wrong(self) -> list[str]:
        """What keeps somebody from seeing where they are."""
        named = {
            "no focus ring": not self.ring,
            "off the screen": not self.shown,
            "covered": self.shown and self.covered,
            "has a place of its own in the order": self.jumps,
        }
        return [f"{word}: {self.what}" for word, holds in named.items() if holds]


async def stop(page: Page) -> Stop | None:
    """Return where the focus is on *page*; None if it is on the page as a whole."""
    found: dict[str, Any] | None = await page.evaluate(_STOP)
    return Stop(**found) if found else None


async def onward(page: Page, before: Stop | None, key: str = "Tab") -> Stop | None:
    """Press *key* and return where the focus is then. The editor takes Tab unless Esc was pressed, as the page says."""
    if before and before.typing:
        await page.keyboard.press("Escape")
    await page.keyboard.press(key)
    return await stop(page)


async def walk_to(page: Page, target: Locator, key: str = "Tab") -> list[str]:
    """Press *key* until *target* has the focus; return what is wrong with the stops on the way."""
    passed: list[Stop] = []
    here = await stop(page)
    for _ in range(MOST_STOPS):
        if await target.evaluate("one => one === document.activeElement"):
            return [text for one in passed for text in one.wrong]
        here = await onward(page, here, key)
        passed += [here] if here else []
    raise AssertionError(f"no way to {target}; last at {[one.what for one in passed[-20:]]}")


async def walk(page: Page, key: str = "Tab") -> list[Stop]:
    """Press *key* until the focus has been everywhere; return the stops in order."""
    stops: list[Stop] = []
    here = await stop(page)
    for _ in range(MOST_STOPS):
        here = await onward(page, here, key)
        if here is None or (stops and here.number == stops[0].number):
            return stops
        if not stops or here.number != stops[-1].number:  # a date has parts within
            stops.append(here)
    raise AssertionError(f"no way out: {[one.what for one in stops[-6:]]}")


async def walked(page: Page) -> list[str]:
    """
    Walk over all of *page*, there and back; return what is wrong.

    Whatever can be pressed must be reached, seen where it is, and left again.
    """
    if await stop(page):  # a field has the focus from the beginning: first out of the page
        await walk(page)
    there = await walk(page)
    wrong = [text for one in there for text in one.wrong]
    wrong += [f"not reached: {text}" for text in await page.evaluate(_LEFT_OUT)]
    back = await walk(page, "Shift+Tab")
    if [one.number for one in back] != [one.number for one in reversed(there)]:
        wrong.append(f"another way back: {[one.what for one in back][:80]}")
    return wrong
