"""
The files of stocks: what a site's pages have in common, on which sealed recordings rest.

Each is kept twice, under the hash of its content: a damaged one would take all that rests on it with
it. Which stocks count is said by rows (sealing.py).
"""

from __future__ import annotations

import logging
from pathlib import Path

import zstandard as zstd

from core.errors import StoreError
from core.model import asset_hash
from core.sealed import StockRef
from core.sqlite.assets import Blobs
from core.sqlite.disk import Disk

log = logging.getLogger(__name__)

FOLDERS = ("stocks", "stocks.copy")

MOST_BYTES = 64 * 1024 * 1024
"""Most that a stock's file may inflate to; replay/stock.py makes none of more than a few megabytes."""

LEVEL = 9


class Stocks:
    """The files, by site and hash."""

    def __init__(self, data: Path, disk: Disk) -> None:
        self._folders = [data / name for name in FOLDERS]
        self._blobs = [Blobs(folder, disk) for folder in self._folders]
        self._read: tuple[StockRef, bytes] | None = None

    def write(self, site: str, content: bytes) -> StockRef:
        """Keep *content* as a stock of *site* and return it once both files are durable. Raise OSError."""
        stock = StockRef(site, asset_hash(content))
        packed = zstd.ZstdCompressor(level=LEVEL).compress(content)
        for blobs in self._blobs:
            blobs.write(site, stock.name, packed)
        return stock

    def read(self, stock: StockRef) -> bytes:
        """
        Return the content of *stock*. Raise StoreError if both of its files are damaged.

        The last one is remembered: most of what is read rests on it.
        """
        known = self._read
        if known is None or known[0] != stock:
            first, copy = (folder / stock.site / stock.name for folder in self._folders)
            try:
                content = content_of(first)
            except StoreError as error:
                log.error("%s; its copy is read", error)
                content = content_of(copy)
            known = self._read = stock, content
        return known[1]

    def forget(self, stock: StockRef) -> None:
        """Remember nothing of what *stock* holds."""
        if self._read is not None and self._read[0] == stock:
            self._read = None

    def drop(self, stock: StockRef) -> None:
        """Remove the files of a stock that no row names."""
        self.forget(stock)
        for blobs in self._blobs:
            blobs.drop(stock.site, stock.name)


def content_of(path: Path) -> bytes:
    """Return the content of the stock in the file *path*. Raise StoreError if it is not what its name says."""
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise StoreError(f"stock {path.name} cannot be read: {error}") from error
    if raw.startswith(zstd.FRAME_HEADER):  # else it is one of those that were kept as they are
        try:
            raw = zstd.ZstdDecompressor().decompress(raw, max_output_size=MOST_BYTES)
        except zstd.ZstdError as error:
            raise StoreError(f"stock {path.name} is damaged: {error}") from None
    if asset_hash(raw) != path.name:
        raise StoreError(f"stock {path.name} is damaged")
    return raw
