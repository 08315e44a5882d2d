"""Style sheets on their way out: a hash only for what is named as stored, and never a loss."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest
from playwright.async_api import BrowserContext, Page, Route

from tests.snippet.conftest import Collector, Open

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

CSS = "".join(f".rule-{n} {{ color: rgb({n % 256}, 1, 2); }}\n" for n in range(60))
HEAD = f"<style>{CSS}</style>"


def hash_of(text: str) -> str:
    """Return the hash by which *text* is kept."""
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def texts(value: Any) -> list[Any]:
    """Return what stands in *value* where a style text stands: texts, and objects in their place."""
    found: list[Any] = []
    if isinstance(value, dict):
        if "sha256" in value:
            return [value]
        for item in value.values():
            found += texts(item)
    elif isinstance(value, list):
        for item in value:
            found += texts(item)
    elif isinstance(value, str) and ".rule-59" in value:
        found.append(value)
    return found


async def first_text(collector: Collector) -> str:
    """Return the style text in the recording, which was sent in full."""
    await collector.until(lambda: texts(collector.recording()))
    [text] = texts(collector.recording())
    assert isinstance(text, str)
    return text


async def test_only_what_is_named_as_stored_goes_as_a_hash(
    collector: Collector, open_page: Open, context: BrowserContext
) -> None:
    """
    In full at first, with the hash of what was sent; once an answer names it, snapshots hold the
    hash; so does another page whose configuration names it.
    """
    page = await open_page("", head=HEAD)
    text = await first_text(collector)
    name = hash_of(text)
    first = next(batch.head["assets"] for batch in collector.stored if "assets" in batch.head)
    answer = {"ok": True, "status": "stored", "assets": [name, "0" * 32]}
    collector.answers.append((200, answer, {}))
    await page.evaluate("stolper('track', 'told'), stolper('flush')")
    await page.evaluate("stolper('new')")
    await collector.until(lambda: len(texts(collector.recording())) == 2)
    later = collector.stored[-1].head["assets"]
    collector.configure(assets=[name])
    await open_page("", head=HEAD, path="/second")
    await collector.until(lambda: len(texts(collector.recording())) == 3)

    assert {"used": [], "sent": [name]} == first
    assert {"used": [name], "sent": []} == later
    assert [text, {"sha256": name}, {"sha256": name}] == texts(collector.recording())


async def test_a_page_that_ends_before_the_hash_is_there_sends_the_text(
    collector: Collector, open_page: Open
) -> None:
    """With digests that never come the page is left at once, and the beacon holds the sheet in full."""
    collector.configure(assets=["0" * 32], flush_ms=60_000)
    never = "<script>crypto.subtle.digest = () => new Promise(() => {})</script>"
    page = await open_page("", head=HEAD + never)
    await page.goto("about:blank")

    assert ".rule-0" in await first_text(collector)


async def test_without_webcrypto_sheets_go_in_full(
    collector: Collector, context: BrowserContext, tag: str
) -> None:
    """A page of plain http, where browsers have no crypto.subtle, is recorded as before."""
    collector.pages["/page"] = f"<!doctype html><head>{HEAD}</head><body>{tag}</body>"
    collector.configure(base="http://plain.example")

    async def pass_on(route: Route) -> None:
        url = route.request.url.replace("http://plain.example", collector.url)
        await route.fulfill(response=await route.fetch(url=url))

    await context.route("http://plain.example/**", pass_on)
    page: Page = await context.new_page()
    await page.goto("http://plain.example/page")
    text = await first_text(collector)

    assert "undefined" == await page.evaluate("typeof crypto.subtle")
    assert ".rule-59 { color: rgb(59, 1, 2); }" in text
    assert all("assets" not in batch.head for batch in collector.stored)
