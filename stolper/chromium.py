"""Chromium, as visitors of the demo, leak tests and the project's own tests start it."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from core.errors import UserError

if TYPE_CHECKING:  # an extra
    from playwright.async_api import Browser, Playwright

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")

# What Playwright switches off: of several such lists Chromium takes the last only.
_OFF = (
    "AimEnabled",
    "AvoidCorsURLLoaderRestartOnRedirect",
    "AvoidUnnecessaryBeforeUnloadCheckSync",
    "DestroyProfileOnBrowserClose",
    "HttpsFirstBalancedModeAutoEnable",
    "HttpsUpgrades",
    "LensOverlay",
    "MediaRouter",
    "NetworkTimeServiceQuerying",
    "OptimizationHints",
    "PaintHolding",
    "PreconnectToSearch",
    "TcpPortRandomizationWin",
    "ThirdPartyStoragePartitioning",
    # Two pages of the browser's own, loaded with each window: a third of what a short visit takes.
    "WebUIOmniboxAimPopup",
    "WebUIOmniboxPopup",
)


def find_chromium() -> str | None:
    """Return the path of an installed Chromium; None: there is none."""
    return next(filter(None, map(shutil.which, _NAMES)), None)


def chromium_flags(*off: str) -> list[str]:
    """Return how to start Chromium without what asks foreign hosts or takes time; features *off*, too."""
    return [
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        f"--disable-features={','.join((*_OFF, *off))}",
    ]


async def launched(playwright: Playwright, flags: list[str]) -> Browser:
    """Return Chromium, started for a command. Raise UserError if it does not start."""
    from playwright.async_api import Error

    try:
        return await playwright.chromium.launch(
            executable_path=find_chromium(), args=flags, chromium_sandbox=False
        )
    except Error as error:
        reason = str(error).splitlines()[0]
        raise UserError(
            f"Chromium does not start ({reason}). Install it: playwright install chromium"
        ) from None
