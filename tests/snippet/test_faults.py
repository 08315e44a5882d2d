"""
A fault in every callback of the recorder: the page does not see it, and it is counted and sent.

The callbacks are not listed here: the recorder is built with a guard that knows each of them, and
what it registered is what is called. Nothing of the snippet may call back past that guard.
"""

from __future__ import annotations

import asyncio
import difflib
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import BrowserContext, Page

from tests.snippet.conftest import SNIPPET, Collector
from tests.snippet.test_hosts import BODY, HOST

FAULTY = Path(__file__).parent / "faulty"
MODES = ("never", "before", "after", "always")

# Ways for code to be called later, or by others.
_CALLBACK = re.compile(
    r"addEventListener\(|setTimeout|setInterval|queueMicrotask\(|requestAnimationFrame\("
    r"|requestIdleCallback\(|new (Mutation|Performance|Resize|Intersection)?Observer\("
    r"|\.onmessage\b|\.onload\b|\.onerror\b|\.on[a-z]+ = "
)


def test_every_callback_passes_through_the_guard() -> None:
    """
    Where the sources hand a function to the browser they hand over one that the guard has wrapped.

    Each of these lines either names `guard(`, or a name that the same file made by it, or stands in
    guard.ts itself; the loader has no guard, and three small listeners of its own.
    """
    loose = []
    for path in sorted((SNIPPET / "src").rglob("*.ts")):
        name = str(path.relative_to(SNIPPET / "src"))
        text = path.read_text()
        if name in ("guard.ts", "loader.ts"):
            continue
        wrapped = set(re.findall(r"const (\w+) = guard\(", text))
        lines = text.splitlines()
        for at, line in enumerate(lines):
            if not _CALLBACK.search(line) or line.lstrip().startswith(("//", "*", "import")):
                continue
            near = " ".join(lines[at : at + 2])
            if "guard" in near or "safely(" in near or "run(" in near:
                continue
            if any(re.search(rf"\b{one}\b", near) for one in wrapped):
                continue
            loose.append(f"{name}:{at + 1}: {line.strip()}")

    assert [] == loose


def test_json_is_written_in_one_place() -> None:
    """A page's own toJSON cannot spoil what is sent: only json.ts calls JSON.stringify."""
    users = [
        path.name
        for path in (SNIPPET / "src").rglob("*.ts")
        if "JSON.stringify(" in path.read_text()
        and path.name != "record-rrweb.ts"  # for the bench only
    ]

    assert ["json.ts"] == users


@pytest.fixture(scope="module")
def faulty() -> dict[str, str]:
    """Return the recorder with faults, and what drives it, as scripts by their path."""
    built = subprocess.run(
        ["node", FAULTY / "build.mjs"], capture_output=True, text=True, check=True
    )
    return {
        "/faulty.js": built.stdout,
        "/drive.js": (FAULTY / "drive.js").read_text(),
        "/behave.js": (HOST / "behave.js").read_text(),
    }


async def open_faulty(collector: Collector, context: BrowserContext, mode: str) -> Page:
    """Open the page in *mode*; `plain` is without the snippet. Faults begin once it records."""
    page = await context.new_page()
    await page.goto(f"{collector.url}/{mode}")
    if mode != "plain":
        await page.wait_for_function("window.stolper && window.stolper.running === true")
        await page.evaluate("stolper('flush')")
        await page.evaluate(f"faults.mode = '{mode}'")
    return page


async def use(page: Page, wanted: dict[str, Any]) -> list[str]:
    """Let the page behave, a visitor use it, and everything be called; return the page's log."""
    await page.evaluate("behave()")
    await page.click("#go")
    await page.click("#name")
    await page.keyboard.type("ab")
    await page.evaluate("wanted => drive(wanted)", wanted)
    log: list[str] = await page.evaluate("log")
    mode = page.url.split("/")[-1].split("?")[0]
    return [text.replace(f"/{mode}", "/PAGE") for text in log]


@pytest.mark.browser
@pytest.mark.asyncio(loop_scope="session")
async def test_a_fault_in_every_callback(
    collector: Collector, context: BrowserContext, tag: str, faulty: dict[str, str]
) -> None:
    """
    In place of its work, after it, once or always: the page's log is that of a page without us.

    Every listener and every patched method is called and throws, and the server is told of no fewer
    errors than were thrown; without faults none of these callbacks fails at anything driven.
    """
    collector.configure(recorder="/faulty.js")
    collector.pages.update(faulty)
    for mode in (*MODES, "plain"):
        collector.pages[f"/{mode}"] = (
            "<!doctype html><html lang=en><head><meta charset=utf-8><title>Host</title>"
            "<style>b { color: red }</style><script src=/behave.js></script>"
            f"<script src=/drive.js></script>{'' if mode == 'plain' else tag}"
            f"</head><body>{BODY}</body></html>"
        )
    opened = await asyncio.gather(
        *(open_faulty(collector, context, mode) for mode in (*MODES, "plain"))
    )
    wanted = await opened[0].evaluate("wanted()")
    *logs, plain = await asyncio.gather(*(use(page, wanted) for page in opened))
    pages = dict(zip(MODES, opened, strict=False))

    for mode, log in zip(MODES, logs, strict=True):
        assert "" == "\n".join(difflib.unified_diff(plain, log, "plain", mode, n=0, lineterm=""))

    assert "" == "\n".join(
        await opened[0].evaluate("[...faults.known.values()].flatMap(({ failed }) => failed ?? [])")
    )
    for mode, page in pages.items():
        uncalled = await page.evaluate(
            "[...faults.known.values()].filter((one) => !one.calls).map(({ name }) => name)"
        )
        assert "" == "\n".join(one[:90] for one in uncalled if re.match("listen|patch", one))
        thrown = await page.evaluate("(faults.mode = 'never', faults.thrown())")
        session = await page.evaluate("stolper('session')")
        assert await page.evaluate("(stolper('track', 'end'), stolper('flush'))") is True
        told = max(
            batch.head["snippet"]["errors"]
            for batch in collector.stored
            if batch.head["session"] == session
        )
        assert thrown <= told  # events that are driven without a body are counted as well
        assert (mode != "never") is (thrown > 100)
