"""Hands of a reproduction: presses by mouse or finger, keys, wheel, swipes, in a rhythm that is given."""

from __future__ import annotations

import time
from collections.abc import Sequence

from playwright.sync_api import Locator, Page

_KEYS = {
    "enter": "Enter", "esc": "Escape", "tab": "Tab", "space": "Space", "arrow": "ArrowDown",
    "char": "x",
}  # fmt: skip
_MOST_MATCHES = 30
_LETTER_MS = 20


class Pointing:
    """What the visitor's hand does. *touch*: with a finger in place of a mouse."""

    def __init__(self, *, touch: bool) -> None:
        self._touch = touch

    def nearest(self, place: Locator, point: tuple[float, float] | None) -> Locator | None:
        """Return the visible element of *place* that lies nearest to *point* of the page; None if none is."""
        best: tuple[float, Locator] | None = None
        for number in range(min(place.count(), _MOST_MATCHES)):
            one = place.nth(number)
            if not one.is_visible():
                continue
            if point is None:
                return one
            x, y, width, height = one.evaluate(
                "e => { const b = e.getBoundingClientRect();"
                " return [b.x + scrollX, b.y + scrollY, b.width, b.height] }"
            )
            away = _outside(point[0], x, width) + _outside(point[1], y, height)
            if best is None or away < best[0]:
                best = away, one
        return best[1] if best else None

    def press(
        self,
        page: Page,
        found: Locator | None,
        at: tuple[float, float] | None,
        point: tuple[float, float] | None,
        times: Sequence[float],
        hold: float,
    ) -> None:
        """Press *found* *at* that place of it, or else the *point* of the page, at each of *times*."""
        x, y = self._aim(page, found, at, point)
        if not self._touch:
            page.mouse.move(x - 20, y - 8)
            page.mouse.move(x, y, steps=4)
        begin = time.monotonic()
        for number, moment in enumerate(times):
            rest = begin + moment - time.monotonic()
            if number and rest > 0:
                page.wait_for_timeout(rest * 1000)
            if self._touch:
                page.touchscreen.tap(x, y)
                continue
            page.mouse.down()
            if hold > 0:
                page.wait_for_timeout(hold * 1000)
            page.mouse.up()

    def _aim(
        self,
        page: Page,
        found: Locator | None,
        at: tuple[float, float] | None,
        point: tuple[float, float] | None,
    ) -> tuple[float, float]:
        """Return where in the window to press; scrolls it there."""
        if found is not None:
            found.scroll_into_view_if_needed()
            box = found.bounding_box()
            assert box is not None, "it was visible a moment ago"
            inside = at and 0 <= at[0] < box["width"] and 0 <= at[1] < box["height"]
            dx, dy = at if at and inside else (box["width"] / 2, box["height"] / 2)
            return box["x"] + dx, box["y"] + dy
        assert point is not None, "neither an element nor a place"
        scrolled: list[float] = page.evaluate(
            "([x, y]) => { scrollTo({left: Math.max(0, x - innerWidth / 2),"
            " top: Math.max(0, y - innerHeight / 2), behavior: 'instant'}); return [scrollX, scrollY] }",
            list(point),
        )
        return point[0] - scrolled[0], point[1] - scrolled[1]

    def key_press(self, found: Locator, page: Page, times: int) -> None:
        """Press *found* by the keyboard: Space where it is ticked, else Enter."""
        found.focus()
        box = found.get_attribute("type") in ("checkbox", "radio")
        for _ in range(times):
            page.keyboard.press("Space" if box else "Enter")

    def type(
        self, found: Locator, page: Page, text: str, lengths: Sequence[int], took: float
    ) -> None:
        """Type *text*, through the turning points *lengths* of its length, in about *took* seconds."""
        found.scroll_into_view_if_needed()
        found.focus()
        found.press("ControlOrMeta+a")
        turns = [*lengths[:-1], len(text)] if len(lengths) > 1 else [len(text)]
        letters = sum(turns) or 1
        delay = min(max(took * 1000 / letters, 0 if took else _LETTER_MS / 4), 400)
        length = 0
        if not text:
            page.keyboard.press("Delete")
        for turn in turns:
            if turn < length:
                self._shorten(page, found, length - turn, everything=turn == 0)
            elif turn > length:
                page.keyboard.type(
                    (text or "x" * turn)[length:turn].ljust(turn - length, "e"), delay=delay
                )
            length = turn

    def _shorten(self, page: Page, found: Locator, by: int, *, everything: bool) -> None:
        if everything:
            found.press("ControlOrMeta+a")
            page.keyboard.press("Delete")
            return
        for _ in range(by):
            page.keyboard.press("Backspace")

    def keys(self, page: Page, kind: str, count: int, span: float) -> None:
        for number in range(count):
            if number:
                page.wait_for_timeout(span * 1000 / max(1, count - 1))
            page.keyboard.press(_KEYS.get(kind, "Enter"))

    def scroll(self, page: Page, px: float) -> None:
        for _ in range(5):
            page.mouse.wheel(0, px / 5)
            page.wait_for_timeout(40)

    def shake(self, page: Page, seconds: float) -> None:
        """Move the pointer to and fro."""
        until, side = time.monotonic() + seconds, 1
        while time.monotonic() < until:
            page.mouse.move(400 + 150 * side, 300 + 20 * side, steps=5)
            side = -side
            page.wait_for_timeout(60)

    def swipe(self, page: Page, found: Locator, by: tuple[float, float]) -> None:
        """Draw a finger over *found*."""
        box = found.bounding_box() or {"x": 0, "y": 0, "width": 100, "height": 100}
        x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        cdp = page.context.new_cdp_session(page)
        try:
            for step in range(9):
                kind = "touchStart" if step == 0 else "touchMove"
                spot = {"x": x + by[0] * step / 8, "y": y + by[1] * step / 8}
                cdp.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [spot]})
                page.wait_for_timeout(16)
            cdp.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
        finally:
            cdp.detach()

    def copy(self, page: Page, found: Locator) -> None:
        found.scroll_into_view_if_needed()
        found.evaluate("e => getSelection().selectAllChildren(e)")
        page.keyboard.press("ControlOrMeta+c")


def _outside(value: float, start: float, size: float) -> float:
    """Return how far *value* lies outside of *size* from *start*."""
    return max(start - value, 0.0, value - start - size)
