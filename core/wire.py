"""
The framed batch (wire format 1), byte for byte as docs/wire-format.md describes it.

Owns framing only: the head's JSON is checked by the collector, the chunk by nobody
before it is replayed.
"""

from __future__ import annotations

import hashlib
import struct
import zlib
from dataclasses import dataclass

VERSION = 1
IDENTITY = 0
GZIP = 1

MOST_VERSIONS = 32
"""Below the first printable character: what else was sent there is mostly text."""

MOST_SHRUNK = 1040
"""How many bytes one byte of deflate can stand for: at most 1032, by its format."""

_FRAME = struct.Struct(">BBBBII")  # version, head encoding, chunk encoding, 0, sent_t, head length
FRAME_BYTES = _FRAME.size


class WireError(ValueError):
    """The bytes are no batch. The text says where."""


class WireVersionError(WireError):
    """They are a batch of another version: a newer snippet's, or no batch at all."""


@dataclass(frozen=True, slots=True)
class Frame:
    """
    A batch taken apart.

    *sent_t* is the page load's monotonic clock at sending, in milliseconds; it alone may
    differ when a batch is sent again, so *digest* (BLAKE2b, 16 bytes) leaves it out.
    """

    sent_t: int
    head: bytes  # inflated JSON
    chunk: bytes  # as sent
    chunk_encoding: int
    digest: bytes


def unpack(body: bytes, *, max_head_bytes: int) -> Frame:
    """
    Take *body* apart. Inflates the head up to *max_head_bytes*, never the chunk.

    Raise WireError if it is not a batch of this version or the head is too large.
    """
    if len(body) < FRAME_BYTES:
        raise WireError(f"a batch has at least {FRAME_BYTES} bytes, this one {len(body)}")
    version, head_encoding, chunk_encoding, zero, sent_t, head_length = _FRAME.unpack_from(body)
    if VERSION < version < MOST_VERSIONS:
        raise WireVersionError(f"wire version {version} is not known here; this collector speaks 1")
    if version != VERSION:
        raise WireError(f"the first byte is {version}, which begins no batch")
    if head_encoding not in (IDENTITY, GZIP) or chunk_encoding not in (IDENTITY, GZIP) or zero:
        raise WireError("unknown encoding byte")
    end = FRAME_BYTES + head_length
    if end > len(body):
        raise WireError(f"the head should have {head_length} bytes, {len(body) - FRAME_BYTES} came")
    head = body[FRAME_BYTES:end]
    if head_encoding == GZIP:
        head = _inflated(head, max_head_bytes)
    if len(head) > max_head_bytes:
        raise WireError(f"the head has more than {max_head_bytes} bytes")
    digest = hashlib.blake2b(body[:4], digest_size=16)
    digest.update(body[8:])
    return Frame(sent_t, head, body[end:], chunk_encoding, digest.digest())


def _inflated(head: bytes, most: int) -> bytes:
    """Return the head that gzip bytes hold, or its first *most* + 1 bytes."""
    try:
        if len(head) * MOST_SHRUNK <= most:  # it cannot hold more; half the time of the other way
            try:
                return zlib.decompress(head, 31)
            except zlib.error:
                pass  # the other way tells what is wrong
        inflater = zlib.decompressobj(wbits=31)
        inflated = inflater.decompress(head, most + 1)
    except zlib.error as error:
        raise WireError(f"the head is not valid gzip: {error}") from None
    if len(inflated) <= most and not inflater.eof:
        raise WireError("the head's gzip is cut off")
    return inflated


def pack(
    head: bytes,
    chunk: bytes = b"",
    *,
    sent_t: int = 0,
    gzip_head: bool = False,
    chunk_encoding: int = IDENTITY,
) -> bytes:
    """Make a batch; the counterpart of the snippet's wire.ts, for tests and tools."""
    if gzip_head:
        deflater = zlib.compressobj(wbits=31)
        head = deflater.compress(head) + deflater.flush()
    frame = _FRAME.pack(
        VERSION, GZIP if gzip_head else IDENTITY, chunk_encoding, 0, sent_t, len(head)
    )
    return frame + head + chunk
