"""Chromium, as visitors of the demo, leak tests and the project's own tests start it."""

from __future__ import annotations

import shutil

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
