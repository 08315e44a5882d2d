"""Device, browser and operating system from a User-Agent text; families only, no versions."""

from __future__ import annotations

import re
from functools import lru_cache

MAX_CHARS = 512
"""What is looked at; real ones have fewer than 300 characters."""

_BOT = re.compile(
    r"bot\b|bot[/;_-]|crawl|spider|slurp|headless|lighthouse|pingdom|phantomjs|"
    r"facebookexternalhit|bingpreview|python-requests|curl/|wget/|aiohttp|axios|okhttp|google-read-aloud|"
    r"adsbot|mediapartners|uptimerobot|gtmetrix|go-http-client",
    re.IGNORECASE,
)
# Order matters: most browsers name those that they are derived from too.
_BROWSERS = (
    ("Edge", re.compile(r"\bEdg(?:e|A|iOS)?/")),
    ("Opera", re.compile(r"\b(?:OPR|OPT|OPiOS|Opera)[/ ]")),
    ("Samsung Internet", re.compile(r"\bSamsungBrowser/")),
    ("Vivaldi", re.compile(r"\bVivaldi/")),
    ("Yandex", re.compile(r"\bYaBrowser/")),
    ("DuckDuckGo", re.compile(r"\b(?:DuckDuckGo|Ddg)/")),
    ("Firefox", re.compile(r"\b(?:Firefox|FxiOS)/")),
    ("Chrome", re.compile(r"\b(?:Chrome|Chromium|CriOS|HeadlessChrome)/")),
    ("Safari", re.compile(r"\bSafari/")),
    ("Internet Explorer", re.compile(r"\b(?:MSIE |Trident/)")),
)
_SYSTEMS = (
    ("Windows", re.compile(r"\bWindows\b")),
    ("iOS", re.compile(r"\b(?:iPhone|iPad|iPod)\b")),
    ("Android", re.compile(r"\bAndroid\b")),
    ("ChromeOS", re.compile(r"\bCrOS\b")),
    ("macOS", re.compile(r"\bMac OS X\b|\bMacintosh\b")),
    ("Linux", re.compile(r"\bLinux\b|\bX11\b")),
)
_TABLET = re.compile(r"\biPad\b|\bTablet\b|\bPlayBook\b|\bKindle\b|\bSilk/")
_MOBILE = re.compile(r"\bMobile\b|\bMobi\b|\biPhone\b|\biPod\b|\bIEMobile\b")


def attributes_of(user_agent: str) -> dict[str, object]:
    """
    Return the session attributes that *user_agent* gives: device, browser, os, bot.

    What is not recognised is left out; `bot` is there only when true.
    """
    return dict(_parse(user_agent[:MAX_CHARS]))


@lru_cache(maxsize=2048)
def _parse(text: str) -> tuple[tuple[str, object], ...]:
    found: dict[str, object] = {"device": _device(text)}
    for key, families in (("browser", _BROWSERS), ("os", _SYSTEMS)):
        name = next((name for name, pattern in families if pattern.search(text)), None)
        if name:
            found[key] = name
    if not text or _BOT.search(text):
        found["bot"] = True
    return tuple(found.items())


def _device(text: str) -> str:
    if _TABLET.search(text) or ("Android" in text and not _MOBILE.search(text)):
        return "tablet"
    return "mobile" if _MOBILE.search(text) else "desktop"
