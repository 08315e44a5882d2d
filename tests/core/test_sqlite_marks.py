"""What recording health counts is what a recount in Python says of the batches that came."""

from __future__ import annotations

import random
import sqlite3
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path

from core.model import NewBatch
from core.sqlite import SqliteStore
from tests.core.support import SITE, ManualClock, batch, event

INCOMPLETE, BOT, NO_PICTURE, NO_END, HOLES = 1, 2, 4, 8, 16
LOADS = ("load-aaaaaaaaaaaa", "load-bbbbbbbbbbbb")


@dataclass
class Visit:
    """What was sent of a session, and how it ended."""

    sent: list[NewBatch] = field(default_factory=list)
    ended: str | None = None

    def marks(self) -> int:
        """Return its marks, counted from all that was sent."""
        missing = farewells = 0
        loads = {one.page_load for one in self.sent}
        for load in loads:
            of_load = {one.seq: one for one in self.sent if one.page_load == load}
            missing += max(of_load) + 1 - len(of_load)
            farewells += of_load[max(of_load)].last
        marks = INCOMPLETE * (missing > 0 or any(one.gaps for one in self.sent))
        marks += BOT * (self.sent[0].attributes.get("bot") is True)
        if self.ended is not None:
            marks += NO_PICTURE * (not any(_shows(one) for one in self.sent))
            marks += NO_END * (self.ended != "ended" and farewells < len(loads))
        return marks + HOLES * (missing > 0)


def _shows(one: NewBatch) -> bool:
    return one.chunk_info is not None and one.chunk_info.has_snapshot


def _visit(rnd: random.Random, name: str) -> Visit:
    """Return a visit of one or two page loads, of which something may be missing, in any order."""
    visit = Visit(ended=rnd.choice((None, "ended", "idle", "left")))
    bot = {"bot": True} if rnd.random() < 0.3 else {}
    pictured = rnd.random() < 0.7
    for load in LOADS[: rnd.randint(1, 2)]:
        count = rnd.randint(1, 4)
        for seq in range(count):
            if count > 1 and rnd.random() < 0.2:
                continue
            one = batch(name, seq, page_load=load, events=[event(seq, 100.0 * seq)], chunk=b"x" * 9)
            info = one.chunk_info
            assert info is not None
            visit.sent.append(
                replace(
                    one,
                    chunk_info=replace(info, has_snapshot=pictured and seq == 0),
                    gaps=({"why": "storage"},) if rnd.random() < 0.1 else (),
                    attributes={"browser": "Firefox", **bot},
                    last=seq == count - 1 and rnd.random() < 0.6,
                )
            )
    if not visit.sent:
        return _visit(rnd, name)
    rnd.shuffle(visit.sent)
    return visit


async def test_marks_are_those_of_a_recount(tmp_path: Path) -> None:
    """Of 300 random visits, with batches missing, late, doubled, and sessions ended in every way or open."""
    rnd = random.Random(5)
    store = SqliteStore(tmp_path, ManualClock())
    await store.open()
    await store.add_site(SITE)
    visits = {f"session-{n}": _visit(rnd, f"session-{n}") for n in range(300)}
    for name, visit in visits.items():
        late = rnd.randrange(len(visit.sent)) if rnd.random() < 0.3 else len(visit.sent)
        for one in visit.sent[:late]:
            await store.append(one)
        if late and visit.ended is not None:
            await store.end_session(name, visit.ended)
        for one in [*visit.sent[late:], visit.sent[0]]:  # the first once more
            await store.append(one)
        if visit.ended is not None:
            await store.end_session(name, visit.ended)
    await store.close()

    with closing(sqlite3.connect(tmp_path / "stolper.db")) as db:
        found = dict(db.execute("SELECT id, marks FROM sessions"))
    assert {name: visit.marks() for name, visit in visits.items()} == found
    assert len(set(found.values())) > 12
