"""
Paths: a graph of what sessions did after, or before, a place of their way. Pure but for asking the store.

Owns how ways become layers of nodes with edges between them, each with what lists its sessions; and the ways
of a session itself.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from core.model import Session, StoredBatch
from core.search import Document
from core.ways import (
    ANY,
    COMPLETED,
    END,
    FIRST,
    KIND,
    LAST,
    LEFT,
    WENT,
    Spot,
    base_of,
    general,
    kind_of,
    way_of,
)
from detector.judging import in_order

Pair = tuple[str, str]

OTHERS = ""
"""The stop of a node that stands for all stops of a layer that are not drawn by themselves."""


def with_ways(document: Document, session: Session, batches: Sequence[StoredBatch]) -> Document:
    """Return *document*, which has its walks, with the ways of its *session*: over pages, and through processes."""
    ended = session.ended_ms is not None
    pages = (
        general(event.get("path") or "") for event in in_order(batches) if event["type"] == "page"
    )
    terms = [(KIND, way_of(pages, END if ended else None))]
    for walk in document.walks:
        end = COMPLETED if walk.completed_ms is not None else LEFT if ended else None
        terms.append((kind_of(walk.process), way_of(walk.stops, end)))
    return replace(document, terms=(*document.terms, *(one for one in terms if one[1])))


@dataclass(frozen=True, slots=True)
class Asked:
    """
    What is to be drawn: *depth* stops behind *since* (before it, if *back*), of each layer the *most* frequent.

    *since* is a stop, or FIRST or LAST. *process* is empty for pages.
    """

    since: str = FIRST
    back: bool = False
    depth: int = 4
    most: int = 6
    process: str = ""

    def spot(self, layer: int, stop: str) -> Spot:
        """Return the place of a way that is *stop* in *layer*."""
        return Spot(self.since, -layer if self.back else layer, stop, self.process)


@dataclass(frozen=True, slots=True)
class Edge:
    """How many *sessions* went from one node to *stop* in the next layer; *pairs* list them."""

    stop: str
    sessions: int
    pairs: tuple[Pair, ...]


@dataclass(frozen=True, slots=True)
class Node:
    """A stop in a layer: its *sessions*, what lists them, and the *edges* from it to the layer after it, most first."""

    stop: str
    sessions: int
    pairs: tuple[Pair, ...]
    edges: tuple[Edge, ...]


@dataclass(frozen=True, slots=True)
class Graph:
    """
    Layers of nodes: the first is what it is counted from. With `back` each lies before the one in front of it.

    *sessions* were there at all; *stops* are the stops of all ways, with their sessions, most first.
    """

    sessions: int
    layers: tuple[tuple[Node, ...], ...]
    stops: tuple[tuple[str, int], ...]


def graph(ways: Iterable[tuple[str, int]], asked: Asked) -> Graph:
    """Return what *ways* (each with its sessions) come to."""
    rows: Counter[tuple[str, ...]] = Counter()
    stops: Counter[str] = Counter()
    for way, sessions in ways:
        told = way.split(" ")
        for stop in {*told}:
            stops[stop] += sessions
        if seen := _seen(told, asked):
            rows[seen] += sessions
    named = [_named(rows, layer, asked.most) for layer in range(asked.depth + 1)]
    layers = [_layer(rows, layer, named, asked) for layer in range(asked.depth + 1)]
    return Graph(
        rows.total(),
        tuple(one for one in layers if one),
        tuple(sorted(stops.items(), key=lambda one: (-one[1], one[0]))),
    )


def _seen(stops: Sequence[str], asked: Asked) -> tuple[str, ...]:
    """Return the stop of each layer that a way has."""
    base = base_of(stops, asked.since, back=asked.back)
    if base is None:
        return ()
    if asked.back:
        return tuple(stops[max(0, base - asked.depth) : base + 1][::-1])
    return tuple(stops[base : base + asked.depth + 1])


def _named(rows: Counter[tuple[str, ...]], layer: int, most: int) -> frozenset[str]:
    """Return the stops of *layer* that get nodes of their own: the most frequent, and all ends."""
    counts: Counter[str] = Counter()
    for seen, sessions in rows.items():
        if len(seen) > layer:
            counts[seen[layer]] += sessions
    inner = sorted(((-n, stop) for stop, n in counts.items() if not stop.startswith(END)))
    shown = inner[:most] if len(inner) != most + 1 else inner  # "others" of one would be it
    return frozenset(
        [*(stop for _, stop in shown), *(stop for stop in counts if stop.startswith(END))]
    )


def _layer(
    rows: Counter[tuple[str, ...]], layer: int, named: Sequence[frozenset[str]], asked: Asked
) -> tuple[Node, ...]:
    counts: Counter[str] = Counter()
    edges: dict[str, Counter[str]] = {}
    for seen, sessions in rows.items():
        if len(seen) <= layer:
            continue
        stop = _called(seen[layer], named[layer])
        counts[stop] += sessions
        if len(seen) > layer + 1:
            to = _called(seen[layer + 1], named[layer + 1])
            edges.setdefault(stop, Counter())[to] += sessions

    def pairs(at: int, stop: str) -> Iterator[Pair]:
        if stop != OTHERS:
            yield WENT, asked.spot(at, stop).text
            return
        yield WENT, asked.spot(at, ANY).text
        for one in sorted(named[at]):
            yield f"not_{WENT}", asked.spot(at, one).text

    return tuple(
        Node(
            stop,
            sessions,
            tuple(pairs(layer, stop)),
            tuple(
                Edge(to, some, (*pairs(layer, stop), *pairs(layer + 1, to)))
                for to, some in _sorted(edges.get(stop, Counter()))
            ),
        )
        for stop, sessions in _sorted(counts)
    )


def _called(stop: str, named: frozenset[str]) -> str:
    return stop if stop in named else OTHERS


def _sorted(counts: Counter[str]) -> list[tuple[str, int]]:
    """Return *counts*, most first, what stands for several and ends last."""
    return sorted(
        counts.items(), key=lambda one: (one[0].startswith(END), one[0] == OTHERS, -one[1], one[0])
    )


__all__ = [
    "FIRST", "LAST", "OTHERS", "Asked", "Edge", "Graph", "Node", "graph", "with_ways",
]  # fmt: skip
