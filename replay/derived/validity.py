"""Whether a field is refused, as far as the page shows it, and which messages belong to which field."""

from __future__ import annotations

import re
from collections.abc import Iterator

from replay.derived.elements import (
    attribute,
    below,
    closest,
    document_of,
    input_type,
    is_hidden,
    labelled,
    parent_of,
    referred,
    siblings,
    tag_of,
    text_of,
)
from replay.nodes import Node

_ERROR = re.compile(
    r"(^|[-_\s])(error|errors|invalid|danger|fehler|has-error|is-invalid|field-error)([-_\s]|$)",
    re.IGNORECASE,
)
_SKIPPED = frozenset(["hidden", "submit", "button", "reset", "image"])


def looks_like_error(node: Node) -> bool:
    names = (attribute(node, name) or "" for name in ("class", "id", "data-type"))
    return _ERROR.search(" ".join(names)) is not None


def is_field(node: Node) -> bool:
    """Say whether *node* is a form's field, or a place in the page that is edited."""
    tag = tag_of(node)
    if tag == "input":
        return input_type(node) not in _SKIPPED
    return tag in ("select", "textarea") or attribute(node, "contenteditable") not in (
        None,
        "false",
    )


def refusals(field: Node) -> list[str]:
    """Return why *field* is refused: `aria`, `message`. What the browser itself refuses is not told."""
    found = []
    if attribute(field, "aria-invalid") not in (None, "", "false"):
        found.append("aria")
    if any(text_of(one).strip() and not is_hidden(one) for one in _tied(field)):
        found.append("message")
    return found


def _tied(field: Node) -> Iterator[Node]:
    if attribute(field, "aria-invalid") == "true":
        yield from referred(field, "aria-errormessage")
    for one in referred(field, "aria-describedby"):
        if looks_like_error(one) or _is_alert(one):
            yield one
    wrapper = parent_of(field)
    if wrapper is None or tag_of(wrapper) in ("form", "body"):
        beside = _next(field)
        if beside is not None and (looks_like_error(beside) or _is_alert(beside)):
            yield beside
        return
    if len([*_controls(wrapper)]) > 1:
        return  # a wrapper of several fields cannot tell whose message it is
    for one in siblings(field):
        if one is not field and (looks_like_error(one) or _is_alert(one)):
            yield one


def field_of_message(node: Node) -> Node | None:
    """Return the field that the message *node* belongs to."""
    own = attribute(node, "id")
    if own:
        for one in below(document_of(node)):
            names = (
                attribute(one, name) or "" for name in ("aria-errormessage", "aria-describedby")
            )
            if own in " ".join(names).split():
                return one
    label = closest(node, lambda one: tag_of(one) == "label")
    if label is not None and (control := labelled(label)) is not None:
        return control
    wrapper = parent_of(node)
    if wrapper is None or tag_of(wrapper) in ("form", "body"):
        before = [*siblings(node)]
        at = before.index(node) if node in before else 0
        return before[at - 1] if at > 0 and _is_control(before[at - 1]) else None
    fields = [*_controls(wrapper)]
    return fields[0] if len(fields) == 1 else None


def _is_control(node: Node) -> bool:
    tag = tag_of(node)
    return tag in ("select", "textarea") or (tag == "input" and input_type(node) != "hidden")


def _controls(node: Node) -> Iterator[Node]:
    return (one for one in below(node) if _is_control(one))


def _next(node: Node) -> Node | None:
    rest = [*siblings(node)]
    at = rest.index(node) + 1 if node in rest else len(rest)
    return rest[at] if at < len(rest) else None


def _is_alert(node: Node) -> bool:
    return attribute(node, "role") == "alert"
