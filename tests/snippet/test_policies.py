"""Under the content security policies of docs/snippet.md: recorded, and no refusal is reported."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import html
import re
from dataclasses import dataclass

import pytest
from playwright.async_api import BrowserContext

from tests.snippet.conftest import KEY, SNIPPET, Collector, serving

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

DOCS = (SNIPPET.parent / "docs" / "snippet.md").read_text()
STUB = "window.stolper = window.stolper || "
NONCE = "r4nd0m"
REFUSALS = """
  window.refusals = [];
  document.addEventListener('securitypolicyviolation', ({ effectiveDirective, blockedURI }) =>
    refusals.push(`${effectiveDirective} ${blockedURI}`));
"""
# Not by wait_for_function: it evaluates texts in the page, which the policies forbid.
RUNS = """new Promise((done) => {
  const look = () => (window.stolper?.running === true ? done() : setTimeout(look, 20));
  look();
})"""


def in_docs(start: str) -> str:
    """Return what stands in the script of docs/snippet.md that begins with *start*."""
    found = re.search(rf"<script>({re.escape(start)}.*?)</script>", DOCS, re.DOTALL)
    assert found, start
    return found[1]


def digest(script: str) -> str:
    """Return the source expression that allows an inline *script*."""
    return f"sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}"


@dataclass(frozen=True)
class Case:
    """
    A page and its policy, in which HOST is the collector's origin.

    *head* has TAG where the snippet's line stands; *nonce* is that of the line.
    """

    policy: str
    head: str = "TAG"
    nonce: str = ""
    header: str = "Content-Security-Policy"


def cases() -> dict[str, Case]:
    """Return pages of each policy by their name."""
    stub = in_docs(STUB)
    manager = in_docs("\n  (function (d) {")
    rest = "default-src 'none'; connect-src HOST; "
    nonces = f"'nonce-{NONCE}'"
    strict = f"{rest}script-src {nonces} 'strict-dynamic'"
    return {
        "host": Case(f"{rest}script-src HOST"),
        "elements": Case("script-src 'none'; script-src-elem HOST; connect-src HOST"),
        "nonce": Case(f"{rest}script-src {nonces}", nonce=NONCE),
        "dynamic": Case(strict, nonce=NONCE),
        # What stands first is a template's: with an empty nonce, or one of an earlier answer.
        "empty": Case(strict, "<script nonce type=a></script>TAG", NONCE),
        "stale": Case(f"{rest}script-src {nonces}", "<script nonce=old type=a></script>TAG", NONCE),
        "old browsers": Case(
            f"script-src {nonces} 'strict-dynamic' https: 'unsafe-inline'; object-src 'none';"
            " base-uri 'none'; require-trusted-types-for 'script'; trusted-types stolper",
            nonce=NONCE,
        ),
        "stub": Case(
            f"{rest}script-src '{digest(stub)}' HOST 'self'",
            f"<script>{stub}</script><script src=/own.js></script>TAG",
        ),
        "manager": Case(
            f"{rest}script-src '{digest('MANAGER')}' 'strict-dynamic'",
            f"<script>{manager}</script>",
        ),
        "reports": Case("default-src 'none'", header="Content-Security-Policy-Report-Only"),
    }


def served(site: Collector, host: str, name: str, case: Case) -> str:
    """Serve *case* from *site* with the collector at *host*; return its path."""
    path = f"/{name.replace(' ', '-')}"
    nonce = f' nonce="{case.nonce}"' if case.nonce else ""
    head = case.head.replace("TAG", f'<script async{nonce} src="{host}/s/{KEY}.js"></script>')
    head = head.replace("https://HOST", host).replace("SITEKEY", KEY)
    policy = case.policy.replace("HOST", host)
    if name == "manager":  # its hash is that of the script with the site's own address in it
        policy = policy.replace(digest("MANAGER"), digest(head[8:-9]))
    site.headers[path] = {case.header: policy}
    site.pages[path] = (
        f"<!doctype html><html lang=en><head><meta charset=utf-8><title>Policy</title>{head}</head>"
        f"<body><h1>Under {html.escape(name)}</h1><button id=go>Go</button></body></html>"
    )
    return path


async def test_pages_are_recorded_under_the_policies_of_the_docs(
    collector: Collector, context: BrowserContext
) -> None:
    """
    With the directives that docs/snippet.md names a visit arrives and the browser refuses nothing.

    By the host, a nonce alone and with strict-dynamic, by the hashes of the documented inline
    scripts; also where the first script of the page has another nonce than the tag. A policy that
    only reports stops nothing.
    """
    errors: list[str] = []
    context.on("weberror", lambda error: errors.append(str(error.error)))
    await context.add_init_script(REFUSALS)
    site = Collector()
    site.pages["/own.js"] = "stolper('track', 'early')"
    site.headers["/own.js"] = {"Content-Type": "text/javascript"}
    async with serving(site.app()) as url:

        async def visit(name: str, case: Case) -> tuple[str, list[str]]:
            page = await context.new_page()
            await page.goto(url + served(site, collector.url, name, case))
            await page.evaluate(RUNS)
            await page.click("#go")
            assert await page.evaluate("stolper('flush')") is True
            return name, await page.evaluate("refusals")

        visits = await asyncio.gather(*(visit(name, case) for name, case in cases().items()))
    refusals = dict(visits)
    reported = refusals.pop("reports")

    assert [] == errors
    assert {name: [] for name in refusals} == refusals
    assert "connect-src" in str(reported)
    assert {name.replace(" ", "-") for name in cases()} == {
        event["path"][1:] for event in collector.events("page")
    }
    assert all(f"Under {name}" in str(collector.recording()) for name in cases())
    assert ["early"] == [event["name"] for event in collector.events("custom")]
    assert {0} == {batch.head["snippet"]["errors"] for batch in collector.stored}


async def test_the_docs_name_the_hash_of_their_stub() -> None:
    """The hash in docs/snippet.md allows the inline script that stands there, to the letter."""
    assert f"'{digest(in_docs(STUB))}'" in DOCS
