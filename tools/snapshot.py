"""
Writes down a data folder of this version, for the test that later versions can still read it.

`python -m tools.snapshot VERSION` at each release. What has been released is never written again.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import sqlite3
import sys
import tempfile
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import Any

from core.model import NewAsset, RuleVersion, SessionQuery, Token, User, Verdicts
from core.sqlite import SqliteStore
from tests.core.support import NOON, SITE, ManualClock, batch, event, flag, stored

SNAPSHOTS = Path(__file__).parents[1] / "tests" / "core" / "snapshots"
SESSIONS = ("session-a", "session-b")
CSS = b"p { color: red }"
TOKEN = b"hash of a token".ljust(32, b".")


async def fill(store: SqliteStore) -> None:
    """Put something of each kind into an empty *store*."""
    await store.add_site(SITE)
    await stored(store, *(batch(session, seq) for session in SESSIONS for seq in (0, 1, 3)))
    await stored(store, batch("session-a", 0, page_load="load-2", events=[event(0, 5.0, "page")]))
    await store.commit_verdicts([Verdicts("session-a", 1, (flag(),))])
    await store.end_session("session-b", "ended")
    assert await store.put_asset(NewAsset(SITE.key, "sheet", "text/css", CSS, 1000, NOON))
    version = RuleVersion("rage_click", "v1", "shipped", NOON, "", "")
    await store.put_in_force([version], {"mine.yaml": "version: 1\nrules: []\n"})
    await store.add_user(User("owner", "owner", "no hash"))
    await store.add_token(Token("token-1", "read", NOON, TOKEN))
    await store.audit(NOON, "owner", "recording", "session-a")


async def told(store: SqliteStore) -> dict[str, Any]:
    """Return what *store* says of itself, as JSON can hold it."""
    facts: dict[str, Any] = {
        "sites": [asdict(site) for site in await store.sites()],
        "sessions": [asdict(one) for one in await store.sessions(SessionQuery())],
        "struggles": [asdict(one) for one in await store.struggles()],
        "rule_versions": [asdict(one) for one in await store.rule_versions("rage_click")],
        "rule_files": await store.rule_files(),
        "checkpoint": await store.checkpoint(),
        "unjudged": [one.id for one in await store.unjudged_sessions()],
        "asset": _there(
            await store.asset(SITE.key, (await store.most_used_assets(SITE.key, 1))[0])
        ),
        "user": _there(await store.user("owner")),
        "token": _there(await store.token(TOKEN)),
    }
    for session in SESSIONS:
        facts[session] = {
            "batches": [asdict(one) for one in await store.batches(session)],
            "page_loads": [asdict(one) for one in await store.page_loads(session)],
            "gaps": [asdict(one) for one in await store.gaps(session)],
            "flags": [asdict(one) for one in await store.flags(session)],
            "chunks": [
                (await store.read_chunk(ref)).decode() for ref in await store.chunks(session)
            ],
        }
    plain: dict[str, Any] = json.loads(json.dumps(facts, default=_plain, sort_keys=True))
    return plain


def _there(one: Any) -> dict[str, Any]:
    assert one is not None
    return asdict(one)


def _plain(value: object) -> object:
    return value.hex() if isinstance(value, bytes) else str(value)


def dump(database: Path) -> str:
    """Return *database* as SQL."""
    with closing(sqlite3.connect(database)) as db:
        return "\n".join(db.iterdump()) + "\n"


def load(sql: str, database: Path) -> None:
    """Make *database* from *sql*."""
    with closing(sqlite3.connect(database)) as db:
        db.executescript(sql)


async def _filled(data: Path) -> dict[str, Any]:
    store = SqliteStore(data, ManualClock())
    await store.open()
    await fill(store)
    facts = await told(store)
    await store.close()
    return facts


def write(target: Path) -> None:
    """Make the snapshot *target*."""
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "data"
        facts = asyncio.run(_filled(data))
        target.mkdir(parents=True)
        (target / "stolper.sql").write_text(dump(data / "stolper.db"))
        (target / "told.json").write_text(json.dumps(facts, indent=1, sort_keys=True) + "\n")
        for part in sorted(path for path in data.iterdir() if path.is_dir()):
            shutil.copytree(part, target / part.name)


def main(words: list[str]) -> int:
    """Write the snapshot of the version named; refuse one that is there."""
    target = SNAPSHOTS / words[0]
    if target.exists():
        print(f"{target} is there already: what was released does not change", file=sys.stderr)
        return 1
    write(target)
    print(target)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
