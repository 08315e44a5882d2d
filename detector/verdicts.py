"""
Makes model flags of what the engine raised. Flag ids are functions of their content.
"""

from __future__ import annotations

import hashlib

from core.model import Evidence, Flag
from detector.book import Mark, Raised


def flag_id(session: str, raised: Raised) -> str:
    """Return the id of a flag: the same judgement of the same session has the same id."""
    parts = (session, raised.rule.id, raised.version, raised.group, str(raised.nth))
    return hashlib.blake2b("\0".join(parts).encode(), digest_size=12).hexdigest()


def to_flag(session: str, site: str, raised: Raised, *, provisional: bool) -> Flag:
    """Return *raised* as it is stored and shown."""
    rule = raised.rule
    return Flag(
        id=flag_id(session, raised),
        session=session,
        site=site,
        rule=rule.id,
        version=raised.version,
        group=raised.group,
        nth=raised.nth,
        title=rule.title,
        severity=raised.severity,
        weight=rule.weight,
        at_ms=raised.at,
        first_ms=raised.first,
        until_ms=raised.until,
        hits=raised.hits,
        page=raised.page,
        target=raised.target if isinstance(raised.target, dict) else None,
        tab=raised.tab,
        page_load=raised.page_load,
        evidence=tuple(_evidence(m) for m in raised.marks if m.i is not None),
        captures=raised.captures,
        provisional=provisional,
        withdrawn=raised.withdrawn,
    )


def _evidence(item: Mark) -> Evidence:
    return Evidence(f"{item.page_load}:{item.i}", item.ts, item.type, item.path)
