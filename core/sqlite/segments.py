"""
Segment files: the chunk bytes, appended by UTC hour of arrival.

Owns placing, appending and reading bytes. Which bytes count is said by rows alone: a torn
or unreferenced tail is never read.
"""

from __future__ import annotations

import os
import zlib
from datetime import UTC, datetime
from pathlib import Path

from core.errors import StoreError
from core.model import ChunkRef
from core.sqlite.disk import Disk

FOLDER = "segments"


class Tail:
    """
    The end of the current segment, and what one group of batches adds to it.

    Used by the writer's thread only, and only inside a write transaction: that lock keeps
    other processes from appending to the same file meanwhile.
    """

    def __init__(self, folder: Path, disk: Disk) -> None:
        self._folder = folder
        self._disk = disk
        self._fd: int | None = None
        self.segment = ""
        self._end = 0
        self._parts: list[bytes] = []
        self._added = 0

    def begin(self, now_ms: int) -> None:
        """Start a group at *now_ms*; nothing is opened before a chunk is placed."""
        self._parts = []
        self._added = 0
        hour = hour_name(now_ms)
        if hour != self.segment:
            self.close()
            self.segment = hour

    def place(self, chunk: bytes) -> int:
        """Take *chunk* into the group and return the offset that it will have."""
        if not self._parts:
            self._open()
        offset = self._end + self._added
        self._parts.append(chunk)
        self._added += len(chunk)
        return offset

    @property
    def mark(self) -> int:
        """Return a mark to go back to."""
        return len(self._parts)

    def rewind(self, mark: int) -> None:
        """Drop what was placed after *mark*."""
        while len(self._parts) > mark:
            self._added -= len(self._parts.pop())

    def flush(self) -> None:
        """Write what was placed and return once it is on the medium."""
        if self._parts and self._fd is not None:
            self._disk.write(self._fd, b"".join(self._parts))
            self._disk.fsync(self._fd)

    def abandon(self) -> None:
        """Cut off what a failed group wrote. If that fails too, the tail stays, unreferenced."""
        fd, self._fd = self._fd, None
        self._parts = []
        if fd is None:
            return
        try:
            if os.fstat(fd).st_size > self._end:
                self._disk.truncate(fd, self._end)
        except OSError:
            # Harmless: no row points there, and the next group appends after it.
            pass
        finally:
            os.close(fd)

    def close(self) -> None:
        """Close the segment."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None

    def _open(self) -> None:
        # A segment that was deleted meanwhile must not swallow what is acknowledged.
        if self._fd is not None and os.fstat(self._fd).st_nlink == 0:
            self.close()
        if self._fd is None:
            self._fd = self._disk.open_append(self._folder / self.segment)
            # Also when the file was there: whoever made it may have died before this.
            self._disk.fsync_folder(self._folder)
        self._end = os.fstat(self._fd).st_size


def hour_name(now_ms: int) -> str:
    """Return the name of the segment for what arrives at *now_ms*; names sort by time."""
    return datetime.fromtimestamp(now_ms / 1000, UTC).strftime("%Y-%m-%dT%H.seg")


def segment_names(folder: Path) -> list[str]:
    """Return the names of all segments, oldest first."""
    return sorted(path.name for path in folder.glob("*.seg"))


def read_chunk(folder: Path, ref: ChunkRef) -> bytes:
    """Return the bytes of *ref* as the browser sent them. Raise StoreError if they are damaged."""
    try:
        with (folder / ref.segment).open("rb") as segment:
            segment.seek(ref.offset)
            data = segment.read(ref.length)
    except OSError as error:
        raise StoreError(f"segment {ref.segment} cannot be read: {error}") from error
    if len(data) != ref.length or zlib.crc32(data) != ref.crc32:
        raise StoreError(f"segment {ref.segment} is damaged at {ref.offset}")
    return data
