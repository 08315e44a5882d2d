"""The pages for an owner's lawyer name every place where something is kept."""

from __future__ import annotations

import asyncio
import re
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from core.sqlite import SqliteStore
from tests.core.support import ManualClock

DOCS = Path(__file__).parents[1] / "docs"
PAGES = ["data-protection.md", "datenschutz.md"]


async def _make(data: Path) -> None:
    store = SqliteStore(data, ManualClock())
    await store.open()
    await store.close()


def first_table(page: str) -> str:
    """Return the first table of *page*: what is stored, where, and for how long."""
    found = re.search(r"(?:^\|.*\n)+", (DOCS / page).read_text(), re.MULTILINE)
    assert found
    return found[0]


@pytest.mark.parametrize("page", PAGES)
def test_every_table_and_folder_is_named(tmp_path: Path, page: str) -> None:
    """A table or folder that the store makes stands in the table of what is kept where."""
    asyncio.run(_make(tmp_path))
    with closing(sqlite3.connect(tmp_path / "stolper.db")) as db:
        made = db.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
    tables = {name for (name,) in made if not name.startswith(("sqlite_", "_sqlite"))}
    folders = {f"{path.name}/" for path in tmp_path.iterdir() if path.is_dir()}
    table = first_table(page)

    assert [] == sorted(name for name in tables | folders if f"`{name}`" not in table)


def test_both_languages_say_the_same() -> None:
    """Each table of one page has a table of as many rows on the other, and the same names of things."""
    shapes, names = [], []
    for page in PAGES:
        text = (DOCS / page).read_text()
        shapes.append([found.count("\n") for found in re.findall(r"(?:^\|.*\n)+", text, re.M)])
        names.append(sorted(set(re.findall(r"`[^`]+`", text))))

    assert shapes[0] == shapes[1]
    assert names[0] == names[1]
