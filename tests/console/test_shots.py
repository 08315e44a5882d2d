"""The pictures that `make screenshots` takes: none of the console's pages is forgotten."""

from __future__ import annotations

import re
from pathlib import Path

from tools.screenshots import DOCS_BYTES, PICTURES, ROOT
from tools.shots import EMPTY, SHOTS, UNSEEN, WAITING

ROUTES = Path(__file__).parent / "routes.txt"


def pages() -> list[str]:
    """Return the routes of the console that are shown to people, as routes.txt has them."""
    text = ROUTES.read_text(encoding="utf-8")
    console = text[text.index("\nCONSOLE") : text.index("\nCOLLECTOR")]
    routes = re.findall(r"^GET +(\S+)", console, re.MULTILINE)
    return [one for one in routes if not one.startswith(("/api/", "/stage/"))]


def shows(path: str, route: str) -> bool:
    """Return whether the address *path* of a picture is of *route*."""
    pattern = re.sub(r"\{\w+\}", "[^/]+", route)
    return re.fullmatch(pattern, re.split("[?#]", path)[0]) is not None


def test_each_page_has_a_picture() -> None:
    """Each page of routes.txt is in the list of pictures, or it is said why it has none."""
    paths = [one.path for one in (*SHOTS, *EMPTY, *WAITING)]
    missing = [
        route
        for route in pages()
        if route not in UNSEEN and not any(shows(path, route) for path in paths)
    ]

    assert [] == missing


def test_nothing_is_excused_that_is_not_there() -> None:
    """What has no picture is a route: a page that was renamed is not excused by its old name."""
    assert set() == UNSEEN.keys() - set(pages())


def test_pictures_have_names_of_their_own() -> None:
    """No picture is written over another one."""
    names = [one.name for one in (*SHOTS, *EMPTY, *WAITING)]

    assert sorted(set(names)) == sorted(names)


def test_pictures_of_the_docs_are_shown_and_small() -> None:
    """Each picture in docs/pictures is made by the command, shown in README or docs, and not heavy."""
    shown = set()
    for page in (ROOT / "README.md", *(ROOT / "docs").glob("*.md")):
        found = re.findall(r"pictures/([\w-]+)\.png", page.read_text(encoding="utf-8"))
        shown |= set(found)
    made = {one.name for one in SHOTS if one.docs}

    assert made == shown
    assert made == {one.stem for one in PICTURES.iterdir()}
    assert [] == [one.name for one in PICTURES.iterdir() if one.stat().st_size > DOCS_BYTES]
