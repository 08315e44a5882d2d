"""Holding the garbage collector back, by one and by several at once."""

from __future__ import annotations

import gc
import threading

import pytest

from stolper.quiet import no_collection


def test_the_collector_comes_back_after_the_last_one() -> None:
    """While any of several bodies runs it is held back, in whatever order they end."""
    first, second = no_collection(), no_collection()
    with first:
        second.__enter__()
        assert not gc.isenabled()
    held = gc.isenabled()
    second.__exit__(None, None, None)

    assert not held
    assert gc.isenabled()


def test_the_collector_comes_back_after_an_error() -> None:
    """A body that fails, in another thread too, leaves it as it was."""

    def fail() -> None:
        with pytest.raises(ValueError, match="wrong"), no_collection():
            raise ValueError("wrong")

    thread = threading.Thread(target=fail)
    thread.start()
    thread.join()
    fail()

    assert gc.isenabled()
