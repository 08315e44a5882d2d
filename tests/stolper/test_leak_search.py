"""The search behind `stolper leaktest`: it finds a text however it is written and packed."""

from __future__ import annotations

import base64
import gzip
import json
import sqlite3
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from core.errors import UserError
from core.sealed import Keyframe, SealedFrame
from core.sqlite import packing
from stolper.leaktest.places import _Tree
from stolper.leaktest.search import DEEPEST, ZSTD, OpaqueError, Search, folder

TEXT = 'Jörg "Zaphod" & Söhne 🙂'


def raw_deflate(data: bytes) -> bytes:
    deflater = zlib.compressobj(wbits=-15)
    return deflater.compress(data) + deflater.flush()


@pytest.mark.parametrize(
    "write",
    [
        lambda text: text.encode(),
        lambda text: text.upper().encode(),
        lambda text: json.dumps(text).encode(),
        lambda text: json.dumps(text, ensure_ascii=False).encode(),
        lambda text: quote(text).encode(),
        lambda text: quote(text).lower().encode(),
        lambda text: quote(text, safe="").replace("%20", "+").encode(),
        lambda text: text.encode("utf-16"),
        lambda text: text.encode("utf-16-be"),
        lambda text: text.encode().hex().encode(),
        *(
            lambda text, before=before: base64.b64encode(before.encode() + text.encode() + b"tail")
            for before in ("", "a", "ab")
        ),
        lambda text: base64.urlsafe_b64encode(text.encode("utf-16-le")),
        lambda text: gzip.compress(text.encode()),
        lambda text: zlib.compress(text.encode()),
        lambda text: raw_deflate(text.encode() * 3),
        lambda text: b"before" + gzip.compress(text.encode()) + gzip.compress(b"after"),
        lambda text: gzip.compress(b"x" + zlib.compress(json.dumps(text).encode())),
        lambda text: gzip.compress(text.encode() * 50)[:-12],
    ],
)
def test_a_text_is_found_in_every_form(write: Callable[[str], bytes]) -> None:
    """Encodings, cases, compressed members, members within members, torn members."""
    found = Search([TEXT, "absent text"]).look("here", write(TEXT))

    assert {TEXT} == {one.text for one in found}


def test_what_is_not_there_is_not_found() -> None:
    """Parts of a text, and other texts, are no find."""
    data = gzip.compress(b"Zaphod and nobody else") + b"Beeblebro"

    assert [] == Search(["Zaphod Beeblebrox"]).look("here", data)


def test_texts_in_one_another_are_both_found() -> None:
    """A text that stands inside of another one counts where the longer one stands."""
    found = Search(["Anna", "Anna Bell", "Bell Tower"]).look("here", b"to Anna Bell.")

    assert {"Anna", "Anna Bell"} == {one.text for one in found}


def test_members_in_members_are_inflated() -> None:
    """As often as they lie in one another, up to the bound."""
    data = TEXT.encode() * 40
    for _ in range(DEEPEST):
        data = gzip.compress(data)

    assert {TEXT} == {one.text for one in Search([TEXT]).look("here", data)}


def test_what_cannot_be_inflated_is_never_called_clean(monkeypatch: pytest.MonkeyPatch) -> None:
    """A zstd frame without its decoder stops the search, as an error of the user's: no find."""
    monkeypatch.setitem(__import__("sys").modules, "zstandard", None)
    with pytest.raises(OpaqueError) as raised:
        Search([TEXT]).look("here", b"x" + ZSTD + b"frame")

    assert isinstance(raised.value, UserError)


def test_a_deep_page_is_searched_to_its_bottom() -> None:
    """Pages that scripts build nest deeper than Python's calls may."""
    node: dict[str, Any] = {"type": 3, "id": 5_000, "textContent": TEXT}
    for nth in range(2_000):
        node = {"type": 2, "id": nth, "tagName": "p", "attributes": {}, "childNodes": [node]}
    places = list(_Tree().look({"type": 2, "data": {"node": node}}))

    assert [("text of p > p > p > p", TEXT)] == places


def test_a_data_folder_is_read_by_file_and_by_value(tmp_path: Path) -> None:
    """Names of files, values in pieces over pages, deleted rows and the write-ahead log count."""
    db = sqlite3.connect(tmp_path / "some.db", isolation_level=None)
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("CREATE TABLE notes (text TEXT, packed BLOB)")
    spread = b"Marvin".join([bytes([i % 250]) * 3000 for i in range(9)])
    packed = zlib.compress(bytes(range(256)) * 90 + b"Trillian" + spread, 0)
    db.execute("INSERT INTO notes VALUES ('Slartibartfast', ?)", (packed,))
    db.execute("INSERT INTO notes VALUES ('Deepthought', NULL)")
    db.execute("DELETE FROM notes WHERE text = 'Deepthought'")
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "Hotblack.log").write_text("nothing")
    search = Search(["Slartibartfast", "Trillian", "Deepthought", "Hotblack"])
    found = {
        (one.text, one.where.split(",")[0])
        for name, data in folder(tmp_path)
        for one in search.look(name, data)
    }
    db.close()

    assert ("Slartibartfast", "some.db: notes.text") in found
    assert ("Trillian", "some.db: notes.packed") in found
    assert ("Deepthought", "some.db-wal") in found
    assert ("Hotblack", "sub/Hotblack.log") in found


def test_finished_recordings_are_searched_frame_by_frame(tmp_path: Path) -> None:
    """What an object holds is found in each of its frames; a damaged one is never called clean."""
    frames = [
        SealedFrame((Keyframe("load", 1.0, f"{TEXT} {number}".encode()),), 0 if number else None)
        for number in range(2)
    ]
    path = tmp_path / "sealed" / "aa" / "1.sealed"
    path.parent.mkdir(parents=True)
    path.write_bytes(packing.pack(frames))
    found = {one.where for n, data in folder(tmp_path) for one in Search([TEXT]).look(n, data)}

    assert {"sealed/aa/1.sealed: frame 0", "sealed/aa/1.sealed: frame 1"} <= found
    path.write_bytes(path.read_bytes()[:-3])
    with pytest.raises(OpaqueError):
        list(folder(tmp_path))
