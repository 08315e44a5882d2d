"""Owns what places of ways (core/ways.py), and what was done on pages (core/sights.py), are called."""

from __future__ import annotations

from console.process_words import ProcessTexts
from console.words import Words
from core.sights import SAW
from core.ways import ANY, COMPLETED, END, FIRST, LAST, LEFT, Spot


def stop_text(stop: str, process: str, texts: ProcessTexts, _: Words) -> str:
    """Return what people call a *stop* of a way through *process* (over pages, if that is empty)."""
    known = {
        FIRST: _("the beginning"),
        LAST: _("the end"),
        ANY: _("any page") if not process else _("any step"),
        END: _("visit ended"),
        COMPLETED: _("completed"),
        LEFT: _("left"),
    }
    if stop in known:
        return known[stop]
    return texts.step(process, stop) if process else stop


def sight_text(name: str, value: str, _: Words) -> str:
    """Return a value of the fields of maps (core/sights.py) in words: `/basket #pay`, `/basket 50`."""
    page, _blank, told = value.partition(" ")
    if name != SAW:
        return _("%(element)s on %(page)s") % {"element": told, "page": page}
    if told == "0":
        return page
    return _("%(depth)s %% of %(page)s") % {"depth": told, "page": page}


def spot_text(value: str, texts: ProcessTexts, _: Words) -> str:
    """Return a value of the field `went` in words: `/basket +1 /pay`."""
    spot = Spot.read(value)
    if spot is None:
        return value
    since, stop = (stop_text(one, spot.process, texts, _) for one in (spot.since, spot.stop))
    told = {"since": since, "stop": stop, "n": abs(spot.offset)}
    if spot.since == FIRST and spot.offset >= 0:
        text = _("%(n)s: %(stop)s") % {**told, "n": spot.offset + 1}
    elif not spot.offset:
        text = stop
    elif spot.offset > 0:
        text = _("%(n)s after %(since)s: %(stop)s") % told
    else:
        text = _("%(n)s before %(since)s: %(stop)s") % told
    return f"{texts.title(spot.process)}, {text}" if spot.process else text
