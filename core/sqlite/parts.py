"""What the parts that the store is mixed together from share: its writer and its readers."""

from __future__ import annotations

from abc import ABC, abstractmethod

from core.sqlite.readers import Readers
from core.sqlite.writer import Writer


class Part(ABC):
    """A part of the store, which gives it these two."""

    @property
    @abstractmethod
    def _writer(self) -> Writer: ...

    @property
    @abstractmethod
    def _readers(self) -> Readers: ...
