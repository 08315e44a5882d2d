"""
The final judgement of an ended session: one function, whoever asks for it.

The service at a session's end, judging history again, and backtest all come here, so that
they cannot differ. Pure: batches in, flags and score out; reading and writing is others'.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from core.model import Flag, Score, Session, StoredBatch
from detector.engine import Engine
from detector.live import LiveSession


@dataclass(frozen=True, slots=True)
class Judgement:
    """
    What an ended session comes to.

    *flags* are those that stand, and of the *known* ones those that others replaced;
    *truncated* names the rules that hit a bound.
    """

    flags: tuple[Flag, ...]
    score: Score
    truncated: tuple[str, ...]


def judge_ended(
    engine: Engine,
    session: Session,
    batches: Sequence[StoredBatch],
    *,
    lateness_ms: int,
    flush_ms: int,
    idle_timeout_ms: int,
    known: Collection[str] = (),
) -> Judgement:
    """
    Return the final judgement of the ended *session*, whose events are in *batches*.

    The events are judged in canonical order; nothing is waited for. *idle_timeout_ms* is the
    site's. *known* are ids of flags that the store may have: only of these it matters that
    they were replaced.
    """
    live = LiveSession(
        engine,
        session,
        lateness_ms=lateness_ms,
        flush_ms=flush_ms,
        idle_timeout_ms=idle_timeout_ms,
    )
    live.know(set(known))
    live.rebuild(batches, None)
    live.end(session)
    flags = live.all(provisional=False)
    return Judgement(flags, live.score(), live.truncated)
