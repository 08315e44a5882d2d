"""What can be asked of elements of a mirrored page: attributes, ancestors, texts, states."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from replay.mirror import DOCUMENT, ELEMENT
from replay.nodes import Node

TEXT = 3
FORM_CONTROLS = frozenset(["button", "input", "select", "textarea"])
MOST_BELOW = 5_000
"""Elements below one that are looked at."""

Test = Callable[[Node], bool]


def is_element(node: Node) -> bool:
    return bool(node.data["type"] == ELEMENT)


def tag_of(node: Node) -> str:
    """Return the tag in lower case; "" of what is no element."""
    return str(node.data["tagName"]).lower() if is_element(node) else ""


def attribute(node: Node, name: str) -> str | None:
    """Return an attribute as text; None if it is not there."""
    if not is_element(node):
        return None
    value = node.data["attributes"].get(name)
    if value is None or value is False:
        return None
    return "" if value is True else str(value)


def classes(node: Node) -> list[str]:
    return (attribute(node, "class") or "").split()


def parent_of(node: Node) -> Node | None:
    """Return the element above, out of shadow roots and frames too."""
    at = node.parent
    while at is not None and not is_element(at):
        at = at.parent
    return at


def element_of(node: Node | None) -> Node | None:
    """Return *node* itself if it is an element, else the one above."""
    return node if node is None or is_element(node) else parent_of(node)


def ancestors(node: Node) -> Iterator[Node]:
    """Give *node*, if it is an element, and the elements above, nearest first."""
    at = element_of(node)
    while at is not None:
        yield at
        at = parent_of(at)


def closest(node: Node | None, test: Test) -> Node | None:
    """Return the nearest of *node* and the elements above of which *test* holds."""
    return next((one for one in ancestors(node) if test(one)), None) if node is not None else None


def is_within(node: Node | None, above: Node) -> bool:
    """Say whether *node* is *above* or inside it."""
    while node is not None:
        if node is above:
            return True
        node = node.parent
    return False


def document_of(node: Node) -> Node:
    """Return the document that *node* is of: the page's, or that of a frame."""
    while node.parent is not None and node.data["type"] != DOCUMENT:
        node = node.parent
    return node


def siblings(node: Node) -> Iterator[Node]:
    """Give the element children of the node above, in order."""
    if node.parent is None:
        yield node
        return
    yield from (one for one in node.parent.children() if is_element(one))


def below(node: Node) -> Iterator[Node]:
    """Give the elements inside *node*, in order of the document, MOST_BELOW at most."""
    open_ = [iter([*node.children()])]
    told = 0
    while open_:
        for child in open_[-1]:
            if is_element(child):
                told += 1
                if told > MOST_BELOW:
                    return
                yield child
            open_.append(iter([*child.children()]))
            break
        else:
            open_.pop()


def texts(node: Node) -> Iterator[Node]:
    """Give the texts inside *node*, in order, of MOST_BELOW nodes at most."""
    pending, seen = [node], 0
    while pending and seen < MOST_BELOW:
        at = pending.pop()
        seen += 1
        if at.data["type"] == TEXT:
            yield at
        pending.extend(reversed([*at.children()]))


def text_of(node: Node) -> str:
    return "".join(str(one.data.get("textContent") or "") for one in texts(node))


def by_id(near: Node, id_: str) -> Node | None:
    """Return the element of that id in the document of *near*."""
    if not id_:
        return None
    return next((one for one in below(document_of(near)) if attribute(one, "id") == id_), None)


def referred(node: Node, name: str) -> Iterator[Node]:
    """Give the elements whose ids attribute *name* lists."""
    for id_ in (attribute(node, name) or "").split():
        found = by_id(node, id_)
        if found is not None:
            yield found


def input_type(node: Node) -> str:
    """Return the type of an input, as the browser takes it; "" of what is none."""
    return (attribute(node, "type") or "text").lower() if tag_of(node) == "input" else ""


def is_checked(node: Node) -> bool:
    """Say whether a box or radio is on, as an input event told last or its attribute says."""
    if node.field is not None:
        return bool(node.field[1].get("isChecked"))
    return attribute(node, "checked") is not None


def is_disabled(node: Node) -> bool:
    """Say whether a control is disabled, by itself or by its fieldset."""
    if tag_of(node) not in FORM_CONTROLS | {"option", "optgroup", "fieldset"}:
        return False
    if attribute(node, "disabled") is not None:
        return True
    above = parent_of(node)
    fieldset = closest(
        above, lambda one: tag_of(one) == "fieldset" and attribute(one, "disabled") is not None
    )
    return fieldset is not None and not _in_legend(node, fieldset)


def _in_legend(node: Node, fieldset: Node) -> bool:
    legend = next((one for one in fieldset.children() if tag_of(one) == "legend"), None)
    return legend is not None and is_within(node, legend)


def is_hidden(node: Node) -> bool:
    """Say whether *node* or one above is hidden by its own attributes; styles of sheets are not read."""
    return any(_hides(one) for one in ancestors(node))


def _hides(node: Node) -> bool:
    if attribute(node, "hidden") is not None:
        return True
    if tag_of(node) == "dialog" and attribute(node, "open") is None and not node.own:
        return attribute(node, "rr_open_mode") is None
    style = (attribute(node, "style") or "").replace(" ", "").lower()
    return "display:none" in style or "visibility:hidden" in style


def label_of(node: Node) -> Node | None:
    """Return the label that names the field *node*: one that refers to it, or that it is in."""
    id_ = attribute(node, "id")
    if id_:
        for one in below(document_of(node)):
            if tag_of(one) == "label" and attribute(one, "for") == id_:
                return one
    return closest(parent_of(node), lambda one: tag_of(one) == "label")


def labelled(label: Node) -> Node | None:
    """Return the control that *label* is of; None if it is no label, or of nothing."""
    if tag_of(label) != "label":
        return None
    id_ = attribute(label, "for")
    if id_ is not None:
        return by_id(label, id_)
    return next(
        (
            one
            for one in below(label)
            if tag_of(one) in FORM_CONTROLS and input_type(one) != "hidden"
        ),
        None,
    )


def form_of(node: Node) -> Node | None:
    """Return the form that a control belongs to."""
    id_ = attribute(node, "form")
    return (by_id(node, id_) if id_ else None) or closest(node, lambda one: tag_of(one) == "form")


def markup(node: Node, most: int = 200_000) -> str:
    """Return what *node* looks like as text, to compare; ids of nodes are not in it."""
    parts: list[str] = []
    size = 0
    pending: list[Node | str] = [node]
    while pending and size < most:
        at = pending.pop()
        if isinstance(at, str):
            parts.append(at)
            continue
        if at.data["type"] == TEXT:
            text = str(at.data.get("textContent") or "")
        elif is_element(at):
            shown = {k: v for k, v in at.data["attributes"].items() if v not in (None, "")}
            text = f"<{tag_of(at)} {sorted(shown.items(), key=str)}>"
            pending.append("</>")
        else:
            text = ""
        parts.append(text)
        size += len(text)
        pending.extend(reversed([*at.children()]))
    return "".join(parts)
