"""
The visit of a reproduction: steps of a visitor, done again in Chromium.

Each step waits for what it needs and is left out where the page is no longer as it was: once a
fault is mended, what the visitor did about it cannot be done any more. What the flag rests on must
have been done at least once, else nothing is proved.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import (
    BrowserContext,
    Error,
    Locator,
    Page,
    Request,
    Route,
    sync_playwright,
)

from core.errors import UserError
from stolper.embedded import LOADER
from stolper.reproduction.browser import embedding, opened
from stolper.reproduction.judging import Expected, Judge, keep_result
from stolper.reproduction.pointing import Pointing
from stolper.reproduction.values import Masked, candidates

PAGE_MS = 30_000
STEP_MS = 10_000
"""For an element on a page that is as it was."""
ELSEWHERE_MS = 1_500
"""For one on a page that is another: the visit has taken another way."""
OUTCOME_S = 2.8
"""A press is judged for 2.5 s."""
QUIET_MS = 8_000
_INGEST = re.compile(r"/i/[A-Za-z0-9_-]{1,64}(\?|$)")
_FIELD = """e => ({type: e.type, autocomplete: e.autocomplete, name: e.name, id: e.id,
  inputmode: e.inputMode, pattern: e.pattern, required: e.required, tag: e.localName,
  label: [...(e.labels ?? [])].map(l => l.textContent).join(' ')})"""


_OPTION = """(e, [wanted, length]) => {
  const open = [...e.options].map((o, i) => [o, i]).filter(([o]) => !o.disabled);
  const fit = open.filter(([o]) => o.value === wanted);
  const long = open.filter(([o, i]) => o.value.length === length && i !== e.selectedIndex);
  const other = open.filter(([, i]) => i > e.selectedIndex);
  return [...fit, ...long, ...other, ...open].map(([, i]) => i)[0] ?? -1;
}"""


class StillBroken(AssertionError):
    """The rule fired again."""


class CannotFollow(AssertionError):
    """What the flag rests on could not be done: whether it is mended is not known."""


@contextmanager
def reproduced(
    expected: Mapping[str, Any],
    site: Mapping[str, Any],
    device: Mapping[str, Any],
    rules: Mapping[str, str] | None = None,
) -> Iterator[Visit]:
    """Give a visit to the pages of *expected*, recorded as *site* says and judged by the rules."""
    wanted = Expected.read(expected)
    judge = Judge(wanted, site, rules or {})
    try:
        with sync_playwright() as playwright:
            context = opened(playwright, device)
            try:
                yield Visit(context, wanted, judge, touch=bool(device.get("touch")))
            finally:
                browser = context.browser
                context.close()
                if browser is not None:
                    browser.close()
    finally:
        judge.close()


class Visit:
    """One visit. Made by `reproduced`; the steps are in the order in which they were done."""

    def __init__(
        self, context: BrowserContext, expected: Expected, judge: Judge, *, touch: bool
    ) -> None:
        self._context = context
        self._expected = expected
        self._judge = judge
        self._pointing = Pointing(touch=touch)
        self._timed = False
        self._open: set[Request] = set()
        self._last = time.monotonic()
        self._popup: Page | None = None
        self._tabs: dict[str, Page] = {}
        self._done = self._missed = 0
        self.left_out: list[str] = []
        context.set_default_timeout(STEP_MS)
        context.add_init_script(embedding(judge.script))
        context.route(LOADER, self._loader)
        context.route(_INGEST, self._kept_from_the_owner)
        context.on("request", self._asked)
        context.on("requestfinished", self._answered)
        context.on("requestfailed", self._answered)
        self.page = context.new_page()

    # The owner's own recorder stays out of it

    def _loader(self, route: Route, request: Request) -> None:
        """Answer the page's own loader by ours: its place in the page is the right one."""
        if request.url.startswith(self._judge.public_url):
            route.continue_()
            return
        route.fulfill(response=route.fetch(url=self._judge.script))

    def _kept_from_the_owner(self, route: Route, request: Request) -> None:
        """Let nothing of the visit reach the owner's own collector."""
        if request.method != "POST" or request.url.startswith(self._judge.public_url):
            route.continue_()
            return
        route.fulfill(status=200, json={"ok": True})

    def _asked(self, request: Request) -> None:
        if request.resource_type in ("fetch", "xhr") and not request.url.startswith(
            self._judge.public_url
        ):
            self._open.add(request)

    def _answered(self, request: Request) -> None:
        self._open.discard(request)

    # Steps

    def answers(self, method: str, url: str, *, status: int, after: float = 0) -> None:
        """Answer requests to *url* (host if foreign, and path; `:id` stands for one part) as recorded."""
        host, slash, path = url.partition("/")
        shape = re.escape(slash + path).replace(":id", r"[^/?#]+")
        where = re.escape(f"//{host}" if host else urlsplit(self._expected.url).netloc)
        pattern = re.compile(f"{where}{shape}(\\?|#|$)")

        def answer(route: Route, request: Request) -> None:
            if request.method != method:
                route.fallback()
                return
            if after:
                self.page.wait_for_timeout(after * 1000)
            if status == 0:
                route.abort("connectionreset")
            elif request.resource_type == "document":
                route.fulfill(
                    status=status,
                    content_type="text/html",
                    body=f"<!doctype html><title>{status}</title><h1>{status}</h1>",
                )
            else:
                route.fulfill(status=status, json={"ok": False, "error": "as recorded"})

        self._context.route(pattern, answer)

    def in_time(self) -> None:
        """From here on pauses are as long as they were."""
        self._settle()
        self._timed = True
        self._last = time.monotonic()

    def pause(self, seconds: float) -> None:
        """Wait until *seconds* after the step before; before the last steps also for open requests."""
        if not self._timed:
            self._settle()
        rest = self._last + seconds - time.monotonic()
        if rest > 0:
            self.page.wait_for_timeout(rest * 1000)

    def _settle(self) -> None:
        until = time.monotonic() + QUIET_MS / 1000
        while self._open and time.monotonic() < until:
            self.page.wait_for_timeout(50)

    def open(self, path: str, *, matters: bool = False) -> None:
        """Open *path*, as from an address or a link elsewhere."""
        if not path.startswith("/"):  # behind the origin it would be another host
            raise CannotFollow(f"{path!r} is no path of these pages")
        self.page.goto(self._expected.origin + path, wait_until="load", timeout=PAGE_MS)
        self._count(done=True, matters=matters)
        self._is_recorded()

    def _is_recorded(self) -> None:
        """Wait until the recorder runs in the page: what it does not see proves nothing."""
        try:
            self.page.wait_for_function(
                "document.contentType !== 'text/html' || window.stolper?.running === true",
                timeout=PAGE_MS,
            )
        except Error:
            raise UserError(
                f"the recorder did not start at {self._path()}: Do Not Track, or recording switched off"
            ) from None

    def arrive(self, path: str, *, matters: bool = False) -> None:
        """Wait for the page at *path*, to which the step before led; go there if it does not come."""
        arrived = True
        try:
            self.page.wait_for_url(
                lambda url: _same_path(urlsplit(url).path or "/", path),
                wait_until="load",
                timeout=STEP_MS,
            )
        except Error:
            arrived = False
        self._count(done=arrived, matters=matters, what=f"arriving at {path}")
        self._is_recorded()

    def reload(self, *, path: str, matters: bool = False) -> None:
        self.page.reload(wait_until="load", timeout=PAGE_MS)
        self._count(done=True, matters=matters)
        self._is_recorded()

    def back(self, *, path: str, matters: bool = False) -> None:
        with suppress(Error):
            self.page.go_back(wait_until="load", timeout=PAGE_MS)
        self._count(done=_same_path(self._path(), path), matters=matters, what=f"back to {path}")

    def expects_tab(self) -> None:
        """Take the window that the press before opened."""
        with suppress(Error):
            self._popup = self._context.wait_for_event("page", timeout=ELSEWHERE_MS)

    def tab(self, name: str) -> Page:
        """Go on in the tab that is called *name* here: one that a press opened, or a new one."""
        self._tabs.setdefault("", self.page)
        if name not in self._tabs:
            known = set(self._tabs.values())
            opened = self._popup or next((p for p in self._context.pages if p not in known), None)
            self._tabs[name] = opened or self._context.new_page()
            self._popup = None
        self.page = self._tabs[name]
        return self.page

    def press(
        self,
        *places: Locator,
        at: tuple[float, float] | None = None,
        point: tuple[float, float] | None = None,
        path: str,
        times: Sequence[float] = (0,),
        hold: float = 0.06,
        pointer: str | None = None,
        matters: bool = False,
    ) -> None:
        """
        Press the first of *places* that is there, *at* pixels from its corner, at each of *times* (s).

        Where none is there, what stands at *point* of the page is pressed.
        """
        found = self._found(places, point, path)
        if found is None and not (point and _same_path(self._path(), path)):
            self._count(done=False, matters=matters, what=f"press {_name(places)}")
            return
        try:
            if pointer == "keyboard" and found is not None:
                self._pointing.key_press(found, self.page, len(times))
            else:
                self._pointing.press(self.page, found, at, point, times, hold)
        except Error as error:
            self._count(done=False, matters=matters, what=f"press {_name(places)}: {_first(error)}")
            return
        self._count(done=True, matters=matters)

    def type(
        self,
        *places: Locator,
        value: str | Masked,
        path: str,
        took: float = 0,
        matters: bool = False,
    ) -> None:
        """Type *value* into the first of *places* that is there, in about *took* seconds."""

        def act(found: Locator) -> None:
            text = value if isinstance(value, str) else self._stand_in(found, value)
            self._enter_text(found, text, value, took if self._timed else 0)

        self._do("type into", places, act, path=path, matters=matters)

    def choose(
        self,
        *places: Locator,
        value: str | Masked,
        path: str,
        took: float = 0,
        matters: bool = False,
    ) -> None:
        """Choose another option: the one of that value, else one as long, else the next one."""

        def act(found: Locator) -> None:
            wanted = value if isinstance(value, str) else None
            length = value.length if isinstance(value, Masked) else -1
            index = found.evaluate(_OPTION, [wanted, length])
            if index < 0:
                raise Error("nothing to choose")
            found.select_option(index=index)

        self._do("choose in", places, act, path=path, matters=matters)

    def upload(
        self,
        *places: Locator,
        value: str | Masked,
        path: str,
        took: float = 0,
        matters: bool = False,
    ) -> None:
        """Choose a small file of the kind that the field asks for."""

        def act(found: Locator) -> None:
            kind = str(found.get_attribute("accept") or "text/plain").split(",")[0].strip()
            media = kind if re.fullmatch(r"[\w.+-]+/[\w.+-]+", kind) else "text/plain"
            found.set_input_files({"name": "probe.txt", "mimeType": media, "buffer": b"probe\n"})

        self._do("upload to", places, act, path=path, matters=matters)

    def enter(self, *, path: str, matters: bool = False) -> None:
        """Press Enter in the field that has the focus."""
        there = _same_path(self._path(), path)
        if there:
            self.page.keyboard.press("Enter")
        self._count(done=there, matters=matters, what="press Enter")

    def keys(self, kind: str, count: int, *, span: float = 0, matters: bool = False) -> None:
        """Press a key of *kind* *count* times within *span* seconds."""
        self._pointing.keys(self.page, kind, count, span)
        self._count(done=True, matters=matters)

    def scroll(self, px: float, *, matters: bool = False) -> None:
        self._pointing.scroll(self.page, px)
        self._count(done=True, matters=matters)

    def swipe(self, *places: Locator, by: tuple[float, float], matters: bool = False) -> None:
        """Swipe from the middle of the first of *places* that is there."""

        def act(found: Locator) -> None:
            self._pointing.swipe(self.page, found, by)

        self._do("swipe on", places, act, path=self._path(), matters=matters)

    def shake(self, seconds: float, *, matters: bool = False) -> None:
        self._pointing.shake(self.page, seconds)
        self._count(done=True, matters=matters)

    def copy(self, *places: Locator, matters: bool = False) -> None:
        """Mark the text of the first of *places* that is there, and copy it."""

        def act(found: Locator) -> None:
            self._pointing.copy(self.page, found)

        self._do("copy", places, act, path=self._path(), matters=matters)

    def proves_mended(self) -> None:
        """Leave, let the rules judge, and fail if the flag is raised again, or if nothing is proved."""
        self.page.wait_for_timeout(OUTCOME_S * 1000)
        self._settle()
        for page in self._context.pages:
            with suppress(Error):
                page.evaluate("window.stolper && stolper('flush')")
            with suppress(Error):
                page.goto("about:blank")
        self.page.wait_for_timeout(300)
        flags = self._judge.flags()
        again = [flag for flag in flags if self._expected.is_met_by(flag)]
        fired = sorted({flag.rule for flag in flags})
        keep_result(fired=fired, again=bool(again), done=self._done, left_out=self.left_out)
        if again:
            where = f" at {again[0].page}" if again[0].page else ""
            raise StillBroken(f"{again[0].rule} fired again{where}")
        if self._missed and not self._done:
            steps = "; ".join(self.left_out[:5])
            raise CannotFollow(f"what the flag rests on could not be done: {steps}")

    # What steps share

    def _do(
        self,
        what: str,
        places: Sequence[Locator],
        act: Callable[[Locator], None],
        *,
        path: str,
        matters: bool,
    ) -> None:
        """Do *act* to the first of *places* that is there; where none is, or it does not let itself, it is left out."""
        found = self._found(places, None, path)
        why = ""
        if found is not None:
            try:
                act(found)
            except Error as error:
                found, why = None, f": {_first(error)}"
        self._count(done=found is not None, matters=matters, what=f"{what} {_name(places)}{why}")

    def _count(self, *, done: bool, matters: bool, what: str = "") -> None:
        self._last = time.monotonic()
        if not done:
            self.left_out.append(what)
        if matters:
            self._done += done
            self._missed += not done

    def _path(self) -> str:
        return urlsplit(self.page.url).path or "/"

    def _found(
        self, places: Sequence[Locator], point: tuple[float, float] | None, path: str
    ) -> Locator | None:
        """Return the first of *places* that can be seen; of several elements the one nearest to *point*."""
        until = time.monotonic()
        while True:
            there = _same_path(self._path(), path)
            for place in places:
                with suppress(Error):
                    if (found := self._pointing.nearest(place, point)) is not None:
                        return found
            # Where it can be pressed by its place, what is not there is not waited for so long.
            patience = STEP_MS if there and point is None else ELSEWHERE_MS * (2 if there else 1)
            if time.monotonic() - until > patience / 1000:
                return None
            self.page.wait_for_timeout(100)

    def _stand_in(self, found: Locator, value: Masked) -> str:
        """Return the first stand-in that the field takes, by its own rules."""
        field: dict[str, Any] = found.evaluate(_FIELD)
        last = ""
        for text in candidates(value, field):
            last = text
            valid = found.evaluate(
                """(e, text) => {
                  if (!e.checkValidity || e.maxLength >= 0 && text.length > e.maxLength) return !e.checkValidity;
                  const twin = e.cloneNode();
                  twin.value = text;
                  return twin.value === text && twin.checkValidity();
                }""",
                text,
            )
            if valid or value.wrong:
                return text
        return last

    def _enter_text(self, found: Locator, text: str, value: str | Masked, took: float) -> None:
        kind = str(found.get_attribute("type") or "text")
        if kind in ("date", "datetime-local", "month", "week", "time", "color", "range"):
            found.fill(text)
            return
        lengths = value.lengths if isinstance(value, Masked) else ()
        self._pointing.type(found, self.page, text, lengths, took)


def _same_path(one: str, other: str) -> bool:
    """Say whether two paths are of the same page: numbers and ids in them differ from visit to visit."""
    return _shape(one) == _shape(other)


def _shape(path: str) -> str:
    plain = path.rstrip("/") or "/"
    return re.sub(r"/(?:\d+|:id|[0-9a-f]{8,}[0-9a-f-]*)(?=/|$)", "/:id", plain)


def _name(places: Sequence[Locator]) -> str:
    return str(places[0]).partition("selector=")[2].strip("'>") if places else "what stood there"


def _first(error: Error) -> str:
    return str(error).splitlines()[0]
