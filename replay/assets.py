"""
Puts back what a recording names by its hash: style texts, and the addresses of kept fonts and
pictures. What is not there any more becomes a gap with a name, and the rest plays.

Events are a stranger's: how much is put back is bounded, and nothing is looked up that is no hash.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import orjson

from core.errors import StoreError
from core.places import INCREMENTAL, Place, elements, style_places
from core.store import AssetStore

MAX_BYTES = 64 * 1024 * 1024
"""Most characters of style texts that are put back into one document's recording."""

MOST_KEPT = 2_000
"""Most fonts and pictures that one document's recording may name."""

MOST_TEXTS = 2_000
"""Most style texts that one document's recording may name: each is a look into the store."""

MAX_RULE_VALUES = 4_000_000
"""Most JSON values in the rules of adopted sheets, which stand in texts; see MAX_CHUNK_VALUES."""

MOST_REDIRECTED = 100_000
"""Most addresses that are put in place of URLs: each is longer than the URL may be."""

TAG = "stolper.asset"
"""The custom event that says under which hash the content of a URL is kept."""

SIZES = "stolper.sizes"
"""The custom event that tells the sizes of pictures that are not kept, by node."""

CUSTOM = 5
NO_NODE = -1
_HASH = re.compile(r"[0-9a-f]{32}")
_URL = re.compile(r'url\("([^"\\]*)"\)')
_LINKED = ("src", "srcset", "poster", "href", "xlink:href", "style", "background")

Address = Callable[[str], str]
"""From an asset's hash to the address at which the player finds it."""


@dataclass(slots=True)
class Named:
    """What events name by hash. *missing* holds hash and time of what could not be put back."""

    texts: list[tuple[Place, str, float]] = field(default_factory=list)
    kept: dict[str, str] = field(default_factory=dict)  # URL to hash
    nodes: dict[int, str] = field(default_factory=dict)  # picture element to hash
    sizes: dict[int, tuple[int, int]] = field(default_factory=dict)
    missing: list[tuple[str, float]] = field(default_factory=list)
    values_left: int = MAX_RULE_VALUES


def named_in(events: list[dict[str, Any]]) -> Named:
    """Return what *events* name by hash, and take out the events that only do so."""
    named = Named()
    others = []
    for event in events:
        if event.get("type") == CUSTOM and _note(event["data"], named):
            continue
        others.append(event)
        for holder, key in style_places(event):
            value = holder.get(key)
            if (name := _hash_of(value)) is not None:
                named.texts.append(((holder, key), name, float(event["timestamp"])))
            elif key == "rules" and isinstance(value, str):
                holder[key] = _rules(value, named)
    events[:] = others
    return named


async def put_back(store: AssetStore, site: str, named: Named) -> None:
    """Put the style texts that *named* lists into their events; list what is missing."""
    texts: dict[str, str | None] = {}
    left = MAX_BYTES
    for (holder, key), name, at_ms in named.texts:
        if name not in texts:
            texts[name] = await _text(store, site, name) if len(texts) < MOST_TEXTS else None
        text = texts[name]
        if text is None or len(text) > left:
            named.missing.append((name, at_ms))
            text = ""
        left -= len(text)
        holder[key] = _rules(text, named) if key == "rules" else text


def redirect(events: list[dict[str, Any]], named: Named, address: Address) -> None:
    """Let *events* refer to kept fonts and pictures at their *address*; give others their size."""
    if not (named.kept or named.nodes or named.sizes):
        return
    kept = {url: address(name) for url, name in named.kept.items()}
    left = MOST_REDIRECTED

    def found(url: str) -> str | None:
        nonlocal left
        if url not in kept or left <= 0:
            return None
        left -= 1
        return kept[url]

    def in_css(match: re.Match[str]) -> str:
        there = found(match[1])
        return f'url("{there}")' if there else match[0]

    for event in events:
        for holder, key in style_places(event):
            text = holder.get(key)
            if isinstance(text, str) and "url(" in text:
                holder[key] = _URL.sub(in_css, text)
        for node, attributes in _attributes(event):
            _give_size(attributes, named, node)
            _redirect_links(attributes, found, in_css)
            if node in named.nodes and "src" in attributes:
                attributes["src"] = address(named.nodes[node])


def _attributes(event: dict[str, Any]) -> Iterator[tuple[int, dict[str, Any]]]:
    """Give node and attributes of every element that *event* brings or changes."""
    for node in elements(event):
        attributes = node.get("attributes")
        if isinstance(attributes, dict):
            id_ = node.get("id")  # not checked in what stands in a text
            yield id_ if isinstance(id_, int) else NO_NODE, attributes
    changed = event["data"].get("attributes") if event.get("type") == INCREMENTAL else None
    for one in changed if isinstance(changed, list) else ():
        if isinstance(one.get("attributes"), dict):
            yield NO_NODE if "src" not in one["attributes"] else one["id"], one["attributes"]


def _give_size(attributes: dict[str, Any], named: Named, node: int) -> None:
    """Give an element whose picture is not kept its size, so that the page keeps its shape."""
    size = named.sizes.get(node)
    src = attributes.get("src")
    if size is None or node in named.nodes or (isinstance(src, str) and src in named.kept):
        return
    if "src" in attributes or "srcset" in attributes:
        attributes["rr_width"], attributes["rr_height"] = (f"{px}px" for px in size)


def _redirect_links(
    attributes: dict[str, Any],
    found: Callable[[str], str | None],
    in_css: Callable[[re.Match[str]], str],
) -> None:
    for name in _LINKED:
        value = attributes.get(name)
        if not isinstance(value, str):
            continue
        if name == "style":
            attributes[name] = _URL.sub(in_css, value)
        elif name == "srcset":
            # The candidate that was shown is kept, others are not: it becomes the only one.
            shown = (found(part.strip().split(" ")[0]) for part in value.split(", "))
            if there := next((one for one in shown if one), None):
                attributes[name] = ""
                attributes["src"] = there
        elif there := found(value):
            attributes[name] = there


def _note(data: Any, named: Named) -> bool:
    """Take over what a custom event of ours says; False if it is none."""
    payload = data.get("payload") if isinstance(data, dict) else None
    if not isinstance(payload, dict) or data.get("tag") not in (TAG, SIZES):
        return False
    if data["tag"] == SIZES:
        for node, size in list(payload.items())[:MOST_KEPT]:
            if re.fullmatch(r"\d{1,9}", node) and _is_size(size) and len(named.sizes) < MOST_KEPT:
                named.sizes[int(node)] = (size[0], size[1])
        return True
    url, node, name = payload.get("url"), payload.get("node"), _hash_of(payload.get("asset"))
    if name is None or len(named.kept) + len(named.nodes) >= MOST_KEPT:
        return True
    if isinstance(url, str):
        named.kept[url] = name
    elif type(node) is int:
        named.nodes[node] = name
    return True


def _rules(text: str, named: Named) -> list[dict[str, Any]]:
    """
    Return the rules of an adopted sheet, which stand in one JSON text; none if it is broken, or
    too much with those that *named* has paid for.
    """
    named.values_left -= text.count(",") + text.count("[") + text.count("{") + 1
    if named.values_left < 0:
        return []
    try:
        rules = orjson.loads(text)
    except orjson.JSONDecodeError:
        return []
    return [one for one in rules if isinstance(one, dict)] if isinstance(rules, list) else []


def _is_size(value: Any) -> bool:
    return (
        isinstance(value, list)
        and len(value) == 2
        and all(type(px) is int and 0 <= px <= 100_000 for px in value)
    )


def _hash_of(value: Any) -> str | None:
    name = value.get("sha256") if isinstance(value, dict) else None
    return name if isinstance(name, str) and _HASH.fullmatch(name) else None


async def _text(store: AssetStore, site: str, name: str) -> str | None:
    try:
        found = await store.asset(site, name)
    except StoreError:
        return None
    return found.content.decode("utf-8", "replace") if found else None
