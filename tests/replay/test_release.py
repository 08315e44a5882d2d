"""What a release would open of a recorded page: what it counts, and what it leaves out."""

from __future__ import annotations

from typing import Any

from replay.mirror import Mirror
from replay.release import Areas, Opened, Release
from tests.console.support import element, rrweb_page, text_node


class Page:
    """A recorded page whose nodes are numbered as they are made."""

    def __init__(self) -> None:
        self.last = 10

    def node(self, tag: str, *inner: Any, **attributes: str) -> dict[str, Any]:
        """Return an element; a text in *inner* becomes a text node, `class_` an attribute."""
        self.last += 1
        number = self.last
        children = []
        for one in inner:
            if isinstance(one, str):
                self.last += 1
                one = text_node(self.last, one)
            children.append(one)
        named = {name.rstrip("_").replace("_", "-"): value for name, value in attributes.items()}
        return element(number, tag, children, named)


def opened(body: list[Any], *chosen: str, **areas: str) -> dict[str, Opened]:
    """Return what *chosen* would open of a page with *body*, by what it is."""
    mirror = Mirror()
    for event in rrweb_page(children=body):
        mirror.apply(event)
    release = Release(chosen, Areas(**areas))
    release.look(mirror, "/shop", "s1", 5.0)
    return {one.what: one for one in release.opened.values()}


def test_masked_texts_and_attributes_of_a_region_are_counted() -> None:
    """Also deep inside, each place once; what is readable already and what is empty is nothing new."""
    p = Page()
    body = [
        p.node("p", "xxxx xx", p.node("b", "xx", title="xxxxx"), p.node("i", "Hello"), class_="price big"),
        p.node("p", "xxx", class_="price"),
        p.node("p", "xxxxxxxx", class_="other"),
        p.node("p", "clear", class_="price dry"),
    ]  # fmt: skip
    found = opened(body, ".price")

    assert {"p.price.big", "p.price"} == set(found)
    big = found["p.price.big"]
    assert (1, 2, 8, 1, {"s1"}) == (
        big.places,
        big.texts,
        big.characters,
        big.attributes,
        big.sessions,
    )
    assert (1, 1, 3) == (
        found["p.price"].places,
        found["p.price"].texts,
        found["p.price"].characters,
    )


def test_what_stays_masked_is_not_counted() -> None:
    """Areas that are masked or blocked, what is typed into, fields; and what is released already."""
    p = Page()
    body = [
        p.node(
            "div",
            p.node("p", "xx", data_stolper="mask"),
            p.node("p", "xx", class_="secret"),
            p.node("p", "xx", class_="hole"),
            p.node("p", "xx", contenteditable="true"),
            p.node("p", "xx", role="textbox"),
            p.node("textarea", "xx"),
            p.node("input", value="xxxx"),
            p.node("p", "xx", class_="public"),
            class_="box",
        )
    ]
    areas = {"mask": ".secret", "block": ".hole", "unmask": ".public"}
    found = opened(body, ".box", **areas)

    assert (0, 2) == (found["div.box"].texts, found["div.box"].fields)
    assert {} == opened([p.node("div", body[0], class_="public")], ".box", unmask=".public")


def test_the_nearest_holder_decides() -> None:
    """A region within a masked area is opened if it is chosen itself, and the area within it stays shut."""
    p = Page()
    body = [
        p.node(
            "section",
            p.node("p", "xx", p.node("i", "xxx", data_stolper="mask"), class_="price"),
            data_stolper="mask",
        )
    ]

    assert 1 == opened(body, ".price")["p.price"].texts


def test_a_region_holds_across_shadow_roots_and_frames_but_selectors_do_not_reach() -> None:
    """What is matched opens all in it; an ancestor outside of a tree is none for a selector."""
    p = Page()
    inner = {**p.node("span", "xxxx", class_="amount"), "isShadow": True}
    host = p.node("my-price", inner, class_="price")
    body = [p.node("div", host, id="total")]

    assert 1 == opened(body, ".price")["my-price.price"].texts
    assert 1 == opened(body, ".amount")["span.amount"].texts
    assert {} == opened(body, "#total .amount")


def test_what_cannot_be_read_here_counts_as_no_protection() -> None:
    """A mask that only browsers understand is taken for none: the preview names too much, never too little."""
    p = Page()
    body = [p.node("p", "xx", class_="price")]

    assert 1 == opened(body, ".price", mask=":has(b)")["p.price"].texts
    assert {} == opened(body, ".price", mask=".price")


def test_pages_repeat_themselves() -> None:
    """Two looks at the same page are the most of both, not the sum; another path is another line."""
    p = Page()
    release = Release([".price"], Areas())
    for count in (2, 3):
        mirror = Mirror()
        for event in rrweb_page(children=[p.node("p", "xx", class_="price") for _ in range(count)]):
            mirror.apply(event)
        release.look(mirror, "/shop", f"s{count}", 5.0)
    release.look(mirror, "/other", "s1", 5.0)
    found = {one.path: one for one in release.opened.values()}

    assert (3, 3, {"s2", "s3"}) == (
        found["/shop"].places, found["/shop"].texts, found["/shop"].sessions,
    )  # fmt: skip
    assert 3 == found["/other"].texts
