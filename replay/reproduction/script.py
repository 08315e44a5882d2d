"""
Writes a visit down as a Playwright test in Python.

Owns the text only. What a test calls is `stolper.reproduction`; the steps are steps.py's.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from core.model import Flag, Session, Site
from replay.reproduction.inputs import Typed
from replay.reproduction.places import called, places_of, quoted
from replay.reproduction.steps import CANNOT, Failed, Step, Visit

LEAD_PAUSE_S = 1.0
"""Pauses before the last steps are cut to this: reading takes a test no further."""

TRUE_TO_TIME_MS = 10_000
"""So long before the first event that the flag rests on, all goes as fast as the visitor went."""

LONGEST_PAUSE_S = 30.0

_WIDTH = 96


@dataclass(frozen=True, slots=True)
class Recorded:
    """What the text names beside the visit. *rules* are the site's own rule files, by name."""

    session: Session
    site: Site
    flag: Flag
    url: str
    rules: Mapping[str, str]
    version: str

    @property
    def file(self) -> str:
        """The name of the file that the test is handed out as."""
        return f"reproduce_{self.flag.rule}_{self.session.id[-8:]}.py"


def script(visit: Visit, recorded: Recorded, *, stub: bool = False) -> str:
    """Return the test. With *stub* failed requests are answered as they were."""
    flag = recorded.flag
    title = flag.title.get("en") or flag.rule
    lines = [*_head(visit, recorded, title, stub), *_constants(visit, recorded)]
    lines += [
        "",
        "",
        f"def test_{_name(flag.rule)}() -> None:",
        f'    """{_plain(title)}: {flag.rule} does not fire{_where(flag)}."""',
        "    with reproduced(EXPECTED, SITE, DEVICE, rules=RULES) as visit:",
        "        page = visit.page",
        *(f"        {line}" for line in _stubs(visit.failed) if stub),
        *(f"        {line}" for line in _body(visit)),
        "        visit.proves_mended()",
        "",
        "",
        'if __name__ == "__main__":',
        "    raise SystemExit(told(test_" + _name(flag.rule) + "))",
        "",
    ]
    return "\n".join(lines)


def _head(visit: Visit, recorded: Recorded, title: str, stub: bool) -> Iterator[str]:
    flag = recorded.flag
    yield '"""'
    yield f"{_plain(title)} ({flag.rule}){_where(flag)}, as in session {_plain(recorded.session.id)}."
    yield ""
    yield "Red while that struggle comes about, green once it is mended. It needs Stolper, whose recorder and"
    yield "rules run beside it, and Chromium:"
    yield ""
    yield "    pip install 'stolper[browser]' pytest"
    yield f"    STOLPER_URL={_plain(recorded.url)} pytest {_plain(recorded.file)}"
    yield ""
    yield "What was typed is not in the recording: masked(9) is a stand-in of 9 characters that fits the field."
    if stub:
        yield "Requests that failed are answered as they were, so it also fails beside a server that works."
    for one in visit.cannot:
        yield f"The flag rests on something that no test can do here: {CANNOT[one]}."
    yield f"Made by Stolper {recorded.version}."
    yield '"""'


def _constants(visit: Visit, recorded: Recorded) -> Iterator[str]:
    flag, site = recorded.flag, recorded.site
    fills = any(_value(step.facts["typed"]).startswith("masked(") for step in _filled(visit))
    yield ""
    yield f"from stolper.reproduction import {'masked, ' if fills else ''}reproduced, told"
    yield ""
    yield f"URL = {quoted(recorded.url)}  # STOLPER_URL in the environment counts more"
    yield from _dict(
        "EXPECTED",
        url="URL",
        rule=quoted(flag.rule),
        target=_or_none((flag.target or {}).get("key")),
        page=_or_none(flag.page),
        ending=quoted(recorded.session.end_kind or "idle"),
    )
    options = site.options.for_browser()
    yield from _dict(
        "SITE", mode=quoted(site.mode), privacy=quoted(site.privacy), options=repr(options)
    )
    yield from _dict("DEVICE", **_device(visit, recorded.session))
    if not recorded.rules:
        yield "RULES: dict[str, str] = {}  # none but the shipped ones"
        return
    yield "RULES = {"
    for name, text in recorded.rules.items():
        yield f"    {quoted(name)}: {text!r},"
    yield "}"


def _filled(visit: Visit) -> Iterator[Step]:
    return (step for step in visit.steps if "typed" in step.facts and step.kind in _LINES)


def _or_none(text: object) -> str:
    return quoted(text) if isinstance(text, str) else "None"


def _device(visit: Visit, session: Session) -> dict[str, str]:
    language = session.attributes.get("language")
    locale = (
        language
        if isinstance(language, str) and re.fullmatch(r"[A-Za-z-]{2,12}", language)
        else "en"
    )
    return {
        "width": str(visit.width),
        "height": str(visit.height),
        "touch": str(visit.touch),
        "locale": quoted(locale),
    }


def _stubs(failed: tuple[Failed, ...]) -> Iterator[str]:
    for one in failed:
        took = f", after={one.duration_ms / 1000:.1f}" if one.duration_ms >= 500 else ""
        yield f"visit.answers({quoted(one.method)}, {quoted(one.url)}, status={one.status}{took})"


def _body(visit: Visit) -> Iterator[str]:
    proof = [step.at_ms for step in visit.steps if step.matters]
    true_from = (min(proof) if proof else 0) - TRUE_TO_TIME_MS
    last: Step | None = None
    timed = False
    for step in visit.steps:
        if not timed and step.at_ms >= true_from and last is not None:
            timed = True
            yield "# From here on as fast as the visitor was."
            yield "visit.in_time()"
        if last is not None and step.kind != "arrive":
            yield from _pause(step.at_ms - last.until_ms, timed)
        yield from _told(step)
        last = step
    if visit.linger_ms >= 100:
        yield from _pause(visit.linger_ms, timed=True)


def _pause(gap_ms: float, timed: bool) -> Iterator[str]:
    most = LONGEST_PAUSE_S if timed else LEAD_PAUSE_S
    seconds = min(gap_ms / 1000, most)
    if seconds >= 0.05:
        yield f"visit.pause({seconds:.2f})"


def _told(step: Step) -> Iterator[str]:
    """Give the lines of *step*."""
    made = _LINES.get(step.kind)
    if made is not None:
        yield from made(step)


def _matters(step: Step) -> str:
    return "matters=True" if step.matters else ""


def _call(name: str, *arguments: str) -> Iterator[str]:
    """Give a call, on one line where it fits."""
    given = [one for one in arguments if one]
    line = f"visit.{name}({', '.join(given)})"
    if len(line) <= _WIDTH - 8:
        yield line
        return
    yield f"visit.{name}("
    yield from (f"    {one}," for one in given)
    yield ")"


def _goto(step: Step) -> Iterator[str]:
    query = step.facts.get("query") or {}
    values = "&".join(f"{name}={value}" for name, value in query.items())
    path = step.path + (f"?{values}" if values else "")
    yield from _call(step.kind, quoted(path), _matters(step))


def _press(step: Step) -> Iterator[str]:
    facts, target = step.facts, step.target or {}
    if name := _plain(called(target)):
        yield f"# {name}"
    times = [round(at / 1000, 2) for at in facts["times"]]
    pointer = facts.get("pointer") or "mouse"
    yield from _call(
        "press",
        *places_of(target),
        _point("at", facts, "offset_x", "offset_y"),
        _point("point", facts, "page_x", "page_y"),
        f"path={quoted(step.path)}",
        f"times={times}" if len(times) > 1 else "",
        f"hold={min(max(float(facts['hold_ms']), 20), 2000) / 1000:.2f}",
        "" if pointer in ("mouse", "pen") else f"pointer={quoted(pointer)}",
        _matters(step),
    )
    if facts.get("href") == "new_tab":
        yield "visit.expects_tab()"


def _point(name: str, facts: Mapping[str, Any], x: str, y: str) -> str:
    if not all(isinstance(facts.get(one), int | float) for one in (x, y)):
        return ""
    return f"{name}=({round(facts[x])}, {round(facts[y])})"


def _type(step: Step) -> Iterator[str]:
    typed: Typed = step.facts["typed"]
    took = (step.until_ms - step.at_ms) / 1000
    yield from _call(
        step.kind,
        *places_of(step.target or {}),
        f"value={_value(typed)}",
        f"path={quoted(step.path)}",
        f"took={took:.1f}" if took >= 0.3 else "",
        _matters(step),
    )


def _value(typed: Typed) -> str:
    if typed.text is not None and (typed.text or not any(typed.lengths)):
        return quoted(typed.text)
    lengths = [str(one) for one in typed.lengths]
    marks = [f"{name}=True" for name in ("refused", "wrong") if getattr(typed, name)]
    return f"masked({', '.join([*lengths, *marks])})"


def _enter(step: Step) -> Iterator[str]:
    yield from _call("enter", f"path={quoted(step.path)}", _matters(step))


def _keys(step: Step) -> Iterator[str]:
    facts = step.facts
    span = float(facts["span_ms"]) / 1000
    yield from _call(
        "keys",
        quoted(str(facts["class"])),
        str(int(facts["count"])),
        f"span={span:.2f}",
        _matters(step),
    )


def _scroll(step: Step) -> Iterator[str]:
    yield from _call("scroll", str(round(step.facts["px"])), _matters(step))


def _swipe(step: Step) -> Iterator[str]:
    facts = step.facts
    move = f"({round(facts['dx'])}, {round(facts['dy'])})"
    yield from _call("swipe", *places_of(step.target or {}), f"by={move}", _matters(step))


def _shake(step: Step) -> Iterator[str]:
    yield from _call("shake", f"{float(step.facts['duration_ms']) / 1000:.1f}", _matters(step))


def _copy(step: Step) -> Iterator[str]:
    yield from _call("copy", *places_of(step.target or {}), _matters(step))


def _tab(step: Step) -> Iterator[str]:
    yield f"page = visit.tab({quoted(step.tab)})"


def _plainly(step: Step) -> Iterator[str]:
    yield from _call(step.kind, f"path={quoted(step.path)}", _matters(step))


_LINES = {
    "open": _goto,
    "arrive": _goto,
    "reload": _plainly,
    "back": _plainly,
    "tab": _tab,
    "press": _press,
    "type": _type,
    "choose": _type,
    "upload": _type,
    "enter": _enter,
    "keys": _keys,
    "scroll": _scroll,
    "swipe": _swipe,
    "shake": _shake,
    "copy": _copy,
}


def _where(flag: Flag) -> str:
    target = _plain(called(flag.target or {})) if flag.target else ""
    on = f' on "{target}"' if target else ""
    return f"{on} at {_plain(flag.page)}" if flag.page else on


def _name(rule: str) -> str:
    return re.sub(r"\W", "_", rule)


def _plain(text: str | None) -> str:
    """Return *text*, which may come from anybody, as something that ends no string or comment."""
    return " ".join(re.sub(r'["\\\x00-\x1f\x7f\u2028\u2029]', " ", text or "").split())


def _dict(name: str, **values: str) -> Iterator[str]:
    yield f"{name} = {{"
    yield from (f"    {quoted(key)}: {value}," for key, value in values.items())
    yield "}"
