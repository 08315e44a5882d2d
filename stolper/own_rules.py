"""
The own rule files of a data folder: read, written atomically, known by their revision.

Owns the folder `rules/` as files. What their texts mean is stolper/rulebook.py.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import secrets
import stat
from pathlib import Path

from core.errors import UserError
from detector.files import rule_files
from detector.nodes import MAX_BYTES

FILE_NAME = re.compile(r"[a-z0-9_-]{1,64}\.yaml")
"""No folders, no dots, no capitals: the same file on every system, and never another place."""

Mark = tuple[tuple[str, int, int, int], ...]
"""What the folder looks like from outside: name, time of change, size and inode of each file."""


class OwnRules:
    """The folder *folder*, which may not exist yet."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def mark(self) -> Mark:
        """Return what changes when a file is written, without reading any."""
        found = []
        for path in self._paths():
            with contextlib.suppress(FileNotFoundError):  # removed since it was listed
                seen = path.stat()
                found.append((path.name, seen.st_mtime_ns, seen.st_size, seen.st_ino))
        return tuple(found)

    def texts(self) -> tuple[dict[str, str], dict[str, str]]:
        """Return the texts of all files by name, and why others cannot be read."""
        found: dict[str, str] = {}
        wrong: dict[str, str] = {}
        for path in self._paths():
            try:
                found[path.name] = path.read_bytes().decode("utf-8")
            except FileNotFoundError:
                continue
            except (OSError, UnicodeDecodeError) as error:
                wrong[path.name] = (
                    f"{path.name}: the file cannot be read: {error}. Save it as UTF-8."
                )
        return found, wrong

    def read(self, name: str) -> str | None:
        """Return the text of the file *name*, None if there is none."""
        checked(name)
        try:
            return (self.folder / name).read_bytes().decode("utf-8")
        except FileNotFoundError:
            return None
        except UnicodeDecodeError as error:
            raise UserError(f"{name} is no UTF-8 text: {error}. Save it as UTF-8.") from None

    def write(self, name: str, text: str) -> None:
        """Replace the file *name*: after a crash it is the old one or the new one, whole."""
        checked(name)
        body = text.encode("utf-8")
        if len(body) > MAX_BYTES:
            raise UserError(f"{name} would be larger than {MAX_BYTES // 1024} KiB. Split it.")
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        # Not *.yaml: whoever lists the folder meanwhile must not take it for a rule file.
        draft = self.folder / f".{name}.{secrets.token_hex(4)}.new"
        try:
            with open(draft, "xb", opener=_private) as file:
                with contextlib.suppress(FileNotFoundError):  # what its owner allowed stays
                    os.fchmod(file.fileno(), stat.S_IMODE((self.folder / name).stat().st_mode))
                file.write(body)
                file.flush()
                os.fsync(file.fileno())
            draft.replace(self.folder / name)
        finally:
            draft.unlink(missing_ok=True)
        self._settle()

    def remove(self, name: str) -> None:
        """Delete the file *name*."""
        checked(name)
        (self.folder / name).unlink()
        self._settle()

    def _settle(self) -> None:
        """Return once the names in the folder are on the medium."""
        fd = os.open(self.folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)

    def _paths(self) -> list[Path]:
        return [p for p in rule_files(self.folder) if p.is_file()] if self.folder.is_dir() else []


def _private(path: str, flags: int) -> int:
    """Open a file that only the server's user reads: examples are made of visitors' sessions."""
    return os.open(path, flags, 0o600)


def revision(text: str) -> str:
    """Return the hash by which a file's text is known."""
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def checked(name: str) -> str:
    """Return *name*. Raise UserError if it is no plain file name."""
    if not FILE_NAME.fullmatch(name):
        raise UserError(
            f"'{name}' is no name for a rule file. Use small letters, digits, - and _, "
            "e.g. shop.yaml."
        )
    return name
