"""
Checks CSS selectors as an owner writes them, before browsers get them.

A browser that cannot read a selector has to hide everything; so what no browser can read, and what
would match nothing, is refused while somebody is there to mend it.
"""

from __future__ import annotations

import difflib
import re

_NAME = r"(?:[\w-]|[^\x00-\x7f]|\\.)+"
_STRING = r"\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*'"
_ATTRIBUTE = re.compile(
    rf"\[\s*(?:[\w-]*\|)?{_NAME}\s*(?:[~|^$*]?=\s*(?:{_STRING}|{_NAME})\s*(?:\s[iIsS]\s*)?)?\]"
)
_SIMPLE = re.compile(rf"[.#]{_NAME}|{_NAME}|\*|&")
_PSEUDO = re.compile(r"(::?)([a-zA-Z-]+)(\()?")
_COMBINATOR = re.compile(r"\s*[>+~]\s*|\s+")

_STATES = frozenset(
    [
        "active",
        "any-link",
        "autofill",
        "checked",
        "default",
        "defined",
        "disabled",
        "empty",
        "enabled",
        "first-child",
        "first-of-type",
        "focus",
        "focus-visible",
        "focus-within",
        "fullscreen",
        "hover",
        "in-range",
        "indeterminate",
        "invalid",
        "last-child",
        "last-of-type",
        "link",
        "modal",
        "only-child",
        "only-of-type",
        "open",
        "optional",
        "out-of-range",
        "placeholder-shown",
        "popover-open",
        "read-only",
        "read-write",
        "required",
        "root",
        "target",
        "user-invalid",
        "user-valid",
        "valid",
        "visited",
    ]
)
_OF_SELECTORS = frozenset(["is", "where", "not", "has"])
_OF_TEXT = frozenset(
    ["lang", "dir", "state", "nth-child", "nth-last-child", "nth-of-type", "nth-last-of-type"]
)
_OLD_ELEMENTS = frozenset(["before", "after", "first-line", "first-letter"])


def check(text: str, *, shows: bool = False) -> None:
    """
    Raise ValueError, with what to write, if the selector list *text* is none.

    *shows*: it releases what it matches, so it may not end in `*`: that would release each field.
    """
    at = _list(text, 0, shows)
    if at < len(text):
        raise ValueError(f"'{text[at:][:20]}' has no place in a selector")


def _list(text: str, at: int, shows: bool, *, relative: bool = False) -> int:
    """Read a selector list from *at* on, up to its end or a closing parenthesis."""
    while True:
        at = _complex(text, at, shows, relative)
        if text[at : at + 1] != ",":
            return at
        at += 1


def _complex(text: str, at: int, shows: bool, relative: bool) -> int:
    at = _skip(text, at)
    if relative and text[at : at + 1] in (">", "+", "~"):
        at = _skip(text, at + 1)
    while True:
        start = at
        at, special = _compound(text, at)
        between = _COMBINATOR.match(text, at)
        if between is None or text[between.end() : between.end() + 1] in ("", ",", ")"):
            if between is not None and between[0].strip():
                raise ValueError(f"'{between[0].strip()}' has nothing behind it")
            if shows and not special:
                raise ValueError(
                    f"'{text[start:at]}' would show every field there; name what it is to show"
                )
            return _skip(text, at)
        at = between.end()


def _skip(text: str, at: int) -> int:
    return len(text) - len(text[at:].lstrip())


def _compound(text: str, at: int) -> tuple[int, bool]:
    """Read what stands for one element; say also whether it names more than any element."""
    start, special = at, False
    while at < len(text):
        if found := _SIMPLE.match(text, at) or _ATTRIBUTE.match(text, at):
            if at > start and found[0][0] not in ".#[":
                break  # the name of a tag stands first
            special = special or found[0] not in ("*", "&")
            at = found.end()
        elif found := _PSEUDO.match(text, at):
            at = _pseudo(text, found)
        else:
            break
    if at == start:
        found_there = text[at : at + 20] or "the end"
        raise ValueError(
            f"a selector is expected at '{found_there}'. Write e.g. .price, #summary td"
        )
    return at, special


def _pseudo(text: str, found: re.Match[str]) -> int:
    """Read a pseudo-class, which *found* begins."""
    colons, name, opens = found[1], found[2].lower(), found[3]
    if colons == "::" or name in _OLD_ELEMENTS:
        raise ValueError(f"'{colons}{name}' is no element of the page; it would match nothing")
    if opens and name in _OF_SELECTORS:
        at = _list(text, found.end(), shows=False, relative=name == "has")
    elif opens and name in _OF_TEXT:
        closing = text.find(")", found.end())
        at = len(text) if closing < 0 else closing
    elif not opens and name in _STATES:
        return found.end()
    else:
        known = sorted(_STATES | _OF_SELECTORS | _OF_TEXT)
        near = difflib.get_close_matches(name, known, 1)
        hint = f". Did you mean ':{near[0]}'?" if near and near[0] != name else ""
        raise ValueError(f"':{name}{'()' if opens else ''}' is no state that browsers know{hint}")
    if text[at : at + 1] != ")":
        raise ValueError(f"':{name}(' is not closed")
    return at + 1
