"""
Masks a recording that another tool made as the site's preset says (docs/privacy.md), before it is kept.

What nobody released is masked; names of attributes stay, and what draws the page. Of plugins and
custom events nothing is kept but what is Stolper's own.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

import orjson

from replay.derived.attributes import (
    CLEAR,
    DROPPED,
    HASHED,
    NAMES,
    PERSONAL,
    PLAIN,
    RELEASED,
    SHAPES,
    URLS,
)
from replay.derived.elements import TEXT, element_of, tag_of
from replay.derived.policy import Policy, mask
from replay.mirror import CUSTOM, Mirror, MirrorFull
from replay.nodes import Node
from replay.shape import (
    ADOPTED_SHEET,
    FULL_SNAPSHOT,
    INCREMENTAL,
    INPUT,
    META,
    MUTATION,
    STYLE_DECLARATION,
    STYLE_RULE,
)

Data = dict[str, Any]

CANVAS, PLUGIN = 9, 6
OURS = frozenset(["stolper.canvas"])

_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
_STRING = re.compile(r"""((?:content|quotes)\s*:[^;}]*)""", re.IGNORECASE)
_QUOTED = re.compile(r"\"((?:[^\"\\]|\\.)*)\"|'((?:[^'\\]|\\.)*)'")
_URL = re.compile(r"url\(\s*(['\"]?)([^'\")]*)\1\s*\)", re.IGNORECASE)
_WORDS = re.compile(r"\\.|[^\W_]{2,}")


class Masker:
    """Masks one document's events, in order."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self._mirror = Mirror()

    def masked(self, events: Iterable[Data]) -> Iterator[Data]:
        """Give *events* as they may be kept; what may not be is left out. *events* stay as they are."""
        for event in events:
            try:
                self._mirror.apply(event)
            except MirrorFull:
                self._mirror = Mirror()
            kept = self._event(event)
            if kept is not None:
                yield kept

    def _event(self, event: Data) -> Data | None:
        kind, data = event["type"], event.get("data")
        if kind == PLUGIN or (kind == CUSTOM and not self._is_ours(data)):
            return None
        if kind == META:
            href = event["data"].get("href")
            shown = self._policy.url(href, told=True) if isinstance(href, str) else ""
            size = {name: event["data"][name] for name in ("width", "height")}
            return {**event, "data": {"href": shown, **size}}
        if kind == FULL_SNAPSHOT:
            node = self._tree(event["data"]["node"])
            return {**event, "data": {**event["data"], "node": node}}
        if kind == INCREMENTAL:
            changed = self._change(event["data"])
            return None if changed is None else {**event, "data": changed}
        return {"type": kind, "data": {}, "timestamp": event["timestamp"]} if kind < 2 else event

    def _is_ours(self, data: Any) -> bool:
        shown = self._policy.trusted or self._policy.preset == "open"
        return isinstance(data, dict) and data.get("tag") in OURS and shown

    def _change(self, data: Data) -> Data | None:
        source = data["source"]
        if source == MUTATION:
            return {
                **data,
                "texts": [self._text(one) for one in data["texts"]],
                "attributes": [self._attributes(one) for one in data["attributes"]],
                "adds": [{**one, "node": self._tree(one["node"])} for one in data["adds"]],
            }
        if source == INPUT:
            node = element_of(self._mirror.nodes.get(data["id"]))
            text = self._policy.value(data["text"], node) if node is not None else ""
            return {**data, "text": text}
        if source == CANVAS:
            return data if self._policy.trusted or self._policy.preset == "open" else None
        if source in (STYLE_RULE, STYLE_DECLARATION, ADOPTED_SHEET):
            return self._sheet(data)
        return data

    def _text(self, one: Data) -> Data:
        node = self._mirror.nodes.get(one["id"])
        value = one.get("value")
        if not isinstance(value, str):
            return one
        parent = element_of(node.parent) if node is not None else None
        return {**one, "value": self._said(value, parent)}

    def _said(self, value: str, parent: Node | None) -> str:
        if parent is not None and tag_of(parent) == "style":
            return self.css(value)
        return self._policy.text(value, parent)

    def _attributes(self, one: Data) -> Data:
        node = self._mirror.nodes.get(one["id"])
        told = one["attributes"].items()
        return {**one, "attributes": {name: self.value(node, name, value) for name, value in told}}

    def _tree(self, told: Data) -> Data:
        """Return a copy of the node *told*, and all in it, as it may be kept."""
        top = self._node(told)
        open_ = [(top, told)]
        while open_:
            copy, text = open_.pop()
            if "childNodes" not in text:
                continue
            node = self._mirror.nodes.get(text["id"])
            if node is not None and text["type"] != 0 and self._policy.blocked(node):
                copy["childNodes"] = []
                continue
            copy["childNodes"] = [self._node(child) for child in text["childNodes"]]
            open_.extend(zip(copy["childNodes"], text["childNodes"], strict=True))
        return top

    def _node(self, told: Data) -> Data:
        node = self._mirror.nodes.get(told["id"])
        copy = {name: value for name, value in told.items() if name != "childNodes"}
        if told["type"] == 2:
            copy["attributes"] = {
                name: self.value(node, name, value) for name, value in told["attributes"].items()
            }
        elif "textContent" in told:
            text = told.get("textContent")
            parent = element_of(node.parent) if node is not None else None
            is_text = told["type"] == TEXT and isinstance(text, str)
            copy["textContent"] = self._said(text, parent) if is_text and text else ""
        return copy

    def value(self, node: Node | None, raw: str, value: Any) -> Any:
        """Return the *value* of attribute *raw* of *node* as it may be kept."""
        name = raw.lower()
        if isinstance(value, dict):  # declarations of a style
            return {key: self._declared(one) for key, one in value.items()}
        if not isinstance(value, str):
            return (
                value if name in CLEAR or not isinstance(value, int | float) or value is True else 0
            )
        if not value:
            return value
        if DROPPED.fullmatch(name):
            return ""
        tag = tag_of(node) if node is not None else ""
        if name == "value" and tag in ("input", "textarea", "select") and node is not None:
            return self._policy.value(value, node)
        if name in ("style", "_csstext"):
            return self.css(value)
        if name in ("srcset", "imagesrcset"):
            return ", ".join(self._candidate(one) for one in re.split(r",\s+", value))
        if name == "rr_dataurl":
            return value if self._policy.trusted or self._policy.preset == "open" else ""
        if name in URLS and not (name == "data" and tag != "object"):
            return self._address(value, told=name == "href" and tag in ("a", "area"))
        if self._policy.trusted:
            return value
        return self._plain(node, tag, name, value)

    def _plain(self, node: Node | None, tag: str, name: str, value: str) -> str:
        if name in CLEAR:
            return value if name in SHAPES or PLAIN.fullmatch(value) else mask(value)
        if name in NAMES:
            return "".join(_token(one, name) for one in re.split(r"(\s+)", value))
        if self._policy.preset_at(node) == "open":
            return (
                self._policy.url(value) if re.match(r"(https?:)?//\S+$|/\S*[?#]", value) else value
            )
        if name in RELEASED or (tag == "button" and name == "value"):
            return value if self._policy.releases(value, node) else mask(value)
        return mask(value)

    def _candidate(self, text: str) -> str:
        url, *rest = text.strip().split()[:2] or [""]
        return " ".join(
            [self._address(url), *(one for one in rest if re.fullmatch(r"[\d.]+[wxh]", one))]
        )

    def _address(self, url: str, *, told: bool = False) -> str:
        if url[:5].lower() != "data:":
            return self._policy.url(url, told=told)
        if self._policy.trusted or self._policy.preset == "open":
            return url
        picture = re.match(r"data:image/(?!svg)", url, re.IGNORECASE)
        return url if picture and self._policy.preset == "standard" else "data:,"

    # Style sheets

    def _declared(self, value: Any) -> Any:
        if isinstance(value, str):
            return self.css(value, whole=False)
        if isinstance(value, list):
            return [self._declared(one) for one in value]
        return value

    def _sheet(self, data: Data) -> Data:
        """Return *data* with its style texts masked."""
        made = {**data}
        for name in ("replace", "replaceSync"):
            if isinstance(made.get(name), str):
                made[name] = self.css(made[name])
        if isinstance(made.get("adds"), list):
            made["adds"] = [self._rule(one) for one in made["adds"]]
        if isinstance(made.get("styles"), list):
            made["styles"] = [
                {**one, "rules": self._rules(one.get("rules"))} for one in made["styles"]
            ]
        if isinstance(made.get("set"), dict) and isinstance(made["set"].get("value"), str):
            made["set"] = {**made["set"], "value": self.css(made["set"]["value"], whole=False)}
        return made

    def _rules(self, rules: Any) -> Any:
        if isinstance(rules, str):
            try:
                rules = orjson.loads(rules)
            except orjson.JSONDecodeError:
                return []
        return [self._rule(one) for one in rules] if isinstance(rules, list) else []

    def _rule(self, one: Any) -> Any:
        if isinstance(one, dict) and isinstance(one.get("rule"), str):
            return {**one, "rule": self.css(one["rule"])}
        return one

    def css(self, text: str, *, whole: bool = True) -> str:
        """Return the style *text* without comments, with its strings masked and its addresses cleaned."""
        text = _URL.sub(lambda url: f'url("{self._address(url[2])}")', _COMMENT.sub("", text))
        if self._policy.trusted or self._policy.preset == "open":
            return text
        if whole:
            return _STRING.sub(lambda said: _QUOTED.sub(_masked_string, said[1]), text)
        return _QUOTED.sub(_masked_string, text) if "url(" not in text else text


def _masked_string(said: re.Match[str]) -> str:
    sign = said[0][0]
    inner = said[1] if said[1] is not None else said[2]
    return (
        sign + _WORDS.sub(lambda one: one[0] if one[0][0] == "\\" else mask(one[0]), inner) + sign
    )


def _token(text: str, name: str) -> str:
    hashed = name == "class" and HASHED.fullmatch(text)
    return mask(text) if PERSONAL.search(text) and not hashed else text
