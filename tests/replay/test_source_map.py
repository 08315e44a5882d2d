"""Source maps as a real bundler writes them: every place of the built script leads back to where it came from."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest

from core.errors import UserError
from replay import source_map
from replay.source_map import SourceMap
from tests.console.support import ROOT

TOTAL = """export function total(basket) {
  // what all items cost
  return basket.items.reduce((sum, item) => sum + item.price, 0);
}
"""
MAIN = """import { total } from "./lib/total";

export function pay(basket) {
  const due = total(basket);
  if (!due) throw new Error("nothing to pay");
  return document.title + due;
}
pay({ items: [] });
"""


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder with app.js and app.js.map, minified by the bundler that Stolper itself uses."""
    folder = tmp_path_factory.mktemp("site")
    (folder / "lib").mkdir()
    (folder / "main.ts").write_text(MAIN)
    (folder / "lib" / "total.ts").write_text(TOTAL)
    subprocess.run(
        [ROOT / "node_modules/.bin/esbuild", "main.ts", "--bundle", "--minify", "--sourcemap",
         "--outfile=app.js", "--log-level=warning"],
        cwd=folder, check=True,
    )  # fmt: skip
    return folder


def place_of(built: Path, text: str) -> tuple[int, int]:
    """Return line and column (from 1) of *text* in the built script."""
    script = (built / "app.js").read_text()
    before = script[: script.index(text)]
    return before.count("\n") + 1, len(before) - before.rfind("\n")


@pytest.mark.parametrize(
    ("text", "file", "line", "column"),
    [
        ("nothing to pay", "main.ts", 5, 29),
        ("document.title", "main.ts", 6, 10),
        ("reduce(", "lib/total.ts", 3, 23),
        ("price,0", "lib/total.ts", 3, 56),
    ],
)
def test_a_built_place_leads_to_its_source(
    built: Path, text: str, file: str, line: int, column: int
) -> None:
    """File, line and column are those of the source, and the lines around are shown with their numbers."""
    found = SourceMap((built / "app.js.map").read_bytes()).find(*place_of(built, text))

    assert found
    assert (file, line) == (found.file, found.line)
    assert column == found.column
    source = MAIN if file == "main.ts" else TOTAL
    assert (line, source.split("\n")[line - 1]) in found.code


def test_maps_in_sections(built: Path) -> None:
    """A map of maps leads on to the section that a place lies in, moved by its offset."""
    whole = json.loads((built / "app.js.map").read_bytes())
    sections = [
        {"offset": {"line": 0, "column": 0}, "map": {**whole, "mappings": "", "sources": []}},
        {"offset": {"line": 7, "column": 40}, "map": whole},
    ]
    parsed = SourceMap(json.dumps({"version": 3, "sections": sections}).encode())
    line, column = place_of(built, "price,0")
    found = parsed.find(line + 7, column + (40 if line == 1 else 0))

    assert found
    assert ("lib/total.ts", 3) == (found.file, found.line)
    assert parsed.find(1, 1) is None


def test_many_places_cost_one_reading(built: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All places of a script are found as each is by itself, and the map is gone through once: strangers choose how many."""
    content = (built / "app.js.map").read_bytes()
    script = (built / "app.js").read_text().split("\n")
    places = [(n, at) for n, line in enumerate(script, 1) for at in range(1, len(line) + 2)]
    parsed = SourceMap(content)
    alone = {place: parsed.find(*place) for place in places}
    read: list[str] = []
    vlq = source_map._vlq

    def noted(text: str) -> list[int]:
        read.append(text)
        return vlq(text)

    monkeypatch.setattr(source_map, "_vlq", noted)

    assert alone == parsed.find_all(places)
    assert len({place for place in alone.values() if place}) > 5
    assert len(read) <= len(re.split("[,;]", json.loads(content)["mappings"]))


def test_names_and_unmapped_parts() -> None:
    """A segment may carry a name; one without a source says that nobody knows."""
    told = {"version": 3, "sources": ["a.ts"], "sourceRoot": "src/", "names": ["pay"],
            "mappings": "AAAAA,IAEC,K"}  # fmt: skip
    parsed = SourceMap(b")]}'\n" + json.dumps(told).encode())
    first, second = parsed.find(1, 1), parsed.find(1, 6)

    assert first and second
    assert ("src/a.ts", 1, 1, "pay") == (first.file, first.line, first.column, first.name)
    assert (3, 2, "", ()) == (second.line, second.column, second.name, second.code)
    assert parsed.find(1, 10) is None  # the unmapped part
    assert parsed.find(2, 1) is None


NESTED = (
    (b'{"version":3,"sections":[{"offset":{"line":0,"column":0},"map":' * 300)
    + b"{}"
    + b"}]}" * 300
)
"""Sections in sections, as deep as a reader of JSON goes."""


@pytest.mark.parametrize(
    "content",
    [b"", b"{}", b"[1]", b'{"version": 2}', b'{"version": 3, "sections": [1]}', NESTED, b"<html>",
     b'{"version": 3, "sources": [], "mappings": 5}', b"\xff\xfe"],
)  # fmt: skip
def test_what_is_no_map_is_refused(content: bytes) -> None:
    """Anything else raises UserError, and nothing but that."""
    with pytest.raises(UserError):
        SourceMap(content)
