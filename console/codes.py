"""Owns the way from a spoken code to the moment in a session at which it is opened."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from console.session_pages import LEAD_MS, Moment
from core.codes import is_code, read_code, slips_of
from core.model import Flag, Session
from core.store import Store


@dataclass(frozen=True, slots=True)
class Coded:
    """
    What a text that looks like a code leads to.

    *session* is the one that it stands for, *good* whether it may be opened by it still. If its checksum is wrong
    *meant* are sessions with a good code that it may have been meant for, each with that code.
    """

    code: str
    right: bool
    session: Session | None = None
    good: bool = False
    until_ms: int | None = None
    meant: tuple[tuple[str, Session], ...] = ()


async def find_code(store: Store, text: str, now_ms: int) -> Coded | None:
    """Return what *text* leads to if it looks like a spoken code; None if it does not."""
    code = read_code(text)
    if code is None:
        return None
    right = is_code(code)
    given = await store.find_codes([code] if right else slips_of(code))
    found = [(one, session) for one in given if (session := await store.session(one.session))]
    if not right:
        meant = tuple((one.code, session) for one, session in found if one.until_ms >= now_ms)
        return Coded(code, right, meant=meant)
    if not found:
        return Coded(code, right)
    (one, session) = found[0]
    return Coded(code, right, session, one.until_ms >= now_ms, one.until_ms)


async def code_link(store: Store, text: str, now_ms: int) -> str | None:
    """Return the address that *text* leads to if it is a code that is good; else None."""
    coded = await find_code(store, text, now_ms)
    if coded is None or coded.session is None or not coded.good:
        return None
    return await trouble_link(store, coded.session)


async def trouble_link(store: Store, session: Session) -> str:
    """
    Return the address of *session* standing still five seconds before its last struggle.

    Without a struggle: a running one as it goes on, an ended one five seconds before its end.
    """
    flag = last_struggle(await store.flags(session.id))
    if flag is not None:
        return Moment(session.id, flag=flag.id).link
    if session.ended_ms is None:
        return Moment(session.id).link
    return Moment(session.id, at_ms=max(0, session.last_ms - session.started_ms - LEAD_MS)).link


def last_struggle(flags: Sequence[Flag]) -> Flag | None:
    """Return the struggle that began last; mere notes count only where there is nothing else."""
    grave = [flag for flag in flags if flag.severity != "info"] or list(flags)
    return max(grave, key=lambda flag: flag.first_ms, default=None)
