"""Sets of session numbers: what is kept is what was put in, few or many, and counting agrees with Python's sets."""

from __future__ import annotations

import random

import pytest

from core.sqlite import bits
from core.sqlite.bits import BLOCK, BYTES, Numbers


def kept(numbers: set[int]) -> list[tuple[int, bytes]]:
    """Return the rows in which *numbers* are kept."""
    blocks: dict[int, list[int]] = {}
    for number in numbers:
        blocks.setdefault(number // BLOCK, []).append(number % BLOCK)
    return [(at, bits.packed(bits.of(places))) for at, places in blocks.items()]


@pytest.mark.parametrize("share", [0.0001, 0.03, 0.04, 0.5, 1.0])
def test_sets_are_what_python_says(share: float) -> None:
    """Reading, joining, leaving out, counting and meeting agree with sets, however full the blocks are."""
    rnd = random.Random(f"{share}")
    one = {n for n in range(3 * BLOCK) if rnd.random() < share} | {0, BLOCK - 1, BLOCK, 9 * BLOCK}
    other = {n for n in range(BLOCK // 2, 4 * BLOCK) if rnd.random() < 0.3} | {0, 9 * BLOCK}
    a, b = Numbers.read(kept(one)), Numbers.of(other)

    assert sorted(one) == list(a)
    assert sorted(one & other) == list(a & b)
    assert sorted(one | other) == list(a | b)
    assert sorted(one - other) == list(a - b)
    assert (len(one), len(other)) == (len(a), len(b))
    assert len(one & other) == sum(b.meet(*row) for row in kept(one))
    assert sorted(one & other) == sorted(n for row in kept(one) for n in b.shared(*row))
    assert one & other == {
        n for n in one if b.table().get(n // BLOCK, bytes(BYTES))[n % BLOCK >> 3] >> (n & 7) & 1
    }


def test_rows_of_one_block_may_come_twice() -> None:
    """Of several values the rows of all are read into one set."""
    rows = [*kept({1, 5}), *kept(set(range(3000))), *kept({5, BLOCK + 7})]

    assert [*range(3000), BLOCK + 7] == list(Numbers.read(rows))


def test_few_numbers_take_few_bytes() -> None:
    """A rare value takes two bytes for each session, a frequent one 2 KB for 16,384."""
    assert 6 == len(kept({1, 2, 3})[0][1])
    assert BYTES == len(kept(set(range(600)))[0][1]) == 2048
