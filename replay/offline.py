"""
Writes a session as one HTML file that plays by itself: player, recording, events, flags, notes, kept
style sheets, fonts and pictures are in it, and nothing is loaded from anywhere.

Same session, same bytes: no time of making, no name of whoever made it. Recordings come from
strangers: all of it stands in the file as base64, which can end no element, and the file's own policy
lets no script run but the player, and no request leave. Its words are the console's.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import re
import zlib
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass, field
from html import escape
from typing import IO, Any

from core.errors import StoreError
from core.places import style_places
from core.store import Store
from replay import deep
from replay.clip import cut, cut_timeline, in_view
from replay.frames import FrameLink, frame_links, framed
from replay.known import Known
from replay.parts import Part, parts
from replay.recording import LoadRecording, load_recording
from replay.shape import is_interaction
from replay.timeline import inactive_spans

FORMAT = 2
"""Of what stands in the file; its own player reads it."""

SCHEME = "stolper-asset:"
"""In front of the hash of a font or picture where a recording refers to one that is in the file."""

SHARED = "stolper_text"
"""In the place of a style text stands {SHARED: its number among the file's texts}."""

LEAST_SHARED = 200
"""Characters from which a style text is written once for all documents that have it."""

DEEPEST = 3
MOST_FRAMES = 24
"""Recordings of frames in one another, and of a document in all: as the player draws them."""

_NAMED = re.compile(SCHEME + r"([0-9a-f]{32})")
_END = re.compile(r"</(script|style)|<!--", re.IGNORECASE)

_HEAD = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="referrer" content="no-referrer">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="generator" content="Stolper">
<title>{title}</title>
<style>{css}</style>
</head>
<body>
<noscript><p>This replay needs JavaScript. Diese Wiedergabe braucht JavaScript.</p></noscript>
"""

_TAIL = """\
<script>{script}</script>
</body>
</html>
"""


@dataclass(frozen=True, slots=True)
class OfflinePlayer:
    """The built player that is written into the file."""

    script: str
    css: str


@dataclass(slots=True)
class _Shared:
    """What several documents of a file have in common."""

    texts: dict[str, int] = field(default_factory=dict)  # style text to its number
    assets: dict[str, None] = field(default_factory=dict)  # hashes, in order of need

    def number(self, text: str) -> int:
        return self.texts.setdefault(text, len(self.texts))


async def write_offline(
    store: Store,
    known: Known,
    words: Mapping[str, Mapping[str, Any]],
    player: OfflinePlayer,
    out: IO[bytes],
) -> None:
    """
    Write the session, or the span of it that is *known*, to *out* as one HTML file.

    *words* has of each language what the file says in it: `name`, `texts`, `timeline`, `transcript`
    and `facts`.
    """
    shared = _Shared()
    out.write(_head(known, player))
    active: list[float] = []
    missing: list[dict[str, Any]] = []
    timeline = cut_timeline(known.timeline, known.from_ms, known.until_ms)
    async for key, found in _recordings(store, known):
        active += [event["timestamp"] for event in found.recording.events if is_interaction(event)]
        if "/" not in key:
            missing += (gap.as_dict() for gap in found.recording.gaps)
        for element in await asyncio.to_thread(_recording, key, found, shared):
            out.write(element)
    await _write_assets(store, known.session.site, shared, out)
    active += [row.at_ms for row in timeline.rows]
    data = {
        "format": FORMAT,
        "base": known.timeline.start_ms,
        "start": timeline.start_ms,
        "end": timeline.end_ms,
        "loads": [
            {"id": load.id, "tab": load.tab, "at": load.at_ms, "until": load.until_ms}
            for load in timeline.loads
        ],
        "missing": missing,
        "inactive": inactive_spans(active, timeline.start_ms, timeline.end_ms),
        "words": words,
    }
    out.write(_element("data", await asyncio.to_thread(_packed, data)))
    out.write(_TAIL.format(script=_script(player)).encode())


def _head(known: Known, player: OfflinePlayer) -> bytes:
    digest = base64.b64encode(hashlib.sha256(_script(player).encode()).digest()).decode()
    policy = "; ".join(
        (
            "default-src 'none'",
            f"script-src 'sha256-{digest}'",
            "style-src 'unsafe-inline'",  # recordings carry styles in their markup
            "img-src data:",
            "font-src data:",
            "form-action 'none'",
            "base-uri 'none'",
        )
    )
    session = known.session
    title = escape(f"{session.site_name} · {session.id}")
    return _HEAD.format(policy=policy, title=title, css=_inline(player.css)).encode()


def _script(player: OfflinePlayer) -> str:
    return _inline(player.script)


def _inline(text: str) -> str:
    """Return *text*, which esbuild has written so that it cannot end the element it stands in."""
    if _END.search(text):
        raise ValueError("the built player would end its own element")
    return f"\n{text.strip()}\n"


@dataclass(frozen=True, slots=True)
class _Found:
    """A document's recording, and the frames that are linked into it."""

    recording: LoadRecording
    links: list[FrameLink]


async def _recordings(store: Store, known: Known) -> AsyncIterator[tuple[str, _Found]]:
    """Give the documents in view with their keys, each followed by those in its frames."""
    for load in known.timeline.loads:
        if in_view(load, known.from_ms, known.until_ms):
            async for key, found in _with_frames(store, known, load.id):
                yield key, found


async def _with_frames(
    store: Store, known: Known, page_load: str
) -> AsyncIterator[tuple[str, _Found]]:
    """Give a document, then the documents in its frames, each once; they may link one another."""
    own = known.session.id
    waiting: list[tuple[str, str, int]] = [(own, page_load, 0)]
    told: set[tuple[str, str]] = set()
    while waiting and len(told) <= MOST_FRAMES:
        session, load, depth = waiting.pop(0)
        if (session, load) in told:
            continue
        told.add((session, load))
        read = await load_recording(store, session, load, address=lambda name: SCHEME + name)
        if read is None:
            continue
        if not known.whole:
            read = await asyncio.to_thread(cut, read, known.from_ms, known.until_ms)
        links = await frame_links(store, session, load)
        links = [link for link in links if link.at_ms <= known.until_ms]
        yield (load if depth == 0 else f"{session}/{load}"), _Found(read, links)
        if depth < DEEPEST:
            around = await store.session(session)
            waiting += [
                (link.session, link.page_load, depth + 1)
                for link in links
                if around and await framed(store, around, link.session, link.page_load)
            ]


def _recording(key: str, found: _Found, shared: _Shared) -> list[bytes]:
    """Return the elements that hold a document's recording: its parts, and what they are."""
    read = found.recording
    made = (
        [Part(None, None, read.events)] if "/" in key else parts(read)
    )  # a frame's is drawn whole
    spans: list[tuple[float | None, float | None]] = []
    elements: list[bytes] = []
    for number, part in enumerate(made):
        spans.append((part.from_ms, part.until_ms))
        elements.append(_element(f"part {number} {key}", _deflated(_events(part.events, shared))))
    about = {
        "origin": read.origin_ms,
        "parts": spans,
        "frames": [link.as_dict() for link in found.links],
    }
    return [_element(f"recording {key}", _packed(about)), *elements]


def _events(events: list[dict[str, Any]], shared: _Shared) -> bytes:
    """Return *events* as JSON, with what several parts have in common taken out."""
    for event in events:
        for holder, place in style_places(event):
            text = holder.get(place)
            if isinstance(text, str) and len(text) >= LEAST_SHARED:
                holder[place] = {SHARED: shared.number(text)}
    raw = deep.dumps(events)
    for name in _named(raw.decode()):
        shared.assets.setdefault(name)
    return raw


def _named(text: str) -> Iterator[str]:
    yield from (match[1] for match in _NAMED.finditer(text))


async def _write_assets(store: Store, site: str, shared: _Shared, out: IO[bytes]) -> None:
    """Write the style texts, and the fonts and pictures that they and the recordings name."""
    for text, number in shared.texts.items():
        for name in _named(text):
            shared.assets.setdefault(name)
        out.write(_element(f"text {number}", await asyncio.to_thread(_deflated, text.encode())))
    for name in shared.assets:
        try:
            asset = await store.asset(site, name)
        except StoreError:
            asset = None
        if asset is not None and asset.kind != "sheet":
            out.write(_element(f"asset {name}", asset.content, asset.media))


def _packed(value: object) -> bytes:
    return _deflated(deep.dumps(value))


def _deflated(raw: bytes) -> bytes:
    """Return *raw* compressed, without a header that would say when and on which system."""
    deflater = zlib.compressobj(9, wbits=-15)
    return deflater.compress(raw) + deflater.flush()


def _element(name: str, content: bytes, media: str = "") -> bytes:
    """Return an element that holds *content*, which the player finds by its name."""
    kind = f' data-media="{escape(media)}"' if media else ""
    opening = f'<script type="application/octet-stream" data-stolper="{escape(name)}"{kind}>'
    return opening.encode() + base64.b64encode(content) + b"</script>\n"
