"""
The exceptions of Stolper, one tree:

    StolperError
    ├── UserError                 what the caller gave is wrong; the text says what to do
    │   ├── SettingError          a setting: key, value, reason
    │   ├── NotFound              no such site, session, rule ...
    │   └── RuleErrors            every error of a set of rule files (detector/errors.py)
    ├── Refused                   a batch that will not be stored: HTTP status, code, reason
    └── StoreError                the store cannot do it now
        ├── StoreBusy             the queue is full; try again after *retry_after_s*
        │   └── StoreFull         the disk has less free than is kept back
        └── StoreFailed           a write failed (disk full, I/O error); nothing was acknowledged
            └── StoreDamaged      what was asked for lies in a damaged page: asking again is no use
"""

from __future__ import annotations


class StolperError(Exception):
    """Root of all errors that Stolper raises on purpose."""


class UserError(StolperError):
    """What the caller gave is wrong. The text is for people and says what to do."""


class SettingError(UserError):
    """A setting is unknown or has a value that it cannot have."""

    def __init__(self, key: str, reason: str) -> None:
        super().__init__(f"{key}: {reason}")
        self.key = key
        self.reason = reason


class NotFound(UserError):
    """There is no such thing."""


class Refused(StolperError):
    """A batch that is not stored. *code* is stable and documented in docs/wire-format.md."""

    def __init__(
        self, status: int, code: str, reason: str, *, retry_after_s: int | None = None
    ) -> None:
        super().__init__(reason)
        self.status = status
        self.code = code
        self.reason = reason
        self.retry_after_s = retry_after_s


class StoreError(StolperError):
    """The store cannot do it now."""


class StoreBusy(StoreError):
    """The writer's queue is full. Nothing was written; try again after *retry_after_s*."""

    code = "busy"
    """What a batch that is refused for it is told (docs/wire-format.md)."""

    def __init__(self, retry_after_s: int, reason: str = "the store is busy") -> None:
        super().__init__(reason)
        self.retry_after_s = retry_after_s


class StoreFull(StoreBusy):
    """The disk's reserve is reached. Nothing was written; it goes on once there is room."""

    code = "reserve"

    def __init__(self, retry_after_s: int) -> None:
        super().__init__(retry_after_s, "the disk has less room than is kept in reserve")


class StoreFailed(StoreError):
    """A write failed and was rolled back. Nothing of its group was acknowledged."""


class StoreDamaged(StoreFailed):
    """A page of the database is damaged: what lies in it cannot be read until it is repaired."""
