"""The page without a browser: what the mirror holds, and that a keyframe rebuilds all of it."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from replay import mirror as module
from replay.keyframe import keyframe
from replay.mirror import Mirror, MirrorFull
from replay.shape import check_event
from tests.console.support import element, mutation, nest, rrweb_page, text_node
from tests.replay.mirrored import Data, Page, mirrored, rebuilt, state, tree

TAGS = ["p", "div", "input", "style", "video", "text", "text"]


def played(seed: int, steps: int) -> tuple[list[Data], Page]:
    """Return the events of a page that changes at random, and the page as it is at the end."""
    chance = random.Random(seed)
    page = Page()
    events = page.snapshot()
    for step in range(steps):
        events.append(_step(page, chance, step))
    return events, page


def _step(page: Page, chance: random.Random, step: int) -> Data:
    parent = chance.choice(page.elements())
    nodes = page.removable()
    kind = chance.randrange(12)
    if kind < 4 or not nodes:
        before = chance.randint(0, len(parent["childNodes"]))
        return page.add(parent, before, chance.choice(TAGS))
    above, node = chance.choice(nodes)
    id_ = node["id"]
    if kind == 4:
        return page.remove(above, node)
    if kind == 5:
        inside = {one["id"] for one in _below(node)}
        places = [one for one in page.elements() if one["id"] not in inside]
        return page.move(above, node, chance.choice(places), 0)
    if kind == 6:
        if node["type"] == 3:
            return page.text(node, f"said {step}")
        return page.attribute(node, "title", chance.choice([None, f"t{step}"]))
    if kind == 7:
        return page.act(5, id=id_, text=f"typed {step}", isChecked=bool(step % 2))
    if kind == 8:
        return page.act(3, id=chance.choice([1, id_]), x=step, y=2 * step)
    if kind == 9:
        return page.act(8, id=id_, adds=[{"rule": f"a{step} {{}}", "index": chance.randint(0, 3)}])
    if kind == 10:
        return _adopts(page, chance, step)
    media = {"currentTime": step, "playbackRate": 2, "muted": True, "volume": 1, "loop": False}
    return page.act(7, id=id_, type=chance.randint(0, 2), **media)


def _adopts(page: Page, chance: random.Random, step: int) -> Data:
    if chance.random() < 0.4:
        sheet = chance.randint(1, 4)
        replaced = {"replaceSync": f"p {{ order: {step} }}"} if chance.random() < 0.3 else {}
        return page.act(8, styleId=sheet, adds=[{"rule": f"b{step} {{}}", "index": 0}], **replaced)
    ids = chance.sample([1, 2, 3, 4], chance.randint(0, 3))
    styles = [{"styleId": id_, "rules": [{"rule": f"c{step}", "index": 0}]} for id_ in ids[:1]]
    host = chance.choice([1, chance.choice(page.elements())["id"]])
    return page.act(15, id=host, styleIds=ids, **({"styles": styles} if styles else {}))


def _below(node: Data) -> list[Data]:
    found = [node]
    for one in found:
        found.extend(one.get("childNodes", ()))
    return found


def plain(node: Data) -> Data:
    """Return what of a mirrored node the oracle knows too."""
    kept = ("id", "type", "tagName", "attributes", "textContent")
    told = {name: node[name] for name in kept if name in node}
    if node.get("tagName") == "style":
        own = {**node["attributes"], **node["own"]}
        told["attributes"] = {name: value for name, value in own.items() if value is not None}
    if node["type"] != 3:
        told["childNodes"] = [plain(kid) for kid in node["kids"]]
    return told


@settings(max_examples=60)
@given(st.integers(), st.integers(0, 80))
def test_the_tree_is_the_pages(seed: int, steps: int) -> None:
    """After any changes the mirror's tree is that of a page that was changed in the simplest way."""
    events, page = played(seed, steps)
    mirror = mirrored(events)

    assert mirror.root is not None
    assert page.root == plain(tree(mirror.root))
    assert sorted(node["id"] for _, node in page.all()) == sorted(mirror.nodes)


@settings(max_examples=60)
@given(st.integers(), st.integers(0, 60), st.integers(0, 60))
def test_a_keyframe_and_what_follows_is_the_whole(seed: int, before: int, after: int) -> None:
    """A keyframe at any moment, and the events after it, leave what all events from the start leave."""
    events, _ = played(seed, before + after)
    cut = 2 + before
    start = mirrored(events[:cut])
    later = mirrored(rebuilt(start, events[cut - 1]["timestamp"]))

    assert state(start) == state(later)

    for event in events[cut:]:
        start.apply(event)
        later.apply(event)

    assert state(start) == state(later)


@settings(max_examples=60)
@given(st.integers(), st.integers(0, 60))
def test_a_keyframe_is_well_formed(seed: int, steps: int) -> None:
    """Each event of a keyframe passes the check that the player relies on; the first is the page's size."""
    events, _ = played(seed, steps)
    told = rebuilt(mirrored(events), 77)

    assert [None] * len(told) == [check_event(event) for event in told]
    assert [4, 2] == [event["type"] for event in told[:2]]
    assert {77} == {event["timestamp"] for event in told}


def test_events_stay_as_they_were() -> None:
    """What happens after an event does not reach into it."""
    page = Page()
    events = page.snapshot()
    mirror = mirrored(events)
    before = json.dumps(events)
    body = page.elements()[0]
    mirror.apply(page.attribute(body, "class", "changed"))
    mirror.apply(page.add(body, 0, "p"))
    mirror.apply({"type": 3, "timestamp": 9, "data": {"source": 4, "width": 1, "height": 1}})

    assert before == json.dumps(events)


def test_frames_are_told_after_their_page() -> None:
    """Documents in frames, and in frames in them, are attached to their elements, outer ones first."""

    def document(id_: int, children: list[Any]) -> Data:
        return {"type": 0, "id": id_, "childNodes": [element(id_ + 1, "html", children)]}

    page = rrweb_page(children=[element(6, "iframe", [])])
    attach = {"source": 0, "texts": [], "attributes": [], "removes": [], "isAttachIframe": True}
    inner = document(20, [element(22, "iframe", [])])
    mirror = mirrored(page)
    for at, frame, node in (
        (20, 22, document(30, [])),
        (30, 6, inner),
    ):  # the inner one comes first
        adds = [{"parentId": frame, "nextId": None, "node": node}]
        mirror.apply({"type": 3, "timestamp": at, "data": {**attach, "adds": adds}})
    told = rebuilt(mirror, 40)

    assert [4, 2, 3, 3, 3] == [
        event["type"] for event in told
    ]  # the last one: where it is scrolled
    frames = [event["data"]["adds"][0] for event in told[2:4]]
    assert [(6, 20), (22, 30)] == [(one["parentId"], one["node"]["id"]) for one in frames]
    assert state(mirror) == state(mirrored(told))
    again = {"parentId": 6, "nextId": None, "node": document(50, [])}
    mirror.apply({"type": 3, "timestamp": 50, "data": {**attach, "adds": [again]}})

    assert {6, 50, 51} == {id_ for id_ in mirror.nodes if id_ > 5}


def test_a_frames_document_may_come_before_its_frame() -> None:
    """A document whose frame is not there yet waits for it."""
    mirror = mirrored(rrweb_page())
    inner = {"type": 0, "id": 20, "childNodes": []}
    mirror.apply(mutation(20, adds=[{"parentId": 19, "nextId": None, "node": inner}]))
    mirror.apply(
        mutation(30, adds=[{"parentId": 5, "nextId": None, "node": element(19, "iframe", [])}])
    )

    assert 20 in mirror.nodes
    assert state(mirror) == state(mirrored(rebuilt(mirror, 30)))


def test_shadow_roots() -> None:
    """What is added to a shadow root makes its host one; order and place are kept."""
    mirror = mirrored(rrweb_page())
    adds = [
        {"parentId": 6, "nextId": None, "node": {**element(20, "b", []), "isShadow": True}},
        {"parentId": 6, "nextId": 20, "node": {**element(21, "i", []), "isShadow": True}},
    ]
    mirror.apply(mutation(20, adds=adds))
    host = mirror.nodes[6]

    assert host.data["isShadowHost"] is True
    assert [7, 21, 20] == [node.id for node in host.children()]
    assert state(mirror) == state(mirrored(rebuilt(mirror, 20)))


def test_attributes_of_the_player_alone_come_by_a_change() -> None:
    """`rr_popover` is told as a change, since the player does not take it from a snapshot."""
    mirror = mirrored(rrweb_page())
    changes = [{"id": 6, "attributes": {"rr_popover": "open", "class": "a", "hidden": 1}}]
    mirror.apply(mutation(20, attributes=changes))
    told = rebuilt(mirror, 20)

    assert {"class": "a"} == mirror.nodes[6].data["attributes"]
    said = [one["attributes"] for event in told for one in event["data"].get("attributes", ())]
    assert [{"rr_popover": "open"}] == said


def test_media_play_on() -> None:
    """A keyframe says where a medium is by then: two minutes at double speed are four further on."""
    attributes = {"rr_mediaState": "played", "rr_mediaCurrentTime": 10, "rr_mediaPlaybackRate": 2}
    mirror = mirrored(rrweb_page(children=[element(6, "video", [], attributes)]))
    told = rebuilt(mirror, 120_011)

    assert 250 == mirrored(told).nodes[6].data["attributes"]["rr_mediaCurrentTime"]
    stop = {"source": 7, "type": 1, "id": 6, "currentTime": 20}
    mirror.apply({"type": 3, "timestamp": 130_000, "data": stop})
    [media] = [e for e in rebuilt(mirror, 200_000) if e["data"].get("source") == 7]

    assert (1, 20) == (media["data"]["type"], media["data"]["currentTime"])


def test_notes_of_ours_are_told_again() -> None:
    """Addresses of assets, sizes of pictures and the last picture of each canvas that is there."""
    mirror = mirrored(rrweb_page())
    asset = {"url": "https://a.example/f.woff2", "asset": {"sha256": "0" * 32}}
    for at, tag, payload in (
        (20, "stolper.asset", asset),
        (21, "stolper.asset", asset),
        (22, "stolper.sizes", {"6": [1, 2]}),
        (23, "stolper.sizes", {"7": [3, 4]}),
        (24, "stolper.canvas", {"id": 6, "image": "data:image/png;base64,AA"}),
        (25, "stolper.canvas", {"id": 6, "image": "data:image/png;base64,BB"}),
        (26, "stolper.canvas", {"id": 99, "image": "data:image/png;base64,CC"}),
        (27, "other", {"id": 6}),
    ):
        mirror.apply({"type": 5, "timestamp": at, "data": {"tag": tag, "payload": payload}})
    notes = [event["data"] for event in rebuilt(mirror, 30) if event["type"] == 5]

    assert [
        {"tag": "stolper.asset", "payload": asset},
        {"tag": "stolper.sizes", "payload": {"6": [1, 2], "7": [3, 4]}},
        {"tag": "stolper.canvas", "payload": {"id": 6, "image": "data:image/png;base64,BB"}},
    ] == notes


def test_a_sheets_text_undoes_what_scripts_did_to_it() -> None:
    """Rules that scripts put in go with the text they were put into."""
    mirror = mirrored(rrweb_page(children=[element(6, "style", [], {"_cssText": "a {}"})]))
    insert = {"source": 8, "id": 6, "adds": [{"rule": "b {}", "index": 0}]}
    mirror.apply({"type": 3, "timestamp": 20, "data": insert})

    assert [insert] == [{**one, "id": 6} for one in tree(mirror.nodes[6])["css"]]
    mirror.apply(mutation(30, attributes=[{"id": 6, "attributes": {"_cssText": "c {}"}}]))

    assert ({"_cssText": "c {}"}, None) == (mirror.nodes[6].data["attributes"], mirror.nodes[6].css)


def test_a_new_text_undoes_other_changes_of_a_style_element() -> None:
    """As the player does: with a new text it makes the element of what it was told first."""
    first = {"_cssText": "a {}", "media": "print"}
    mirror = mirrored(rrweb_page(children=[element(6, "style", [], first)]))
    changes: list[dict[str, Any]] = [{"media": None, "class": "b"}, {"title": "c"}]
    for at, attributes in enumerate(changes):
        mirror.apply(mutation(20 + at, attributes=[{"id": 6, "attributes": attributes}]))
    told = [e["data"]["attributes"] for e in rebuilt(mirror, 30) if "attributes" in e["data"]]

    assert [[{"id": 6, "attributes": {"media": None, "class": "b", "title": "c"}}]] == told
    assert state(mirror) == state(mirrored(rebuilt(mirror, 30)))
    text = {"_cssText": "d {}", "rel": None}
    mirror.apply(mutation(40, attributes=[{"id": 6, "attributes": text}]))

    assert {"_cssText": "d {}", "media": "print"} == mirror.nodes[6].data["attributes"]
    assert mirror.nodes[6].own is None


def test_style_texts_may_be_hashes() -> None:
    """What stands in events by its hash stands so in keyframes."""
    name = {"sha256": "0" * 32}
    mirror = mirrored(rrweb_page(children=[element(6, "style", [], {"_cssText": name})]))
    mirror.apply(mutation(20, attributes=[{"id": 6, "attributes": {"_cssText": {"sha256": "1"}}}]))
    adopt = {"source": 15, "id": 1, "styleIds": [1], "styles": [{"styleId": 1, "rules": name}]}
    mirror.apply({"type": 3, "timestamp": 30, "data": adopt})
    later = mirrored(rebuilt(mirror, 30))

    assert {"sha256": "1"} == later.nodes[6].data["attributes"]["_cssText"]
    assert name == later.sheets[1].rules


def test_without_a_page_there_is_no_keyframe() -> None:
    """Changes before the first snapshot change nothing; depth beyond the player's gives none."""
    mirror = mirrored([mutation(5, texts=[{"id": 7, "value": "lost"}])])

    assert keyframe(mirror, 5) is None
    deep = mirrored(rrweb_page(children=nest(1_000)))
    for number in range(1_100):
        parent = 1_005 if number == 0 else 5_000 + number - 1
        add = {"parentId": parent, "nextId": None, "node": element(5_000 + number, "p", [])}
        deep.apply(mutation(20 + number, adds=[add]))

    assert keyframe(deep, 2_000) is None


def test_strangers_events_do_no_harm(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ids that are none, nodes in texts, nodes in themselves and too many nodes: nothing but MirrorFull."""
    mirror = mirrored(rrweb_page())
    child = {"parentId": 6, "nextId": None, "node": element(5, "p", [])}  # its own ancestor
    strange = [
        child,
        {"parentId": 7, "nextId": None, "node": text_node(40, "in a text")},
        {"parentId": 6, "nextId": [], "previousId": {}, "node": text_node(41, "a")},
        {"parentId": 6, "nextId": 99, "node": text_node(42, "before what never comes")},
        {"parentId": 98, "nextId": None, "node": text_node(43, "in what never comes")},
        {"parentId": 6, "nextId": None, "node": {**text_node(44, "b"), "rootId": 97}},
    ]
    for one in strange:
        event = mutation(20, adds=[one], removes=[{"parentId": 96, "id": 7}])

        assert check_event(event) is None
        mirror.apply(event)
    for data in (
        {"source": 8, "id": 1, "styleId": {}, "adds": []},
        {"source": 8, "id": [], "styleId": 4, "adds": []},
        {"source": 13, "index": [[]], "set": {}},
        {"source": 15, "id": 1, "styleIds": [[], {}, None], "styles": [{"styleId": []}]},
        {"source": 7, "id": 7},
        {"source": 77},
    ):
        mirror.apply({"type": 3, "timestamp": 30, "data": data})
    for payload in (None, [], {"id": []}, {"url": []}, {"node": {}}):
        for tag in ("stolper.asset", "stolper.canvas", []):
            mirror.apply({"type": 5, "timestamp": 30, "data": {"tag": tag, "payload": payload}})

    assert keyframe(mirror, 40) is not None
    monkeypatch.setattr(module, "MAX_NODES", 10)
    with pytest.raises(MirrorFull):
        for number in range(10):
            add = {"parentId": 1, "nextId": None, "node": text_node(60 + number, "x")}
            mirror.apply(mutation(50, adds=[add]))


JUNK: list[Any] = [None, -1, 0, 1, 7, 1e300, True, "", "x", [], {}, [[]], {"id": 1}, [None], "rr_a"]


def spoiled(value: Any, chance: random.Random) -> Any:
    """Return JSON *value* with about one of thirty values in it exchanged, or left out."""
    if chance.random() < 1 / 30:
        return chance.choice(JUNK)
    if isinstance(value, dict):
        kept = {name: one for name, one in value.items() if chance.random() > 1 / 60}
        return {name: spoiled(one, chance) for name, one in kept.items()}
    if isinstance(value, list):
        return [spoiled(one, chance) for one in value]
    return value


@settings(max_examples=150)
@given(st.integers(), st.integers(10, 60))
def test_spoiled_events_do_no_harm(seed: int, steps: int) -> None:
    """Whatever passes the check of its shape can be mirrored, and gives a well-formed keyframe."""
    chance = random.Random(seed)
    events, _ = played(seed, steps)
    mirror = mirrored(events[:2])
    for event in events[2:]:
        broken = spoiled(event, chance)
        if check_event(broken) is None:
            mirror.apply(broken)
    told = rebuilt(mirror, 99)
    mirrored(told)

    assert [None] * len(told) == [check_event(event) for event in told]


def test_an_empty_mirror_is_quiet() -> None:
    """Nothing has been applied: there is nothing to tell."""
    assert keyframe(Mirror(), 0) is None


@pytest.mark.parametrize(
    ("before", "changes", "after"),
    [
        (None, {"color": "red"}, "color: red;"),
        ("color: red; top: 1px", {"color": False}, "top: 1px;"),
        ("top: 1px", {"top": ["2px", "important"]}, "top: 2px !important;"),
        ('background: url("a;b:c"); top: 0', {"top": "1px"}, 'background: url("a;b:c"); top: 1px;'),
        ("background: url(data:a;b)", {"left": 0}, "background: url(data:a;b);"),
        ("((((", {"a": "b"}, "a: b;"),
    ],
)
def test_single_properties_of_a_style(before: Any, changes: Data, after: str) -> None:
    """What rrweb's own recorder tells of a `style` attribute changes the named properties alone."""
    attributes = {} if before is None else {"style": before}
    mirror = mirrored(rrweb_page(children=[element(6, "p", [], attributes)]))
    mirror.apply(mutation(20, attributes=[{"id": 6, "attributes": {"style": changes}}]))

    assert after == mirror.nodes[6].data["attributes"]["style"]
