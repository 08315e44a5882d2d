"""The file that `stolper export` writes: whole or not there, and for its owner alone."""

from __future__ import annotations

from pathlib import Path

import click
import pytest

from stolper.cli_export import _target


def test_a_file_that_another_export_writes_stays(tmp_path: Path) -> None:
    """The second one says so, and leaves the first one's alone."""
    begun = tmp_path / "visit.json.part"
    begun.write_bytes(b"[")
    with pytest.raises(click.UsageError, match="another export"), _target(tmp_path / "visit.json"):
        pass

    assert b"[" == begun.read_bytes()
    assert [begun] == [*tmp_path.iterdir()]


def test_nobody_else_reads_it_at_any_moment(tmp_path: Path) -> None:
    """It is the owner's from its first byte on; one that fails leaves nothing."""
    out = tmp_path / "visit.json"
    with _target(out) as file:
        modes = [path.stat().st_mode & 0o777 for path in tmp_path.iterdir()]
        file.write(b"[]")

    assert [0o600] == modes
    assert b"[]" == out.read_bytes()
    with pytest.raises(ValueError, match="broken"), _target(tmp_path / "other.json"):
        raise ValueError("broken")

    assert [out] == [*tmp_path.iterdir()]
