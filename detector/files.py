"""
Rule files on disk: which ones a path names, and their text.

Owns what can be wrong before there is any text: no such file, too large, another encoding.
"""

from __future__ import annotations

from pathlib import Path

from detector.errors import Problems, SourceFile
from detector.nodes import MAX_BYTES, Node


def rule_files(path: Path) -> list[Path]:
    """Return the rule files that *path* names: itself, or those in the folder, by name."""
    if path.is_dir():
        return sorted([*path.glob("*.yaml"), *path.glob("*.yml")])
    return [path]


def shown_name(path: Path) -> str:
    """Return *path* as messages call it: relative to the working directory if it lies there."""
    try:
        return str(path.resolve().relative_to(Path.cwd()))
    except ValueError:
        return str(path)


def named(name: str, line: int = 1, column: int = 1) -> Node:
    """Return a place in the file *name*, of which no text is known."""
    return Node(SourceFile(name, ()), line, column)


def read_text(file: Path, problems: Problems) -> str | None:
    """Return what *file* holds, or None after noting in *problems* why it cannot be read."""
    name = shown_name(file)
    if file.exists() and not file.is_file():
        problems.error(named(name), "this is no file. Name a .yaml file or a folder of them.")
        return None
    try:
        with file.open("rb") as stream:
            raw = stream.read(MAX_BYTES + 1)
    except OSError as error:
        reason = error.strerror or "it cannot be opened"
        problems.error(named(name), f"the file cannot be read: {reason}. Check it.")
        return None
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        if len(raw) > MAX_BYTES:  # refused for its size; cut in the middle of a character
            return raw.decode("utf-8", "replace")
        before = raw[: error.start].decode("utf-8", "replace")
        line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
        problems.error(
            named(name, line, column),
            f"this is no UTF-8 text (byte 0x{raw[error.start]:02X}). Save the file as UTF-8.",
        )
        return None
