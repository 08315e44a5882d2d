"""The contract of core/readers.py on every implementation: notes at sessions, and who has seen which."""

from __future__ import annotations

import pytest

from core.erasing import Whom
from core.errors import NotFound, UserError
from core.model import User
from core.readers import MOST_NOTES, Note
from core.store import Store
from tests.core.support import NOON, batch, event


def note(id_: str, at: float, text: str = "Look", session: str = "s1") -> Note:
    return Note(id_, session, NOON + at, "ada", text, NOON)


async def visits(store: Store, *names: str) -> None:
    for name in names:
        await store.append(batch(session=name, events=[event(0, 1, "page")]))


async def test_notes_come_in_order_of_their_moments(store: Store) -> None:
    """notes() tells what add_note() was given, by moment; note_of() finds one; counts are by session."""
    await visits(store, "s1", "s2")
    late, early = note("b", 900, "late"), note("a", 100, "early")
    await store.add_note(late)
    await store.add_note(early)

    assert [early, late] == await store.notes("s1")
    assert [late, None] == [await store.note_of(id_) for id_ in ("b", "c")]
    assert {"s1": 2} == await store.note_counts(["s1", "s2", "s3"])


async def test_a_note_is_changed_and_removed(store: Store) -> None:
    """change_note() gives another text and when; remove_note() takes it out; both say whether it was there."""
    await visits(store, "s1")
    await store.add_note(note("a", 100))

    assert await store.change_note("a", "Look again", NOON + 5)
    changed = await store.note_of("a")
    assert changed == Note("a", "s1", NOON + 100, "ada", "Look again", NOON, NOON + 5)
    assert [True, False] == [await store.remove_note("a"), await store.remove_note("a")]
    assert not await store.change_note("a", "gone", NOON)
    assert [] == await store.notes("s1")


async def test_a_note_needs_its_session(store: Store) -> None:
    """add_note() raises NotFound without the session, and UserError beyond the most."""
    with pytest.raises(NotFound):
        await store.add_note(note("a", 1, session="nowhere"))
    await visits(store, "s1")
    for number in range(MOST_NOTES):
        await store.add_note(note(f"n{number}", number))
    with pytest.raises(UserError):
        await store.add_note(note("more", 1))

    assert MOST_NOTES == len(await store.notes("s1"))


async def test_watched_is_kept_by_person(store: Store) -> None:
    """Who saw a session is kept for them alone, until they are removed; unknown sessions and people are not."""
    await visits(store, "s1", "s2")
    for name in ("ada", "bob"):
        await store.add_user(User(name, "viewer", "x"))
    await store.mark_watched("ada", "s1", NOON)
    await store.mark_watched("ada", "s1", NOON + 1)
    await store.mark_watched("ada", "nowhere", NOON)
    await store.mark_watched("nobody", "s2", NOON)
    asked = ["s1", "s2", "nowhere"]

    assert [{"s1"}, set(), set()] == [
        await store.watched_by(name, asked) for name in ("ada", "bob", "nobody")
    ]
    await store.remove_user("ada")
    await store.add_user(User("ada", "viewer", "y"))

    assert set() == await store.watched_by("ada", asked)


async def test_both_go_with_their_session(store: Store) -> None:
    """What is erased takes its notes and marks along; others' stay."""
    await visits(store, "s1", "s2")
    await store.add_user(User("ada", "viewer", "x"))
    for session in ("s1", "s2"):
        await store.add_note(note(f"of {session}", 1, session=session))
        await store.mark_watched("ada", session, NOON)
    await store.erase(Whom("session", "s1"))

    assert {"s2": 1} == await store.note_counts(["s1", "s2"])
    assert {"s2"} == await store.watched_by("ada", ["s1", "s2"])
