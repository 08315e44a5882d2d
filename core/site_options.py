"""
What an owner can set for one site beside its mode and preset, each declared once.

Kept with the site; what the browser needs of it goes into the loader's configuration. Leaves what
the options do to those that read them.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any, Literal

from core.errors import UserError
from core.selectors import check

SELECTOR_MAX = 2000
"""Characters of a selector list: it goes out with every loader."""

LIST_MAX = 50
"""Entries of a list option."""

Images = Literal["allow", "capture", "placeholder"]
Corner = Literal["none", "left", "right"]

_ORIGIN = re.compile(r"https?://(?:[a-z0-9_.-]{1,253}|\[[0-9a-f:.]+\])(?::\d{1,5})?")
_PARAM = re.compile(r"[A-Za-z0-9_.\[\]-]{1,64}")


def _option(default: Any, kind: str, text: str, *, sent: bool = True) -> Any:
    """Declare an option; *sent*: the loader's configuration carries it."""
    return field(default=default, metadata={"kind": kind, "help": text, "sent": sent})


@dataclass(frozen=True, slots=True)
class SiteOptions:
    """
    The options of one site.

    Each field's metadata says how its value is written (`kind`), what it does (`help`) and whether
    the loader's configuration carries it (`sent`).
    """

    enabled: bool = _option(
        True, "switch", "`false` stops all recording on the site within five minutes"
    )
    mask: str = _option("", "selector", "masked as `strict` does")
    unmask: str = _option("", "selector", "shown as `open` does")
    block: str = _option("", "selector", "left out: an empty box of its size")
    ignore: str = _option("", "selector", "no events are told of it")
    url_params: tuple[str, ...] = _option(
        (), "names", "query parameters whose values are recorded, e.g. `q,page`"
    )
    frame_origins: tuple[str, ...] = _option(
        (),
        "origins",
        "origins of frames and of framing pages that the recording may be linked with",
    )
    images: Images = _option(
        "allow",
        "allow|capture|placeholder",
        "`allow`: the replay loads them from the site; `capture`: they are stored; "
        "`placeholder`: an empty box",
    )
    fonts: bool = _option(True, "switch", "web fonts are stored, so that the replay shows them")
    canvas: bool = _option(False, "switch", "canvas elements are sampled as images")
    code_button: Corner = _option(
        "none",
        "none|left|right",
        "`left`, `right`: a small button in that lower corner shows visitors the spoken code",
    )
    keep_days: int = _option(
        30, "number", "days after its end at which a session is removed", sent=False
    )
    keep_mb: int = _option(
        0,
        "count",
        "megabytes of finished recordings kept, the oldest without flags go first; 0: no limit",
        sent=False,
    )
    assets_mb: int = _option(
        200, "number", "megabytes of style sheets, fonts and images kept", sent=False
    )

    def to_json(self) -> dict[str, Any]:
        """Return what differs from the defaults, for the store."""
        usual = asdict(SiteOptions())
        return {name: value for name, value in asdict(self).items() if value != usual[name]}

    def for_browser(self) -> dict[str, Any]:
        """Return what differs from the defaults and concerns the browser."""
        sent = {one.name for one in fields(self) if one.metadata["sent"]}
        return {name: value for name, value in self.to_json().items() if name in sent}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> SiteOptions:
        """Return stored options; those that this version does not know are left out."""
        known = {one.name for one in fields(cls)}
        kept: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value
            for name, value in values.items()
            if name in known
        }
        return cls(**kept)

    def changed(self, given: Iterable[str]) -> SiteOptions:
        """
        Return these options with each `name=value` of *given*; an empty value is the default.

        Raise UserError, naming all that is wrong.
        """
        values: dict[str, Any] = {}
        wrong: list[str] = []
        for text in given:
            name, equals, value = text.partition("=")
            try:
                if not equals:
                    raise ValueError("write name=value")
                values[name] = _read(name, value.strip())
            except ValueError as error:
                wrong.append(f"{text}: {error}")
        if wrong:
            raise UserError("\n".join(wrong))
        return replace(self, **values)


def shown(value: object) -> str:
    """Return *value* as `name=value` takes it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return ",".join(map(str, value)) if isinstance(value, tuple) else str(value)


def _read(name: str, value: str) -> object:
    """Return the value of option *name* that *value* writes. Raise ValueError with what to write."""
    declared = {one.name: one for one in fields(SiteOptions)}
    one = declared.get(name)
    if one is None:
        near = difflib.get_close_matches(name, declared, 1)
        hint = f"Did you mean '{near[0]}'?" if near else f"There are {', '.join(declared)}."
        raise ValueError(f"there is no option '{name}'. {hint}")
    if not value:
        return one.default
    if one.metadata["kind"] == "selector":
        return _selector(value, shows=name == "unmask")
    return _VALUES[one.metadata["kind"]](value)


def _switch(value: str) -> bool:
    if value not in ("true", "false"):
        raise ValueError("write true or false")
    return value == "true"


def _number(value: str) -> int:
    if not re.fullmatch(r"[1-9]\d{0,5}", value):
        raise ValueError("write a whole number from 1 to 999999")
    return int(value)


def _count(value: str) -> int:
    return 0 if value == "0" else _number(value)


def _corner(value: str) -> str:
    if value not in ("none", "left", "right"):
        raise ValueError("write none, left or right")
    return value


def _images(value: str) -> str:
    if value not in ("allow", "capture", "placeholder"):
        raise ValueError("write allow, capture or placeholder")
    return value


def _selector(value: str, *, shows: bool) -> str:
    """Refuse what no browser could take: it would mask nothing, unnoticed."""
    if len(value) > SELECTOR_MAX:
        raise ValueError(f"a selector list has at most {SELECTOR_MAX} characters")
    if re.search(r"[{}<;@\x00-\x1f]", value):
        raise ValueError("that is no CSS selector. Write e.g. .price, #summary td")
    for opening, closing in ("()", "[]"):
        if value.count(opening) != value.count(closing):
            raise ValueError(f"a '{opening}' or '{closing}' has no partner")
    if any(not part.strip() for part in value.split(",")):
        raise ValueError("a selector between two commas is empty")
    check(value, shows=shows)
    return value


def _list(value: str, pattern: re.Pattern[str], example: str) -> tuple[str, ...]:
    parts = tuple(dict.fromkeys(part.strip() for part in value.split(",")))
    if len(parts) > LIST_MAX:
        raise ValueError(f"at most {LIST_MAX} entries")
    for part in parts:
        if not pattern.fullmatch(part):
            raise ValueError(f"'{part}' is none. Write e.g. {example}")
    return parts


_VALUES: dict[str, Callable[[str], object]] = {
    "switch": _switch,
    "number": _number,
    "count": _count,
    "allow|capture|placeholder": _images,
    "none|left|right": _corner,
    "names": lambda value: _list(value, _PARAM, "q,page"),
    "origins": lambda value: _list(value, _ORIGIN, "https://pay.example.org"),
}
