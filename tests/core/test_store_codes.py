"""Spoken codes: how they are made and read, and what the store promises of them, on every implementation."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator

import pytest

from core.codes import ALPHABET, LENGTH, is_code, new_code, read_code, slips_of, spaced
from core.erasing import Whom
from core.errors import StoreError
from core.store import Store
from tests.core.support import NOON, SITE, ManualClock, batch, stored

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS


def swaps(code: str) -> Iterator[str]:
    """Return *code* with each pair of unequal characters swapped."""
    for left, right in itertools.combinations(range(LENGTH), 2):
        if code[left] != code[right]:
            swapped = list(code)
            swapped[left], swapped[right] = swapped[right], swapped[left]
            yield "".join(swapped)


def test_every_slip_of_one_character_and_every_swap_of_two_is_noticed() -> None:
    """Of 200 codes no change of one character and no swap, of neighbours or others, is a code."""
    for code in [new_code() for _ in range(200)]:
        slips = [
            code[:at] + other + code[at + 1 :]
            for at in range(LENGTH)
            for other in ALPHABET.replace(code[at], "")
        ]

        assert is_code(code)
        assert [] == [one for one in [*slips, *swaps(code)] if is_code(one)]


def test_a_code_is_read_however_it_is_written() -> None:
    """Small letters, spaces, dashes, and letters that no code has but that mean one that it has."""
    for code in [new_code() for _ in range(50)]:
        wordy = code.lower().translate(str.maketrans("865m", "bgsn"))

        assert [code] * 4 == [
            read_code(one) for one in (spaced(code), "-".join(code), f" {code.lower()}\n", wordy)
        ]
    assert [None] * 5 == [read_code(one) for one in ("", "KASSE1", "22222", "2222222", "/kasse")]


def test_what_a_wrong_code_may_have_been_meant_for_is_among_its_slips() -> None:
    """The right code is found again from each swap of it, and from one wrong character."""
    draw = random.Random(7)
    for code in [new_code() for _ in range(20)]:
        at = draw.randrange(LENGTH)
        wrong = code[:at] + draw.choice(ALPHABET.replace(code[at], "")) + code[at + 1 :]

        assert all(code in slips_of(one) for one in [wrong, *swaps(code)])
        assert [] == [one for one in slips_of(wrong) if not is_code(one)]


async def test_a_session_has_one_code_and_it_lives_longer_when_asked_again(
    store: Store, clock: ManualClock
) -> None:
    """The second answer is the same code with a later end; a session that is not there has none."""
    await stored(store, batch())
    first = await store.give_code("session-a", DAY_MS)
    clock.advance(HOUR_MS)
    second = await store.give_code("session-a", DAY_MS)

    assert first and second
    assert is_code(first.code)
    assert (first.code, NOON + DAY_MS) == (second.code, first.until_ms)
    assert NOON + HOUR_MS + DAY_MS == second.until_ms
    assert [second] == await store.find_codes([first.code])
    assert None is await store.give_code("other", DAY_MS)


async def test_a_thousand_codes_are_all_different(store: Store) -> None:
    """No two of a thousand sessions have the same code, though the draws often give a taken one."""
    draw = random.Random(1)
    pool = [new_code() for _ in range(1_500)]
    names = [f"session-{number}" for number in range(1_000)]
    await stored(store, *(batch(name, chunk=b"") for name in names))
    given = [await store.give_code(name, DAY_MS, lambda: draw.choice(pool)) for name in names]
    codes = [one.code for one in given if one is not None]

    assert 1_000 == len(set(codes))
    assert names == [one.session for one in await store.find_codes(codes)]


async def test_a_code_that_has_run_out_is_not_given_soon(store: Store, clock: ManualClock) -> None:
    """For days it still says whose it was; only after a week another session may have it."""
    await stored(store, batch("session-a"), batch("session-b"))
    given = await store.give_code("session-a", HOUR_MS)
    assert given
    clock.advance(DAY_MS)
    await stored(store, batch("session-c"))
    drawn = itertools.chain([given.code] * 99, itertools.repeat("another"))
    other = await store.give_code("session-c", HOUR_MS, lambda: next(drawn))
    assert [given] == await store.find_codes([given.code])
    clock.advance(8 * DAY_MS)
    anew = await store.give_code("session-b", HOUR_MS, lambda: given.code)

    assert anew
    assert other
    assert ("another", "session-c") == (other.code, other.session)
    assert (given.code, "session-b") == (anew.code, anew.session)


async def test_a_code_goes_with_its_session(store: Store) -> None:
    """Who erases the session erases the code."""
    await stored(store, batch("session-a"), batch("session-b"))
    given = [await store.give_code(name, DAY_MS) for name in ("session-a", "session-b")]
    codes = [one.code for one in given if one]
    await store.erase(Whom("session", "session-a"))

    assert ["session-b"] == [one.session for one in await store.find_codes(codes)]


async def test_only_who_knows_the_secret_owns_a_session(store: Store) -> None:
    """Another secret's hash, another site and another session are answered alike: by nothing."""
    await stored(store, batch())
    secret = b"secret of session-a"
    own = await store.own_session(SITE.key, "session-a", secret)

    assert own == await store.session("session-a")
    assert [None] * 3 == [
        await store.own_session(*one)
        for one in (
            (SITE.key, "session-a", b"another"),
            ("other", "session-a", secret),
            (SITE.key, "session-b", secret),
        )
    ]


async def test_sessions_of_a_time_are_those_that_went_on_then(store: Store) -> None:
    """One that ended before, one that began after, and a test of the doctor are left out."""
    minute = 60_000.0
    await stored(
        store,
        *(
            batch(name, origin_ms=NOON + start * minute, received_ms=int(NOON + start * minute),
                  events=[{"i": 0, "t": t * minute, "type": "click", "path": "/", "view": 0} for t in (length,)],
                  **more)
            for name, start, length, more in (
                ("before", -30, 10, {}), ("across", -15, 20, {}), ("within", 5, 1, {}),
                ("after", 20, 5, {}), ("test", 5, 1, {"canary": True}),
            )
        ),
    )  # fmt: skip
    span = (NOON, int(NOON + 10 * minute))
    found = await store.sessions_around(*span, limit=10)

    assert ["within", "across"] == [one.id for one in found]
    assert ["within"] == [one.id for one in await store.sessions_around(*span, limit=1)]
    assert found == await store.sessions_around(*span, limit=10, site="shop")
    assert [] == await store.sessions_around(*span, limit=10, site="other")


async def test_where_no_other_is_free_one_that_has_run_out_is_given(
    store: Store, clock: ManualClock
) -> None:
    """Whoever uses up all codes by forged visits keeps real callers from theirs no longer than codes are good."""
    await stored(store, batch("session-a"), batch("session-b"))
    code = new_code()
    await store.give_code("session-a", HOUR_MS, lambda: code)

    with pytest.raises(StoreError):
        await store.give_code("session-b", HOUR_MS, lambda: code)
    clock.advance(HOUR_MS + 1)
    assert "session-b" == getattr(
        await store.give_code("session-b", HOUR_MS, lambda: code), "session", None
    )
    assert ["session-b"] == [one.session for one in await store.find_codes([code])]
