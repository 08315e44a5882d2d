"""
Texts and targets against patterns: globs, selectors, RE2.

Owns matching in linear time, remembered per value. Selectors are matched on the target's
recorded ancestor path, so they also work on history; what the path cannot tell is refused.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

_REMEMBERED = 4096
"""Page and target values repeat; this many results per pattern cover a busy site."""

MAX_SELECTOR = 300
"""Characters; what a person picks or writes is far shorter."""

_TARGETS = 512
"""Targets whose slim form is remembered: those of the batches that are judged just now."""

_COMPOUND = re.compile(
    r"""(?P<tag>\*|[a-zA-Z][\w-]*)?(?P<rest>(?:\#[\w-]+|\.[\w-]+|
    \[\s*[\w-]+\s*(?:~?=\s*(?:"[^"]*"|'[^']*'|[\w./:-]+)\s*)?\])*)""",
    re.VERBOSE,
)
_PART = re.compile(
    r"""\#(?P<id>[\w-]+)|\.(?P<cls>[\w-]+)|
    \[\s*(?P<attr>[\w-]+)\s*(?:(?P<op>~?=)\s*(?P<value>"[^"]*"|'[^']*'|[\w./:-]+)\s*)?\]""",
    re.VERBOSE,
)
_ATTRIBUTES = {
    "id": "id",
    "role": "role",
    "type": "type",
    "data-stolper": "stolper",
    "data-stolper-ignore": "ignore",
    "data-test": "test",
    "data-testid": "test",
    "data-test-id": "test",
    "data-cy": "test",
    "test": "test",
}
"""Attributes that the path of a target keeps, with its name for them."""


class Remembered:
    """A test of texts, false for all else, whose last results are *known*."""

    __slots__ = ("_test", "known")

    def __init__(self, test: Callable[[str], bool]) -> None:
        self._test = test
        self.known: dict[Any, bool] = {None: False}

    def __call__(self, value: Any) -> bool:
        if value.__class__ is not str:
            return False
        found = self.known.get(value)
        if found is None:
            if len(self.known) >= _REMEMBERED:
                self.known.clear()
            found = self.known[value] = self._test(value)
        return found


def remembered(test: Callable[[str], bool]) -> Callable[[Any], bool]:
    """Return *test*, false for all but texts, with its last results remembered."""
    return Remembered(test)


def glob(patterns: Sequence[str]) -> Callable[[Any], bool]:
    """Return a test whether a text fits one of *patterns* (* anything, ? one character)."""
    parts = [_glob_parts(pattern) for pattern in patterns]

    def fits(value: str) -> bool:
        return any(_fits(part, value) for part in parts)

    return remembered(fits)


def _glob_parts(pattern: str) -> tuple[str, ...]:
    return tuple(re.sub(r"\*+", "*", pattern).split("*"))


def _fits(parts: tuple[str, ...], text: str) -> bool:
    """Match the pieces between stars greedily from the left: linear, no backtracking."""
    if len(parts) == 1:
        return _piece_at(parts[0], text, 0) and len(parts[0]) == len(text)
    head, *middle, tail = parts
    if len(head) + len(tail) > len(text) or not _piece_at(head, text, 0):
        return False
    if not _piece_at(tail, text, len(text) - len(tail)):
        return False
    at, end = len(head), len(text) - len(tail)
    for piece in middle:
        at = _find(piece, text, at, end)
        if at < 0:
            return False
        at += len(piece)
    return True


def _piece_at(piece: str, text: str, at: int) -> bool:
    if "?" not in piece:
        return text.startswith(piece, at)
    part = text[at : at + len(piece)]
    return len(part) == len(piece) and all(p in ("?", c) for p, c in zip(piece, part, strict=True))


def _find(piece: str, text: str, start: int, end: int) -> int:
    if "?" not in piece:
        return text.find(piece, start, end)
    for at in range(start, end - len(piece) + 1):
        if _piece_at(piece, text, at):
            return at
    return -1


def regex(pattern: str) -> Callable[[Any], bool]:
    """
    Return a test whether a text matches *pattern* somewhere, in linear time.

    Raise ImportError when google-re2 is not installed, ValueError when RE2 cannot read it.
    """
    import re2

    options = re2.Options()
    options.log_errors = False
    try:
        compiled = re2.compile(pattern, options=options)
    except re2.error as error:
        raise ValueError(_text(error)) from None
    return remembered(lambda value: compiled.search(value) is not None)


def _text(error: Exception) -> str:
    raw: object = error.args[0] if error.args else error
    return raw.decode("utf-8", "replace") if isinstance(raw, bytes) else str(raw)


class BadSelector(ValueError):
    """The selector asks for what a target's path cannot tell. The text says what."""


@dataclass(frozen=True, slots=True)
class _Compound:
    tag: str | None
    tests: tuple[tuple[str, str, str], ...]  # (has | is | word, name in the path, value)


@dataclass(frozen=True, slots=True)
class _Chain:
    """Compounds from the target outwards; *child* says that the next must be the parent."""

    compounds: tuple[_Compound, ...]
    child: tuple[bool, ...]


def parse_selector(text: str) -> _Chain:
    """
    Return *text*, a CSS selector of tags, ids, classes, a few attributes, and the
    descendant and child combinators. Raise BadSelector for anything more.
    """
    compounds: list[_Compound] = []
    child: list[bool] = []
    rest = text.strip()
    if not rest:
        raise BadSelector("it is empty. Write e.g. '#pay' or '.stepper button'")
    if len(rest) > MAX_SELECTOR:
        raise BadSelector(f"it is longer than {MAX_SELECTOR} characters. Leave out ancestors")
    while rest:
        found = _COMPOUND.match(rest)
        if found is None or not found.group():
            raise BadSelector(_why_not(rest))
        compounds.append(_compound(found))
        rest = rest[found.end() :]
        if not rest:
            break
        combinator = re.match(r"\s*>\s*|\s+", rest)
        if combinator is None or not rest[combinator.end() :]:
            raise BadSelector(_why_not(rest.strip()))
        child.append(">" in combinator.group())
        rest = rest[combinator.end() :]
    return _Chain(tuple(reversed(compounds)), tuple(reversed(child)))


def _why_not(rest: str) -> str:
    reasons = {
        ":": "pseudo-classes need the live page; a target's path has tag, id, classes and attributes",
        "+": "siblings are not recorded; use the ancestors (space or >)",
        "~": "siblings are not recorded; use the ancestors (space or >)",
        ",": 'write alternatives as a list: ["#a", "#b"]',
        "[": "only [attr], [attr=value] and [attr~=word] are known",
    }
    return reasons.get(rest[:1], f"'{rest[:20]}' is not understood")


def _compound(found: re.Match[str]) -> _Compound:
    tests: list[tuple[str, str, str]] = []
    for part in _PART.finditer(found["rest"]):
        if part["id"]:
            tests.append(("is", "id", part["id"]))
        elif part["cls"]:
            tests.append(("word", "classes", part["cls"]))
        else:
            name = _ATTRIBUTES.get(part["attr"])
            if name is None:
                known = ", ".join(_ATTRIBUTES)
                raise BadSelector(f"attribute '{part['attr']}' is not recorded; known: {known}")
            value = (part["value"] or "").strip("\"'")
            tests.append(({None: "has", "=": "is", "~=": "word"}[part["op"]], name, value))
    tag = found["tag"]
    return _Compound(None if tag in (None, "*") else tag.lower(), tuple(tests))


def selectors(texts: Sequence[str]) -> Callable[[Any], bool]:
    """Return a test whether a target, or one of its ancestors, fits one of *texts*."""
    chains = [parse_selector(text) for text in texts]
    known: dict[int, tuple[object, bool]] = {}

    def fits(target: Any) -> bool:
        path = target.get("path") if target.__class__ is dict else None
        if not path:
            return False
        # Events of one batch share the path of a target; holding it keeps its id its own.
        entry = known.get(id(path))
        if entry is None or entry[0] is not path:
            if len(known) >= _REMEMBERED:
                known.clear()
            entry = known[id(path)] = (path, any(_chain_fits(c, path) for c in chains))
        return entry[1]

    return fits


def _chain_fits(chain: _Chain, path: Sequence[Mapping[str, Any]]) -> bool:
    """
    Say whether the chain's rightmost compound is the target or one of its ancestors.

    Goes outwards compound by compound with all places that one can stand at, so that a path of
    equal elements, which anyone can send, costs their number and not their combinations.
    """
    places = _places(chain.compounds[0], path, range(len(path)))
    for compound, child in zip(chain.compounds[1:], chain.child, strict=True):
        if not places:
            return False
        above = (at + 1 for at in places) if child else range(places[0] + 1, len(path))
        places = _places(compound, path, above)
    return bool(places)


def _places(
    compound: _Compound, path: Sequence[Mapping[str, Any]], reach: Iterable[int]
) -> list[int]:
    return [at for at in reach if at < len(path) and _element_fits(compound, path[at])]


def _element_fits(compound: _Compound, element: Mapping[str, Any]) -> bool:
    if compound.tag is not None and element.get("tag") != compound.tag:
        return False
    for how, name, wanted in compound.tests:
        value = element.get(name)
        if how == "has":
            if value is None:
                return False
        elif how == "is":
            if value != wanted:
                return False
        elif wanted not in (value if isinstance(value, list) else str(value or "").split()):
            return False
    return True


def ignored_rules(target: Any) -> frozenset[str]:
    """Return the words of data-stolper-ignore on *target* and its ancestors."""
    path = target.get("path") if target.__class__ is dict else None
    words: set[str] = set()
    for element in path or ():
        value = element.get("ignore")
        if value:
            words.update(value if isinstance(value, list) else str(value).split())
    return frozenset(words)


def selector_of(target: Mapping[str, Any]) -> str | None:
    """Return a short CSS selector for *target*, from its path."""
    path = target.get("path") or ()
    parts: list[str] = []
    for element in list(path)[:4]:
        part, unique = _element_text(element)
        parts.insert(0, part)
        if unique:
            break
        if len(parts) == 3:
            break
    return " > ".join(parts) or None


class Slim:
    """
    What is kept of a target: key, label, node and a selector, not its path of ancestors.

    Events of one batch share their targets; the last answers are remembered.
    """

    __slots__ = ("_known",)

    def __init__(self) -> None:
        self._known: dict[int, tuple[object, dict[str, Any]]] = {}

    def __call__(self, target: Any) -> Any:
        """Return *target* as it is kept; what is no target, or slim already, as it is."""
        if target.__class__ is not dict or ("selector" in target and "path" not in target):
            return target
        entry = self._known.get(id(target))
        if entry is None or entry[0] is not target:
            if len(self._known) >= _TARGETS:
                self._known.clear()
            kept = {name: target.get(name) for name in ("key", "label", "node")}
            kept["selector"] = selector_of(target)
            entry = self._known[id(target)] = (target, kept)
        return entry[1]


slim = Slim()


def _element_text(element: Mapping[str, Any]) -> tuple[str, bool]:
    tag = str(element.get("tag") or "*")
    if element.get("id"):
        return f"{tag}#{element['id']}", True
    if element.get("test"):
        return f'{tag}[data-testid="{element["test"]}"]', True
    classes = element.get("classes") or ()
    names = classes if isinstance(classes, list) else str(classes).split()
    return tag + "".join(f".{name}" for name in names[:2]), False


def regex_reason(pattern: str, reason: str) -> str:
    """Return what is wrong with *pattern*, which was refused with *reason*, and what to write."""
    if any(f"\\{digit}" in pattern for digit in range(1, 10)) or "(?P=" in pattern:
        return (
            "this pattern uses a back-reference, which is not supported "
            "(linear-time matching only). Use same_as."
        )
    if any(mark in pattern for mark in ("(?=", "(?!", "(?<=", "(?<!")):
        return (
            "this pattern looks ahead or behind, which is not supported "
            "(linear-time matching only). Use two tests."
        )
    return f"this pattern is not valid: {reason}. Correct it or use glob."
