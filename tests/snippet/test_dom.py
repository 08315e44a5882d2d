"""
The DOM recorder: what it tells adds up to the page, however the page got there, and is no more than needed.

Owns a reader of recordings that follows the player's rules: removals first, then additions in their
order, each before a node that is there, then texts and attributes.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.snippet.conftest import Collector, Open

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

Node = dict[str, Any]


class Replay:
    """The tree that a recording tells of."""

    def __init__(self, snapshot: Node) -> None:
        self.nodes: dict[int, Node] = {}
        self.parents: dict[int, Node] = {}
        self.root = snapshot
        self._enter(snapshot, None)

    def _enter(self, node: Node, parent: Node | None) -> None:
        assert node["id"] not in self.nodes, f"node {node['id']} is told twice"
        self.nodes[node["id"]] = node
        if parent is not None:
            self.parents[node["id"]] = parent
        for child in node.get("childNodes", []):
            self._enter(child, node)

    def _leave(self, node: Node) -> None:
        del self.nodes[node["id"]]
        for child in node.get("childNodes", []):
            self._leave(child)

    def apply(self, change: dict[str, Any]) -> None:
        """Apply the data of one mutation event; every node that it names has to be there."""
        for one in change["removes"]:
            node, parent = self.nodes[one["id"]], self.nodes[one["parentId"]]
            parent["childNodes"] = [child for child in parent["childNodes"] if child is not node]
            self._leave(node)
        for one in change["adds"]:
            parent, node = self.nodes[one["parentId"]], one["node"]
            children = parent["childNodes"]
            ids = [child["id"] for child in children]
            at = len(ids) if one["nextId"] is None else ids.index(one["nextId"])
            children.insert(at, node)
            self._enter(node, parent)
        for one in change["texts"]:
            self.nodes[one["id"]]["textContent"] = one["value"]
        for one in change["attributes"]:
            attributes = self.nodes[one["id"]]["attributes"]
            attributes.update(one["attributes"])
            for name in [name for name, value in attributes.items() if value is None]:
                del attributes[name]

    def outline(self, node: Node) -> Any:
        """Return *node* as the page's `outline()` writes it."""
        if node["type"] == 3:
            return node["textContent"]
        attributes = {name: str(value) for name, value in node["attributes"].items()}
        return [node["tagName"], attributes, [self.outline(child) for child in node["childNodes"]]]


def replayed(recording: list[dict[str, Any]], element_id: str) -> Any:
    """Return the outline of the element with the id *element_id* at the end of *recording*."""
    start = max(at for at, event in enumerate(recording) if event["type"] == 2)
    replay = Replay(recording[start]["data"]["node"])
    for event in recording[start + 1 :]:
        if event["type"] == 3 and event["data"]["source"] == 0:
            replay.apply(event["data"])
    [found] = [
        node
        for node in replay.nodes.values()
        if node["type"] == 2 and node["attributes"].get("id") == element_id
    ]
    return replay.outline(found)


# Random changes of all sorts, by a seed: begun before the recorder is there, so that a snapshot of
# the large page is taken among them, and gone on with until it is long over.
STORM = """
let seed = 11;
const random = (most) => { seed = (seed * 48271) % 2147483647; return seed % most; };
const pick = (list) => list[random(list.length)];
const made = () => {
  const one = document.createElement(pick(['b', 'i', 'p', 'div']));
  one.append(String(random(99)), document.createElement('u'));
  one.title = random(9);
  return one;
};
let apart = [];
const changes = [
  (one) => one.append(made()),
  (one) => one.prepend(String(random(99))),
  (one, other) => { if (!one.contains(other) && !other.contains(one)) other.before(one); },
  (one, other) => { if (!one.contains(other)) other.append(one); },
  (one) => one.replaceWith(made()),
  (one) => { apart.push(one); one.remove(); },
  (one) => { if (apart.length) { const back = apart.shift(); back.append('back'); one.append(back); } },
  (one) => { one.title = random(9); one.toggleAttribute('hidden'); },
  (one) => { one.textContent = String(random(999)); },
  (one) => { for (const text of one.childNodes) if (text.data) text.data += '.'; },
  (one) => { const { parentNode, nextSibling } = one; one.remove(); parentNode.insertBefore(one, nextSibling); },
  (one) => one.append(...[...one.childNodes].reverse()),
  (one) => { one.innerHTML = '<s title=1>a<b>b</b></s>c'; },
];
window.storm = (times) => {
  for (let i = 0; i < times; i++) {
    const all = area.getElementsByTagName('*');
    if (all.length < 200) area.append(made(), made(), made());
    pick(changes)(all[random(all.length)], all[random(all.length)]);
  }
};
window.outline = (node) => node.nodeType === 3 ? node.data : [
  node.localName,
  Object.fromEntries([...node.attributes].map(({name, value}) => [name, value])),
  [...node.childNodes].map(outline),
];
window.blowing = setInterval(() => storm(5), 5);
"""
ROWS = "".join(
    f"<div title={nth % 7}><b>{nth}</b><i>x<u>y</u></i><p>row</p></div>" for nth in range(600)
)


async def test_what_is_told_adds_up_to_the_page(collector: Collector, open_page: Open) -> None:
    """A large page that changes at random while and after its snapshot is taken is the replay's."""
    collector.configure(privacy="open")
    page = await open_page(f"<main id=area>{ROWS}</main><script>{STORM}</script>")
    await collector.until(lambda: any(e["type"] == 2 for e in collector.recording()), timeout_s=60)
    live = await page.evaluate("() => { clearInterval(blowing); storm(300); return outline(area) }")
    await page.wait_for_timeout(600)
    await page.evaluate("stolper('flush')")

    assert live == replayed(collector.recording(), "area")
    assert 0 == max(batch.head["snippet"]["errors"] for batch in collector.batches)


async def test_what_comes_and_goes_at_once_is_not_told(
    collector: Collector, open_page: Open
) -> None:
    """Of many changes in one moment the last is told; a new text in an old one's place is a text."""
    collector.configure(privacy="open")
    page = await open_page("<p class=a>0</p><b>x</b><ul><li>1<li>2</ul>")
    await page.evaluate(
        "() => { const [p, b, u] = document.querySelectorAll('p, b, ul');"
        " for (let i = 1; i < 50; i++) { p.textContent = String(i);"
        " p.className = i % 2 ? 'b' : 'a'; b.remove(); document.body.append(b);"
        " const gone = document.createElement('i'); document.body.append(gone); gone.remove();"
        " u.append(u.firstChild) } p.className = 'a' }"
    )
    await page.wait_for_timeout(400)
    await page.evaluate("stolper('flush')")
    changes = [event["data"] for event in collector.recording() if event["data"].get("source") == 0]
    told = [len(change[part]) for change in changes for part in ("texts", "attributes")]

    assert 1 == len(changes)
    assert [1, 0] == told
    assert "49" == changes[0]["texts"][0]["value"]
    assert "<i>" not in json.dumps(changes)


async def test_masked_texts_that_look_alike_are_not_told_again(
    collector: Collector, open_page: Open
) -> None:
    """A masked number that ticks with as many digits sends nothing; one more digit is a change."""
    page = await open_page("<p id=p>100</p>")
    await page.evaluate(
        "async () => { for (let i = 101; i < 110; i++) { p.textContent = i;"
        " await new Promise((go) => setTimeout(go, 40)) } }"
    )
    await page.wait_for_timeout(300)
    await page.evaluate("p.textContent = 1000")
    await page.wait_for_timeout(300)
    await page.evaluate("stolper('flush')")
    texts = [
        text["value"]
        for event in collector.recording()
        if event["data"].get("source") == 0
        for text in event["data"]["texts"]
    ]

    assert ["xxxx"] == texts
