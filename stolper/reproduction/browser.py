"""The browser of a reproduction, and how a recorder comes into pages that embed none."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import Any

from playwright.sync_api import BrowserContext, Error, Playwright

from core.errors import UserError
from stolper.chromium import chromium_flags, find_chromium

# Where a page embeds a loader itself, that one is answered by ours: its place is the right one.
_EMBED = """src => {
  if (window !== top || window.__reproduction || !location.protocol.startsWith('http')) return;
  window.__reproduction = true;
  window.stolper = window.stolper || function () {
    (window.stolper.q = window.stolper.q || []).push(arguments);
  };
  addEventListener('DOMContentLoaded', () => {
    if (document.querySelector('script[src*="/s/"][src*=".js"]')) return;
    document.head.append(Object.assign(document.createElement('script'), {async: true, src}));
  });
}"""


def embedding(loader: str) -> str:
    """Return the script that puts the *loader* into a page that has none."""
    return f"({_EMBED})({json.dumps(loader)})"


def opened(playwright: Playwright, device: Mapping[str, Any]) -> BrowserContext:
    """Open a browser that looks like a person's: what marks robots changes what pages do."""
    touch = bool(device.get("touch"))
    flags = [
        *chromium_flags("LocalNetworkAccessChecks", "BlockInsecurePrivateNetworkRequests"),
        "--disable-blink-features=AutomationControlled",
    ]
    try:
        browser = playwright.chromium.launch(
            executable_path=find_chromium(),
            args=flags,
            chromium_sandbox=False,
            headless=not os.environ.get("STOLPER_HEADED"),
        )
    except Error as error:
        reason = str(error).splitlines()[0]
        raise UserError(
            f"Chromium does not start ({reason}). Install it: playwright install chromium"
        ) from None
    system = "Linux; Android 10; K" if touch else "Windows NT 10.0; Win64; x64"
    version = browser.version.split(".")[0]
    return browser.new_context(
        viewport={"width": int(device["width"]), "height": int(device["height"])},
        locale=str(device.get("locale") or "en"),
        user_agent=f"Mozilla/5.0 ({system}) AppleWebKit/537.36 (KHTML, like Gecko) "
        f"Chrome/{version}.0.0.0{' Mobile' if touch else ''} Safari/537.36",
        is_mobile=touch,
        has_touch=touch,
        bypass_csp=True,
        ignore_https_errors=True,
        storage_state=os.environ.get("STOLPER_STATE"),
    )
