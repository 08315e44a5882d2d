"""Heads from strangers: what is refused, what is left out, what is masked."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from collector.bounds import MAX_GAPS, MAX_ITEMS, MAX_T, MAX_TEXT
from collector.head import Head, HeadReader, _decoded
from core.errors import Refused
from core.events import Field, FieldType, load_schema
from core.model import Session, StoredBatch
from tests.collector.support import COOKIELESS, TARGET, Collector, body, click, head, session_id

READER = HeadReader(load_schema(), max_events=500)


def read(raw: dict[str, Any] | bytes) -> Head:
    """Read a head given as a dict or as bytes."""
    return READER.read(raw if isinstance(raw, bytes) else json.dumps(raw).encode())


async def sent(collector: Collector, raw: dict[str, Any] | bytes) -> tuple[StoredBatch, Session]:
    """Send a batch that must be stored; return it and its session."""
    answer = await collector.post(body(raw))
    assert 200 == answer.status, await answer.text()
    session = await collector.store.session(collector.heard[-1].session)
    assert session is not None
    return collector.heard[-1], session


# Refused


@pytest.mark.parametrize(
    "changes",
    [
        {"session": None},
        {"session": 7},
        {"session": session_id().replace("0193", "019A")},
        {"session": session_id() + "\n"},
        {"session": "../../etc/passwd"},
        {"session": "01933333-0000-4000-8000-000000000001"},
        {"secret": "short"},
        {"secret": "s" * 23},
        {"secret": ["s" * 22]},
        {"page_load": "../" * 8},
        {"page_load": "a/b" * 8},
        {"page_load": "a\x00" * 8},
        {"page_load": "x" * 37},
        {"tab": "t" * 15},
        {"tab": {"a": 1}},
        {"seq": -1},
        {"seq": 1.5},
        {"seq": True},
        {"seq": "0"},
        {"seq": 10**9},
        {"events": {}},
        {"events": "all"},
        {"targets": 1},
        {"void": {"0": 1}},
        {"gaps": "none"},
        {"chunk": [1]},
        {"chunk": {"count": -1, "first_t": 0, "last_t": 0}},
        {"chunk": {"count": 1, "first_t": "0", "last_t": 0}},
        {"attributes": []},
        {"page": "x"},
        {"visitor": "../visitor-of-somebody"},
        {"identity": "me"},
    ],
)
async def test_a_head_of_the_wrong_form_is_refused(
    collector: Collector, changes: dict[str, Any]
) -> None:
    """400 `bad_head`; the reason does not repeat what was sent, and nothing is stored."""
    assert (400, "bad_head") == await collector.refused(body({**head(), **changes}))
    assert [] == collector.heard


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"[]",
        b"null",
        b"{",
        b'{"session": NaN}',
        b"\xff\xfe{}",
        b'{"a":' * 50_000,
        b"[" * 100_000 + b"]" * 100_000,
        b'{"a":' + b"[" * 5000 + b"]" * 5000 + b"}",
        b'{"a":"\\ud800' + b"\\ud800" * 10,
        b'{"a":"\\ud800","b":' + b"[" * 5000 + b"]" * 5000 + b"}",
    ],
)
async def test_what_is_no_json_object_is_refused(collector: Collector, raw: bytes) -> None:
    """400 `bad_head`, for deep nesting too; the collector goes on."""
    assert (400, "bad_head") == await collector.refused(body(raw))
    assert 200 == (await collector.post()).status


async def test_a_chunk_without_description_is_refused(collector: Collector) -> None:
    """And a description without chunk: the two come together or not at all."""
    assert (400, "bad_head") == await collector.refused(body(head(chunk=None)))
    assert (400, "bad_head") == await collector.refused(body(head(), b""))
    assert 200 == (await collector.post(body(head(chunk=None), b""))).status


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=12,
)


@settings(max_examples=300, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(sorted(head())), JSON)
def test_no_value_anywhere_crashes_the_reader(name: str, value: Any) -> None:
    """Any JSON in place of any part of a head gives a head or Refused."""
    try:
        read({**head(), name: value})
    except Refused as refused:
        assert refused.status in (400, 413)


@settings(max_examples=300, suppress_health_check=[HealthCheck.too_slow])
@given(st.dictionaries(st.sampled_from(sorted(click())) | st.text(max_size=9), JSON, max_size=8))
def test_no_event_crashes_the_reader(event: dict[str, Any]) -> None:
    """Whatever an event is, what is kept of it is of the schema's types and JSON again."""
    kept = read(head(events=[{**click(), **event}], targets=[event])).events

    for known in kept:
        json.dumps(known)
        fields = load_schema().event(known["type"])
        assert [] == [
            n for n, v in known.items() if n != "target" and not fields.field(n).accepts(v)
        ]


@given(st.binary(max_size=300))
def test_no_bytes_crash_the_reader(raw: bytes) -> None:
    """Any bytes as a head give Refused."""
    with pytest.raises(Refused):
        read(raw)


def both(raw: bytes) -> tuple[Any, Any]:
    """Return what the two ways of reading say of the head *raw*: the usual one, and the lenient one."""

    def told(way: Callable[[], Head]) -> Any:
        try:
            return way()
        except Refused as refused:
            return refused.status, refused.code, refused.reason

    def leniently() -> Head:
        return READER._leniently(raw, _decoded(raw))

    return told(lambda: READER.read(raw)), told(leniently)


TEXTS = [
    "a",
    "",
    "x" * MAX_TEXT,
    "ä" * (MAX_TEXT + 1),
    "a@b.de",
    "4111 1111 1111 1111",
    "ab12cd34ef56",
]
MAPS = [{"tag": "a", "classes": ["b"]}, {"a": 1.5, "b": True}, {str(n): n for n in range(MAX_ITEMS + 1)},
        {"x" * (MAX_TEXT + 1): 1}, {"a": "a@b.de"}, {"a": [1]}, {"a": None}, {"a": 10**15}]  # fmt: skip
EDGES: dict[str, list[Any]] = {
    "bool": [True, False, 1, "true"],
    "int": [0, -3, 10**15 - 1, 10**15, 1.0, True, -(10**15), 10**30],
    "ref": [0, 7, -1, 10**15, 2.0],
    "number": [0, -1.5, -0.0, 1e15, 10**15, 999999999999999.9, 1e300, True],
    "str": [*TEXTS, 7],
    "target": [0, 1, 2, -1, 1.0, False, {"tag": "a"}],
    "list of str": [[], ["a"] * MAX_ITEMS, ["a"] * (MAX_ITEMS + 1), ["a", "a@b.de"], ["x" * (MAX_TEXT + 1)], [1]],
    "list of int": [[], [1, -2], [1] * (MAX_ITEMS + 1), [1.0], ["1"], [10**15]],
    "map": MAPS,
    "list of map": [MAPS[:2], MAPS[2:3], MAPS[4:5], [{}] * (MAX_ITEMS + 1), [3]],
}  # fmt: skip
"""Values of each type that are just within, or just beyond, what is taken as it came."""


def value_of(of: FieldType) -> st.SearchStrategy[Any]:
    """Return values that are of the type *of*, or nearly so."""
    if of.kind == "enum":
        return st.sampled_from([*of.values, "none of them", 0])
    return st.sampled_from(EDGES["number" if of.kind in ("ms", "px") else str(of)])


def fields_of(fields: Mapping[str, Field], most: int) -> st.SearchStrategy[dict[str, Any]]:
    """Return up to *most* of *fields* with values, now and then one that none of them has."""
    known = st.sampled_from(sorted(fields)).flatmap(
        lambda name: st.tuples(st.just(name), value_of(fields[name].type))
    )
    odd = st.tuples(st.sampled_from([*fields, "later"]), JSON)
    return st.lists(known | known | known | odd, max_size=most).map(dict)


SCHEMA = load_schema()
INDICES = st.sampled_from([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10**7, 10**7 + 1, -1, 1.0, None])
PARTS: dict[str, list[Any]] = {
    "seq": [0, 10**7, 10**7 + 1, 1.0, True],
    "void": [[5, 6], [10**7 + 1], [-1], [1.0], None],
    "gaps": [[{"kind": "x", "n": [1]}] * 2, [{}] * (MAX_GAPS + 1), [3], None],
    "page": [{"path": "/", "deep": {}}, {}, None, 3],
    "attributes": [{"language": "de", "release": "x" * (MAX_TEXT + 1)}, {"bot": True}, None],
    "chunk": [None, {"count": 1}, []],
    "visitor": ["v" * 20, "v", 3],
    "identity": [{"id": "Ann", "signature": "x"}, {"id": 7}, 3],
    "assets": [{"used": ["0" * 32], "sent": ["1" * 32, 3]}, {"used": 3}, 3],
    "snippet": [{"version": "0.1.0", "failed": {"send": 2, "BAD": 1}}, {"version": 3}, 3],
    "last": [True, 1],
    "session": ["01933333-4111-7111-8111-111311111111", "x", 7],
    "secret": ["s" * 21, "ab12cd34ef56ab12cd34ef", None],
    "later": [[[]], "a@b.de"],
}


@st.composite
def heads(draw: st.DrawFn) -> bytes:
    """Return heads that are sound but for a value or two, as JSON."""
    events = []
    for n in range(draw(st.integers(0, 3))):
        type_ = SCHEMA.event(draw(st.sampled_from(sorted(SCHEMA.events))))
        event = {"i": n, "t": 5.5, "type": type_.name, "view": 0, "path": "/a"}
        events.append(event | draw(fields_of(type_.fields, 3)))
    if events:
        events[-1]["i"] = draw(INDICES)
        events[-1]["t"] = draw(st.sampled_from([0, 1.5, MAX_T, int(MAX_T) + 1, -1, "1", True]))
    target = TARGET | draw(fields_of(SCHEMA.target, 1))
    made = head(events=events, targets=[TARGET, target])
    for name in draw(st.lists(st.sampled_from(sorted(PARTS)), max_size=2)):
        made[name] = draw(st.sampled_from(PARTS[name]))
    return json.dumps(made, ensure_ascii=draw(st.booleans())).encode("utf-8", "surrogatepass")


@settings(max_examples=250, suppress_health_check=[HealthCheck.too_slow])
@given(heads())
def test_both_ways_of_reading_say_the_same(raw: bytes) -> None:
    """A head that is taken as it came is what the way that looks at every value makes of it."""
    usual, lenient = both(raw)

    assert usual == lenient


def test_usual_heads_are_taken_as_they_came() -> None:
    """Heads of every event, as the schema has them, need not be looked at value by value."""
    samples: dict[str, Any] = {"bool": True, "str": "a", "target": 0, "map": {"a": [], "b": 1.5}}
    samples |= {"list of str": ["a"], "list of int": [1], "list of map": [{"tag": "a"}]}
    for event in load_schema().events.values():
        if event.by != "browser":
            continue
        values = {
            name: f.type.values[-1] if f.type.kind == "enum" else samples.get(str(f.type), 7)
            for name, f in event.fields.items()
        }
        raw = json.dumps(head(events=[{"i": 0, "t": 1, "type": event.name, **values}])).encode()
        usual, lenient = both(raw)

        assert READER._in_order(raw, json.loads(raw)) is not None, event.name
        assert usual == lenient
        assert usual.dropped == {}


@pytest.mark.parametrize(
    "twice",
    [b'"events": 7', b'"seq": 3', b'"secret": "x"', b'"targets": []', b'"type": "page"'],
)
def test_of_what_comes_twice_the_last_counts(twice: bytes) -> None:
    """Both ways agree on JSON that names a part of a head, or an event's type, a second time."""
    raw = json.dumps(head()).encode()
    usual, lenient = both(raw[:-1] + b", " + twice + b"}")
    inner = both(raw.replace(b'"view"', twice + b', "view"'))

    assert usual == lenient
    assert inner[0] == inner[1]


# Left out


async def test_unknown_fields_and_events_are_left_out(collector: Collector) -> None:
    """They cost only themselves; a left-out event's index is void, so that nobody waits for it."""
    events = [
        click(0, colour="red", ts=5, page_load="x" * 20, x="12", trusted=1, y=3.5),
        {"i": 1, "t": 5, "type": "telepathy"},
        {"i": 2, "t": "soon", "type": "click"},
        {"i": 3, "t": 5, "type": "session_end", "kind": "left"},
        {"i": 4, "t": 5, "type": "flag", "rule": "rage_click"},
        {"i": "5", "t": 5, "type": "click"},
        {"i": 6, "t": 5, "type": ["click"]},
        {"i": 7, "t": -5, "type": "click"},
        "event",
        None,
    ]
    batch, _ = await sent(collector, head(events=events))

    (kept,) = batch.events
    assert {"i", "t", "type", "view", "path", "target", "y", "ts", "page_load", "tab"} == set(kept)
    assert ("page-load-0000001", 3.5) == (kept["page_load"], kept["y"])
    assert (1, 2, 3, 4, 6, 7) == batch.void


def test_events_come_by_index_each_once() -> None:
    """Whatever order a page sends them in, events go on by index; of two the first counts."""
    events = [
        {"i": i, "t": float(t), "type": "page"} for i, t in ((3, 30), (1, 10), (3, 99), (2, 20))
    ]

    found = read(head(events=events)).events

    assert [(1, 10.0), (2, 20.0), (3, 30.0)] == [(e["i"], e["t"]) for e in found]


def test_what_is_left_out_is_counted() -> None:
    """dropped tells how many events and fields."""
    events = [click(colour=1, x="a"), {"type": "nothing"}]

    assert {"fields": 2, "events": 1} == read(head(events=events)).dropped


@pytest.mark.parametrize("target", [1, -1, "0", 0.0, None, {"key": "#x"}, True])
def test_a_target_that_is_not_in_the_list_is_left_out(target: Any) -> None:
    """The event stays, without a target."""
    (event,) = read(head(events=[click(target=target)])).events

    assert "target" not in event


def test_a_target_is_the_same_when_it_comes_again() -> None:
    """A reader remembers nothing of it, and a head that is masked reads it the same."""
    odd = {**TARGET, "unknown": 1, "node": "no number", "label": "Ann"}
    deep: Any = []
    for _ in range(300):
        deep = [deep]
    plain, masked = (
        head(targets=[odd, {"tag": "p", "path": deep}, odd], events=[click(i, target=i) for i in range(3)],
             page=page)
        for page in ({"path": "/"}, {"path": "/a@b.de"})
    )  # fmt: skip
    reader = HeadReader(load_schema(), max_events=10)
    read = [reader.read(json.dumps(one).encode()) for one in (plain, masked, plain, masked)]

    assert read[0].events == read[1].events == read[2].events == read[3].events
    assert [5] * 4 == [one.dropped["fields"] for one in read]
    assert {"key", "tag", "label", "path"} == set(read[2].events[0]["target"])
    assert [0, 1, 0, 1] == [one.masked for one in read]


def test_long_texts_and_lists_are_cut() -> None:
    """A text keeps MAX_TEXT characters, lists and maps MAX_ITEMS items."""
    page = {"i": 0, "t": 0, "type": "page", "path": "/" * 5000, "query_keys": ["k"] * 900}
    custom = {"i": 1, "t": 0, "type": "custom", "props": {str(n): n for n in range(900)}}
    first, second = read(head(events=[page, custom])).events

    assert (MAX_TEXT, MAX_ITEMS) == (len(first["path"]), len(first["query_keys"]))
    assert MAX_ITEMS == len(second["props"])


def test_a_stray_value_in_a_map_costs_itself_alone() -> None:
    """The other properties, and the other parts of a target's path, stay."""
    target = {"key": "#a", "path": [{"tag": "a", "id": None}, 3, {"tag": "p"}], "label": 5}
    props = {"a": 1, "b": {"c": 1}, "d": None, "e": 1e16, "f": "x"}
    events = [click(), {"i": 1, "t": 0, "type": "custom", "name": "n", "props": props}]
    press, custom = read(head(targets=[target], events=events)).events

    assert {"key": "#a", "path": [{"tag": "a"}, {"tag": "p"}]} == press["target"]
    assert {"a": 1, "f": "x"} == custom["props"]


async def test_half_a_character_costs_nothing(collector: Collector) -> None:
    """A text that was cut inside a surrogate pair becomes a question mark."""
    raw = json.dumps(head()).replace('"Pay"', '"P\\ud83d \\ud83d\\ude00"').encode()
    batch, _ = await sent(collector, raw)

    assert "P? \U0001f600" == batch.events[0]["target"]["label"]


async def test_only_known_attributes_are_taken(collector: Collector) -> None:
    """A page cannot say what the collector says: site, device, bot, identified."""
    claims = {"language": "fr", "release": "9", "device": "tablet", "site": "x", "bot": True}
    _, session = await sent(collector, head(attributes={**claims, "identified": True, "x": 1}))

    assert {
        "language": "fr",
        "release": "9",
        "site": "shop",
        "device": "desktop",
        "browser": "Firefox",
        "os": "Linux",
    } == session.attributes


async def test_gaps_and_page_facts_are_flat(collector: Collector) -> None:
    """Only numbers, booleans and texts of them are kept."""
    gap = {"kind": "buffer", "reason": "offline", "events": 3, "nested": {"a": [1]}, "n": None}
    page = {"path": "/pay", "width": 800, "deep": [[[]]]}
    await sent(collector, head(gaps=[gap, "gap", 4], page=page))
    (found,) = await collector.store.gaps(session_id())
    (load,) = await collector.store.page_loads(session_id())

    assert {"kind": "buffer", "reason": "offline", "events": 3} == found.detail
    assert {"path": "/pay", "width": 800} == load.page


async def test_a_visitor_is_kept_in_mode_full_alone(collector: Collector) -> None:
    """A cookieless site stores no visitor id, whatever is sent."""
    visitor = "v" * 20
    _, full = await sent(collector, head(visitor=visitor))
    answer = await collector.post(body(head(2, visitor=visitor)), COOKIELESS.key)
    assert 200 == answer.status
    cookieless = await collector.store.session(session_id(2))

    assert visitor == full.visitor
    assert cookieless is not None
    assert None is cookieless.visitor


# Masked


async def test_secrets_in_texts_are_masked(collector: Collector) -> None:
    """E-mail, IBAN and card shapes are masked in every text of a head; harmless numbers stay."""
    target = {
        "key": "#ann@example.org",
        "label": "DE89 3704 0044 0532 0130 00",
        "path": [{"id": "ann@example.org", "classes": ["x", "ann@example.org"]}],
    }
    events = [
        click(path="/u/ann@example.org/4111-1111-1111-1111"),
        {
            "i": 1,
            "t": 1,
            "type": "custom",
            "name": "sent to ann%40example.org",
            "props": {"order": "4000123412341235", "n": 7, "m": "a\\u0040b.de"},
        },
    ]
    raw = json.dumps(head(targets=[target], events=events, page={"path": "/ann@example.org"}))
    batch, _ = await sent(collector, raw.replace("a\\\\u0040b.de", "a\\u0040b.de").encode())
    press, custom = batch.events

    assert "/u/[email]/[card]" == press["path"]
    assert {
        "key": "#[email]",
        "label": "[iban]",
        "path": [{"id": "[email]", "classes": ["x", "[email]"]}],
    } == press["target"]
    assert "sent to [email]" == custom["name"]
    assert {"order": "4000123412341235", "n": 7, "m": "[email]"} == custom["props"]
    (load,) = await collector.store.page_loads(session_id())
    assert {"path": "/[email]"} == load.page


async def test_masking_is_counted(collector: Collector) -> None:
    """masked tells how often something was replaced."""
    assert 2 == read(head(events=[click(path="/a@b.de/c@d.de")])).masked
    assert 0 == read(head()).masked


def test_the_session_of_a_frame_is_no_card_number() -> None:
    """An id whose digits would pass for a card number comes through whole; text like it does not."""
    framed = "0199aaaa-4111-7111-8111-1113aaaaaaaa"
    event = {"i": 0, "t": 1, "type": "frame", "view": 0, "path": "/", "frame_session": framed}
    named = {"i": 1, "t": 1, "type": "custom", "view": 0, "path": "/", "name": f"a {framed}"}
    taken = read(head(events=[event, named])).events

    assert framed == taken[0]["frame_session"]
    assert "a 0199aaaa-[card]aaaaaaaa" == taken[1]["name"]
