"""
What of an imported recording may be shown: the site's preset, as the snippet has it.

Another tool recorded by rules of its own, so that nothing in a file counts as released. The table is
that of docs/privacy.md; what needs a browser to tell is masked. Knows elements of a mirror.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from urllib.parse import SplitResult, unquote, urlsplit

from core.model import Privacy
from replay.derived.elements import attribute, closest, input_type, parent_of, tag_of
from replay.derived.looks import is_content_editable
from replay.derived.select import Selector
from replay.nodes import Node

RELEASED_TAGS = frozenset(["button", "label", "legend", "h1", "h2", "h3", "h4", "h5", "h6"])
HELD_TAGS = frozenset(["option", "optgroup", "td", "output", "select", "datalist", "textarea"])
HELD_ROLES = frozenset(
    ["combobox", "listbox", "option", "cell", "gridcell", "textbox", "searchbox"]
)
TEST_ATTRIBUTES = (
    "data-testid",
    "data-test",
    "data-test-id",
    "data-cy",
    "data-qa",
    "data-track",
)
PRESSED_INPUTS = frozenset(["submit", "button", "reset"])
UNREAD = frozenset(["noscript", "noframes", "noembed", "iframe", "xmp", "plaintext", "listing"])

_MAIL = re.compile(r"[^\s/@]+(@|%40)[^\s/@]+", re.IGNORECASE)
_TOKENS = re.compile(
    r"(^|\s)(cc-[a-z-]+|current-password|new-password|one-time-code)(\s|$)", re.IGNORECASE
)
_SECRET_NAMES = re.compile(
    r"passw|passwd|kennwort|(^|[^a-z])(pwd|pin|tan|otp|cvc|cvv|csc|iban|ssn)([^a-z]|$)|one.?time|"
    r"card.?(no|num|nr)|cc.?num|kartennummer|security.?code|secret",
    re.IGNORECASE,
)
_TOKEN_PART = re.compile(r"[a-z]{1,20}|\d{1,4}|[a-z]{1,3}\d{1,3}|\d{1,3}[a-z]{1,3}|[a-z]+\d{1,4}")


class Policy:
    """
    The preset of a site. *trusted*: what the file shows may be shown.

    *masked*, *unmasked*, *blocked* and *ignored* are selectors of the site's options; *unsure*: one of
    them is not understood here, so that all is masked as `strict` has it.
    """

    def __init__(
        self,
        preset: Privacy,
        *,
        trusted: bool = False,
        masked: Sequence[Selector] = (),
        unmasked: Sequence[Selector] = (),
        blocked: Sequence[Selector] = (),
        ignored: Sequence[Selector] = (),
        unsure: bool = False,
        params: Sequence[str] = (),
    ) -> None:
        self.preset: Privacy = "strict" if unsure else preset
        self.trusted = trusted
        self._masked = masked
        self._unmasked = () if unsure else unmasked
        self._blocked = blocked
        self._ignored = ignored
        self._params = frozenset(params)

    def blocked(self, node: Node | None) -> bool:
        """Say whether nothing in *node* may be shown."""
        return closest(node, self._blocks) is not None

    def _blocks(self, node: Node) -> bool:
        told = (attribute(node, "data-stolper") or "").split()
        return "block" in told or any(one.matches(node) for one in self._blocked)

    def ignored(self, node: Node) -> bool:
        """Say whether nothing that happens at *node* may be told."""
        return closest(node, self._ignores) is not None

    def _ignores(self, node: Node) -> bool:
        told = (attribute(node, "data-stolper") or "").split()
        return "ignore" in told or any(one.matches(node) for one in self._ignored)

    def preset_at(self, node: Node | None) -> Privacy:
        """Return the preset that holds at *node*."""
        holder = closest(node, lambda one: self._area(one) is not None)
        if holder is None:
            return self.preset
        return "strict" if self._area(holder) == "mask" else "open"

    def _area(self, node: Node) -> str | None:
        told = (attribute(node, "data-stolper") or "").split()
        if "mask" in told or any(one.matches(node) for one in self._masked):
            return "mask"
        shown = "unmask" in told or any(one.matches(node) for one in self._unmasked)
        return "unmask" if shown else None

    def releases(self, text: str, node: Node | None) -> bool:
        """Say whether *text*, of the element *node*, may be shown."""
        if node is None or self.blocked(node):
            return False
        if self.trusted:
            return True
        preset = self.preset_at(node)
        if preset == "strict" or _is_typed_into(node):
            return False
        return preset == "open" or (_standing(node) == "released" and harmless(text))

    def text(self, text: str, parent: Node | None) -> str:
        """Return *text*, which stands in *parent*, as it may be shown; its length stays."""
        if not text.strip() or tag_of_or(parent) in ("style", "script"):
            return text if tag_of_or(parent) != "script" else ""
        if tag_of_or(parent) in UNREAD:
            return ""
        if tag_of_or(parent) == "title" and not self.trusted:
            return text if self.preset == "open" else mask(text)
        return text if self.releases(text, parent) else mask(text)

    def value(self, value: str, field: Node) -> str:
        """Return what stands in *field* as it may be shown."""
        if is_sensitive(field):
            return ""
        if input_type(field) in PRESSED_INPUTS:
            return value if self.releases(value, field) else mask(value)
        if self.trusted or "unmask" in (attribute(field, "data-stolper") or "").split():
            return value
        return re.sub(r"\S", "•", value)

    # Addresses

    def url(self, url: str, *, told: bool = False) -> str:
        """Return *url* without values of its query; *told*: tokens in its path go too."""
        text = url.strip()
        if not text or re.fullmatch(r"#[\w-]{0,64}", text):
            return text
        if text[0] == "#":
            return "#"
        parts = split(text)
        if parts is None:
            return ""
        if parts.scheme and parts.scheme not in ("http", "https", "ws", "wss", "file", "ftp"):
            return f"{parts.scheme}:"
        host = parts.netloc.rpartition("@")[2]
        front = f"{parts.scheme}:" if parts.scheme else ""
        front += f"//{host}" if host else ""
        return front + path_of(parts.path, told=told) + self._query(parts.query)

    def place(self, url: str, page: str) -> str:
        """Return host (if it is not that of *page*) and path of *url*, as events name places."""
        parts, here = split(url), split(page)
        if parts is None:
            return ""
        if parts.scheme and parts.scheme not in ("http", "https", "ws", "wss", "file"):
            return f"{parts.scheme}:"
        host = parts.netloc.rpartition("@")[2]
        host = "" if here is not None and host == here.netloc.rpartition("@")[2] else host
        path = path_of(parts.path)
        if not parts.netloc and not path.startswith("/") and here is not None:
            path = path_of(here.path.rpartition("/")[0]) + "/" + path
        route = re.match(r"!?(/[^?#&]*)", parts.fragment)
        shown = f"#{path_of(route[1])}" if route and route[1] != "/" else ""
        return (host + (path or "/") + shown)[:512]

    def query_keys(self, url: str) -> list[str]:
        """Return the names of the parameters of *url*."""
        parts = split(url)
        pairs = [one for one in (parts.query if parts else "").split("&") if "=" in one]
        names = [pair.split("=")[0] for pair in pairs]
        return [n for n in names if n and not is_token(n) and not _MAIL.search(n) and harmless(n)][
            :20
        ]

    def _query(self, query: str) -> str:
        if not query:
            return ""
        told = []
        for pair in query.split("&"):
            name, sign, value = pair.partition("=")
            if not sign:
                told.append("•")
                continue
            shown = name in self._params and len(value) <= 100 and not _MAIL.search(unquote(value))
            name = ":id" if is_token(name) else "•" if _MAIL.search(unquote(name)) else name
            told.append(f"{name}={value if shown or self.trusted else ''}")
        return "?" + "&".join(told)


def tag_of_or(node: Node | None) -> str:
    return tag_of(node) if node is not None else ""


def mask(text: str) -> str:
    """Return *text* with an x for each of its signs."""
    return re.sub(r"\S", "x", text)


def harmless(text: str) -> bool:
    """Say whether *text* is nobody's data as far as can be told: no digits, no e-mail."""
    return not any(sign.isnumeric() or sign in "@\uff20" for sign in text)


def is_sensitive(field: Node) -> bool:
    """Say whether nothing but the existence of *field* may be told: passwords, cards, codes."""
    if tag_of(field) not in ("input", "textarea", "select"):
        return False
    if input_type(field) == "password" or attribute(field, "data-rr-is-password") is not None:
        return True
    if _TOKENS.search(attribute(field, "autocomplete") or ""):
        return True
    return bool(
        _SECRET_NAMES.search(f"{attribute(field, 'name') or ''} {attribute(field, 'id') or ''}")
    )


def _is_typed_into(node: Node) -> bool:
    return is_content_editable(node) or closest(node, _takes_text) is not None


def _takes_text(node: Node) -> bool:
    return tag_of(node) == "textarea" or bool(
        {"textbox", "searchbox"} & set((attribute(node, "role") or "").lower().split())
    )


def _standing(node: Node) -> str | None:
    """Return "released" or "held", by the nearest element at or above *node* that is one of these."""
    at: Node | None = node
    while at is not None:
        tag, role = tag_of(at), attribute(at, "role")
        if (
            tag in HELD_TAGS
            or role in HELD_ROLES
            or attribute(at, "aria-haspopup") == "listbox"
            or attribute(at, "contenteditable") not in (None, "false")
        ):
            return "held"
        if (
            tag in RELEASED_TAGS
            or role == "button"
            or input_type(at) in PRESSED_INPUTS
            or (tag == "a" and closest(parent_of(at), _is_navigation) is not None)
        ):
            return "released"
        at = parent_of(at)
    return None


def _is_navigation(node: Node) -> bool:
    return tag_of(node) == "nav" or attribute(node, "role") == "navigation"


def split(url: str) -> SplitResult | None:
    """Return the parts of *url*; None if it is none."""
    try:
        return urlsplit(url.strip())
    except ValueError:
        return None


def path_of(path: str, *, told: bool = True) -> str:
    """Return *path* without its parameters; *told*: tokens become `:id`. What looks like a mail is masked."""
    return "/".join(_segment(one, told=told) for one in path.split("/"))[:512]


def _segment(text: str, *, told: bool) -> str:
    text = re.split(";|%3b", text, maxsplit=1, flags=re.IGNORECASE)[0]
    if told and is_token(text):
        return ":id"
    if _MAIL.search(text) or _MAIL.search(unquote(text)):
        return "•" * min(8, len(text))
    return text


def is_token(text: str) -> bool:
    """Say whether *text* has 16 or more letters and digits that are not words with short numbers."""
    if len(text) < 16 or not re.search(r"\d", text) or not re.search("[a-z]", text, re.IGNORECASE):
        return False
    parts = re.split(r"[-_.]", text)
    return len(parts) < 2 or not all(_TOKEN_PART.fullmatch(one) for one in parts)
