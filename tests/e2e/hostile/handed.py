"""The page for what people may ask for, and what is handed out, of somebody whose every word is an attack."""

from __future__ import annotations

import asyncio
import json
import re
import zipfile
from pathlib import Path

from click.testing import CliRunner
from playwright.async_api import Page

from stolper.cli import main
from tests.e2e.support import Stack

_NAME = re.compile(
    r"(?:manifest\.json|sessions\.json|contacts\.json|README\.txt|sessions/[\w-]+/(?:events\.jsonl|\w+\.json)"
    r"|assets/[0-9a-f]{32}\.\w+(?:\.txt)?)"
)


async def ask(page: Page, console: str, kind: str, id_: str) -> None:
    """Look somebody up on the page."""
    await page.goto(f"{console}/people", wait_until="domcontentloaded")
    await page.select_option("select[name=kind]", kind)
    await page.fill("form[action='/people/find'] input[name=id]", id_)
    await page.click("form[action='/people/find'] button")
    await page.wait_for_selector("form[action='/people/erase']")


async def erase(page: Page, again: str) -> None:
    """Enter the id once more and press the button."""
    await page.fill("input[name=again]", again)
    await page.click("form[action='/people/erase'] button")
    await page.wait_for_selector("[role=alert], [role=status]")


async def export(page: Page, folder: Path) -> Path:
    """Press the button for the zip file; return where it was put."""
    async with page.expect_download() as downloading:
        await page.click("form[action='/people/export'] button")
    download = await downloading.value
    to = folder / download.suggested_filename
    await download.save_as(to)
    return to


async def by_command(stack: Stack, to: Path, *words: str) -> Path:
    """Run `stolper export` beside the server; return what it wrote. What it says holds no word of it."""
    call = ["export", *words, "--out", str(to), "--data", str(stack.data)]
    done = await asyncio.to_thread(CliRunner().invoke, main, call)

    assert 0 == done.exit_code, done.output
    assert "fired" not in done.output
    return to


def unpacked(archive: Path, to: Path) -> list[Path]:
    """Unpack a zip file all of whose names are ours and all of whose files are data; return them."""
    with zipfile.ZipFile(archive) as file:
        assert [] == [name for name in file.namelist() if not _NAME.fullmatch(name)]

        file.extractall(to)
    files = [one for one in to.rglob("*") if one.is_file()]
    for one in files:
        text = one.read_text(encoding="utf-8")
        # Not splitlines(), which ends lines at U+2028, too; JSON has that in its strings.
        lines = text.rstrip("\n").split("\n") if one.suffix == ".jsonl" else [text]
        if one.suffix != ".txt":
            for line in lines:
                json.loads(line)
    return files
