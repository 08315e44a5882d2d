"""
The one form of HTTP request that front.py reads itself: a plain POST of one batch.

Pure. Anything that is not certainly of that form is None, and somebody else's to judge: this
module never says that a request is wrong.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from collector.asked import origin_of

MAX_HEAD_BYTES = 8190
"""What aiohttp takes of one field; browsers send some 700 bytes in all, which no cookie adds to."""

MAX_FIELDS = 100
"""Fewer than aiohttp's 128; browsers send some 15."""

_LINE = re.compile(rb"POST /i/([A-Za-z0-9_-]{1,64}) HTTP/1\.1\r\n")
# Possessive, so that a hostile head takes linear time.
_FIELDS = re.compile(rb"(?:[!#$%&'*+.^_`|~0-9A-Za-z-]++:[^\x00-\x08\x0a-\x1f\x7f]*+\r\n)++\r\n")

_ONCE = frozenset(
    {b"host", b"content-length", b"origin", b"user-agent", b"x-forwarded-for", b"connection"}
)
_NOT_PLAIN = frozenset(
    {b"transfer-encoding", b"content-encoding", b"expect", b"upgrade", b"te", b"trailer"}
)


@dataclass(slots=True)
class Plain:
    """What the head of a plain request says."""

    key: str
    length: int  # of the body
    origin: str | None
    user_agent: str
    forwarded: str  # X-Forwarded-For as it came
    close: bool  # the client wants no further request on this connection
    end: int  # of the head, in the bytes that were read
    before: bytes  # the head up to the digits of the length, and from there
    after: bytes

    def again(self, data: bytes) -> bool:
        """
        Say whether *data* begins with this head, but for the length, and take that over.

        All batches of a page have the same head; comparing it takes a tenth of reading it.
        """
        before, after = self.before, self.after
        if not data.startswith(before):
            return False
        begin = len(before)
        stop = data.find(b"\r", begin, begin + 11)
        digits = data[begin:stop]
        if stop < 0 or not digits.isdigit() or not data.startswith(after, stop):
            return False
        self.length = int(digits)
        self.end = stop + len(after)
        return True


def read(data: bytes, end: int) -> Plain | None:
    """Return what the head in *data*, which ends before *end*, says; None if it is not plain."""
    line = _LINE.match(data) if end <= MAX_HEAD_BYTES else None
    if line is None or not _FIELDS.fullmatch(data, line.end(), end):
        return None
    fields = data[line.end() : end - 4].split(b"\r\n")
    if len(fields) > MAX_FIELDS:
        return None
    found: dict[bytes, bytes] = {}
    for field in fields:
        name, _, value = field.partition(b":")
        name = name.lower()
        if name in _ONCE:
            if name in found:
                return None
            found[name] = value.strip(b" \t")
        elif name in _NOT_PLAIN:
            return None
    digits = found.get(b"content-length", b"")
    connection = found.get(b"connection", b"").lower()
    if not (0 < len(digits) <= 10 and digits.isdigit() and b"host" in found):
        return None
    if connection not in (b"", b"keep-alive", b"close"):
        return None
    at = _place_of_length(data[:end], digits)
    origin = found.get(b"origin")
    return Plain(
        key=line[1].decode(),
        length=int(digits),
        origin=None if origin is None else origin_of(_text(origin)),
        user_agent=_text(found.get(b"user-agent", b"")),
        forwarded=_text(found.get(b"x-forwarded-for", b"")),
        close=connection == b"close",
        end=end,
        before=data[:at],
        after=data[at + len(digits) : end],
    )


def _place_of_length(head: bytes, digits: bytes) -> int:
    """Return where the *digits* of the content length, which stands there once, begin."""
    return head.index(digits, head.lower().index(b"\r\ncontent-length:"))


def _text(value: bytes) -> str:
    """Return *value* as aiohttp would give it."""
    return value.decode("utf-8", "surrogateescape")
