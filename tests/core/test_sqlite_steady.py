"""What the cheap way of writing a batch leaves behind is what the plain way leaves behind."""

from __future__ import annotations

import asyncio
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from core.model import Appended, NewBatch
from core.sqlite import SqliteStore, ingest
from core.sqlite.disk import Disk
from core.sqlite.schema import connect, migrate
from core.sqlite.segments import Tail
from core.sqlite.steady import Steady
from tests.core.support import NOON, SITE, ManualClock, batch, event

USUAL: dict[str, Any] = {"secret_hash": b"right", "page": None, "attributes": {}}
"""What most batches do not tell."""

EVENTS = st.lists(
    st.builds(
        lambda t, kind, path, state: {
            **event(0, t, kind, path),
            **({"state": state} if kind == "visibility" else {}),
        },
        st.sampled_from([-5000.0, 0.0, 10.5, 20.0, 99_999.0]),
        st.sampled_from(["click", "page", "visibility", "leave"]),
        st.sampled_from(["/", "/a", "/b"]),
        st.sampled_from(["hidden", "visible"]),
    ),
    max_size=3,
)
ATTRIBUTES = st.dictionaries(
    st.sampled_from(["device", "browser", "bot", "language", "site", "segment"]),
    st.sampled_from([True, 1, 1.0, "de", "en", ["a"], ["b"]]),
    max_size=3,
)
HEADS = st.fixed_dictionaries(
    {"events": EVENTS},
    optional={
        "attributes": ATTRIBUTES,
        "visitor": st.sampled_from([None, "v1", "v2"]),
        "identity": st.sampled_from([None, {"id": "u"}]),
        "page": st.sampled_from([None, {"path": "/a"}]),
        "gaps": st.sampled_from([(), ({"kind": "refused"},)]),
        "void": st.sampled_from([(), (3, 4)]),
        "assets": st.sampled_from([(), ("a" * 32,)]),
        "sheets": st.sampled_from([(), ("b" * 32,)]),
        "chunk": st.sampled_from([b"", b"chunk"]),
        "last": st.booleans(),
        "received_ms": st.integers(NOON - 9, NOON + 9),
        "secret_hash": st.sampled_from([b"right"] * 9 + [b"wrong"]),
        "digest": st.sampled_from([b"d" * 16, b"e" * 16]),
    },
)
PLACES = st.tuples(
    st.sampled_from(["one", "one", "two"]), st.sampled_from(["load-a", "load-a", "load-b"])
)
STEPS = st.one_of(
    st.tuples(st.just("next"), PLACES, HEADS),
    st.tuples(st.just("next"), PLACES, st.builds(dict, events=EVENTS)),
    st.tuples(st.just("next"), PLACES, st.builds(dict, events=EVENTS)),
    st.tuples(st.just("again"), PLACES, HEADS),
    st.tuples(st.just("skip"), PLACES, HEADS),
    st.tuples(st.just("end"), PLACES, st.just({})),
    st.tuples(st.just("other"), PLACES, st.just({})),
    st.tuples(st.just("commit"), PLACES, st.just({})),
)


class Folder:
    """A database with segments, and a transaction that is open."""

    def __init__(self, path: Path) -> None:
        path.mkdir()
        (path / "segments").mkdir()
        self.path = path / "stolper.db"
        migrate(self.path)
        self.db = connect(self.path)
        self.tail = Tail(path / "segments", Disk())
        self.begin()

    def begin(self) -> None:
        """Begin a group."""
        self.db.execute("BEGIN IMMEDIATE")
        self.tail.begin(NOON)

    def commit(self) -> None:
        """Commit the group."""
        self.tail.flush()
        self.db.execute("COMMIT")

    def other(self, session: str) -> None:
        """Do what another process might: mark the session, and a page load, as otherwise."""
        with sqlite3.connect(self.path) as db:
            db.execute(
                "UPDATE sessions SET ended_ms = 7, end_kind = 'idle' WHERE id = ?", (session,)
            )
        db.close()

    def dump(self) -> dict[str, list[tuple[Any, ...]]]:
        """Return all that batches may write."""
        tables = ["sessions", "page_loads", "batches", "gaps", "asset_uses", "sqlite_sequence"]
        return {
            name: list(self.db.execute(f"SELECT * FROM {name} ORDER BY 1, 2")) for name in tables
        }

    def close(self) -> None:
        """Close everything."""
        self.tail.close()
        self.db.close()


@contextmanager
def folders() -> Iterator[tuple[Folder, Folder]]:
    """Yield two empty ones."""
    with tempfile.TemporaryDirectory() as name:
        both = Folder(Path(name) / "plain"), Folder(Path(name) / "steady")
        yield both
        for folder in both:
            folder.close()


def made(step: tuple[str, tuple[str, str], dict[str, Any]], seqs: dict[Any, int]) -> NewBatch:
    """Return the batch of *step*; *seqs* are those that came before."""
    what, place, changes = step
    session, load = place
    seq = seqs.get(place, -1) + {"next": 1, "again": 0, "skip": 2}[what]
    seq = max(seq, 0)
    seqs[place] = max(seqs.get(place, -1), seq)
    return batch(session, seq, page_load=load, **{**USUAL, **changes})


@settings(max_examples=60, deadline=None)
@given(st.lists(STEPS, max_size=25))
@example([("next", ("one", "load-a"), {"attributes": {"language": "de"}, "events": []})] * 3)
def test_rows_and_answers_are_those_of_the_plain_way(steps: list[Any]) -> None:
    """Batches in any order, with anything in them, over commits, ends and other processes' writes."""
    with folders() as (plain, cheap):
        steady = Steady()
        steady.begin(cheap.db)
        seqs: dict[Any, int] = {}
        for step in steps:
            what, (session, _), _ = step
            if what in ("commit", "other"):
                steady.flush(cheap.db)
                for folder in (plain, cheap):
                    folder.commit()
                    if what == "other":
                        folder.other(session)
                    folder.begin()
                steady.begin(cheap.db)
            elif what == "end":
                steady.flush(cheap.db)
                for folder in (plain, cheap):
                    ingest.end_session(folder.db, session, "ended", NOON, None)
                steady.forget(session)
            else:
                new = made(step, seqs)
                expected = ingest.append(plain.db, plain.tail, new)
                found = steady.append(cheap.db, cheap.tail, new)
                assert expected == found
        steady.flush(cheap.db)
        assert plain.dump() == cheap.dump()


def test_the_usual_batch_reads_nothing() -> None:
    """The next batches of page loads that are known take three statements, and one position."""
    with folders() as (_, cheap):
        steady = Steady()
        steady.begin(cheap.db)
        for session in ("one", "two"):
            steady.append(cheap.db, cheap.tail, batch(session, **USUAL))
        statements: list[str] = []
        cheap.db.set_trace_callback(statements.append)
        answers = [
            steady.append(cheap.db, cheap.tail, batch(session, seq, **USUAL))
            for seq in range(1, 5)
            for session in ("one", "two")
        ]
        steady.flush(cheap.db)
        cheap.db.set_trace_callback(None)

        assert ["stored"] * 8 == [answer.status for answer in answers]
        kinds = [text.split()[0] for text in statements]
        assert ["SELECT", "INSERT", "WITH", "WITH"] == kinds


async def test_one_bad_batch_spares_the_others_of_its_group(tmp_path: Path) -> None:
    """A batch that cannot be written fails alone, also among usual ones; what follows is stored."""
    store = SqliteStore(tmp_path / "d", ManualClock())
    await store.open()
    await store.add_site(SITE)
    await store.append(batch())
    bad = batch("session-bad", attributes={"x": object()})
    worse = batch(seq=2, events=[{**event(0, 1.0), "x": object()}])
    answers = await asyncio.gather(
        *(store.append(one) for one in (batch(seq=1), bad, worse, batch(seq=3))),
        return_exceptions=True,
    )
    after = await store.append(batch(seq=2))

    said = [one.status if isinstance(one, Appended) else type(one).__name__ for one in answers]
    assert ["stored", "StoreFailed", "StoreFailed", "stored"] == said
    assert "stored" == after.status
    assert [0, 1, 3, 2] == [b.seq for b in await store.batches("session-a")]
    session = await store.session("session-a")
    assert session is not None
    assert (4, True) == (session.events, session.complete)
    await store.close()
