"""The browsers the visitors use: one for desktops, one for phones, started when first needed."""

from __future__ import annotations

import os
from contextlib import suppress
from types import TracebackType

from playwright.async_api import Browser, BrowserContext, Error, Playwright, async_playwright

from stolper.chromium import chromium_flags

# They stand for people, and what marks robots would leave them out of the console.
_FLAGS = (*chromium_flags(), "--disable-blink-features=AutomationControlled")


def _user_agent(version: str, touch: bool) -> str:
    """Return the name an ordinary Chrome of this version gives itself."""
    system = "Linux; Android 10; K" if touch else "Windows NT 10.0; Win64; x64"
    return (
        f"Mozilla/5.0 ({system}) AppleWebKit/537.36 (KHTML, like Gecko) "
        f"Chrome/{version.split('.')[0]}.0.0.0{' Mobile' if touch else ''} Safari/537.36"
    )


class Browsers:
    """
    Browsers of the Chromium at *path*; leaving the context ends them.

    There are two because the name a browser gives itself has to be set when it starts: what a
    page sends while it is left does not carry a name that was set for the page alone.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._manager = async_playwright()
        self._playwright: Playwright | None = None
        self._running: dict[bool, Browser] = {}
        self._version = ""

    async def __aenter__(self) -> Browsers:
        self._playwright = await self._manager.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for browser in self._running.values():
            with suppress(Error):  # it may be gone already
                await browser.close()
        await self._manager.__aexit__(kind, error, trace)

    async def context(self, *, width: int, height: int, locale: str, touch: bool) -> BrowserContext:
        """Open a new profile: no cookies, no storage, like a first visit."""
        browser = await self._browser(touch)
        return await browser.new_context(
            viewport={"width": width, "height": height},
            locale=locale,
            timezone_id="Europe/Berlin",
            user_agent=_user_agent(browser.version, touch),
            is_mobile=touch,
            has_touch=touch,
            device_scale_factor=1,
        )

    async def _browser(self, touch: bool) -> Browser:
        """Return the running browser of that kind; start it if it is not there (any more)."""
        running = self._running.get(touch)
        if running is not None and running.is_connected():
            return running
        if not self._version:
            probe = await self._launch()
            self._version = probe.version
            await probe.close()
        self._running[touch] = await self._launch(
            f"--user-agent={_user_agent(self._version, touch)}"
        )
        return self._running[touch]

    async def _launch(self, *more: str) -> Browser:
        assert self._playwright is not None, "used outside of its context"
        root = hasattr(os, "geteuid") and os.geteuid() == 0
        return await self._playwright.chromium.launch(
            executable_path=self._path,
            # As root Chromium refuses to run with its sandbox.
            args=[*_FLAGS, *more, *(["--no-sandbox"] if root else [])],
            # Ctrl-C is for the server, which then ends us in order.
            handle_sigint=False,
            handle_sigterm=False,
            handle_sighup=False,
        )
