"""
The corpus: which pages there are, what is done on each, and what is known to differ.

A page lists its acts in `window.acts`; the document is compared when it has loaded and after each
of them. A difference that cannot be mended is named here with its reason, and the test asserts that
it is still there: when it goes away the line has to go too.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from playwright.async_api import Page

PIXELS = 0.005
"""Most of a picture that may differ beyond the tolerance of a channel (src/pixels.js)."""

Do = Callable[[Page], Awaitable[object]]


@dataclass(frozen=True, slots=True)
class Known:
    """
    A difference with a *reason*: lines that hold *text* are expected, at least one.

    *pixels*: most of the picture that may differ for it.
    """

    text: str
    reason: str
    pixels: float = PIXELS


@dataclass(frozen=True, slots=True)
class Case:
    """
    One page: *then* is done by a visitor's hand after the page's own acts.

    *still_ms* is longer than any delay with which the recorder tells of a change there. *long*: looked
    at in `make test-long` only; one page of each kind stays in `make test`.
    """

    name: str
    query: str = ""
    then: tuple[Do, ...] = ()
    still_ms: int = 700
    known: tuple[Known, ...] = ()
    long: bool = False
    ending: str = "html"

    @property
    def page(self) -> str:
        """Return the file of the page."""
        return f"/pages/{self.name.partition(' ')[0]}.{self.ending}{self.query}"


def typed(selector: str, text: str) -> Do:
    """Type *text* into *selector*."""

    async def do(page: Page) -> None:
        await page.click(selector)
        await page.keyboard.type(text)
        await page.evaluate("document.activeElement.blur()")

    return do


def clicked(selector: str) -> Do:
    """Click *selector*."""

    async def do(page: Page) -> None:
        await page.click(selector)

    return do


CASES = (
    Case("react"),
    Case("vue"),
    Case("svelte"),
    Case("goober", long=True),
    Case("emotion"),
    Case("shadow"),
    Case("rules", long=True),
    Case("sheets"),
    Case("blobs", long=True),
    Case("frames"),
    Case("foreign", known=(Known("became", "a blank stands for what is not recorded", 0.08),)),
    Case("scroll", long=True),
    Case("dialog"),
    Case("popover", long=True),
    Case("details", then=(clicked("#c summary"),), long=True),
    Case(
        "forms",
        then=(typed("#text", " shown"), typed("#masked", "hidden"), clicked("#check")),
        known=(
            Known("select#many", "of several choices in a select one is told", 0.01),
            Known("input#half", "that a box is indeterminate is not told", 0.01),
            Known("progress#bar", "`value` of progress is masked as that of a field", 0.01),
            Known("meter#meter", "`value` of meter is masked as that of a field", 0.01),
        ),
    ),
    Case("editable"),
    Case("written"),
    Case("rewritten", long=True),
    Case("root"),
    Case("quirks", long=True),
    Case("styles"),
    Case("moves", long=True),
    Case("texts", long=True),
    Case("table", long=True),
    Case("deep", long=True),
    Case("elements"),
    Case("rtl"),
    Case("svg", long=True),
    Case("pictures"),
    Case("fonts", known=(Known("pixels", "a font that a script adds is not stored", 0.01),)),
    Case("media", long=True),
    Case("canvas", still_ms=2500),
    Case("ticker", long=True),
    Case("strict", ending="xhtml", long=True),
    Case("nodes", "?n=5000"),
    Case("nodes 50k", "?n=50000", long=True),
)
