"""Texts of messages and errors, masked and hashed as the snippet does it, so that they are known again."""

from __future__ import annotations

import re

from replay.derived.policy import Policy, mask

_APOSTROPHES = re.compile(r"(^|[^\w])['‘‚].*?['’‘](?!\w)")
_QUOTES = re.compile(r'"(?:[^"\\]|\\.)*"|`[^`]*`|„[^“”]*[“”]|“[^”]*”|«[^»]*»|»[^«]*«')
_ADDRESS = re.compile(r"\bhttps?://[^\s\"'<>)]+")
_QUERY = re.compile(r"[?#][^\s\"'<>)]+")
_MAIL = re.compile(r"[^\s@\"'<>]+@[^\s@\"'<>]+")
_PAIRS = re.compile(r"[\w.\[\]-]+=[^\s&\"'<>)]*(&[\w.\[\]-]+=?[^\s&\"'<>)]*)+")
_WORD = re.compile(r"[^\W\d]+|[_$]+")
_KIND = re.compile(r"Uncaught|[A-Z]\w*(Error|Exception)")


def masked_message(text: str, policy: Policy, page: str) -> str:
    """Return *text* of a message without digits, quoted text, addresses; *page* is where it appeared."""
    text = _ADDRESS.sub(lambda url: policy.place(url[0], page), text[:1000])
    text = _QUERY.sub("?…", text)
    text = _MAIL.sub("•@•", text)
    if "JSON" in text:
        text = re.sub(r'"[\s\S]*"', '"…"', text)
    text = _QUOTES.sub('"…"', text)
    text = _APOSTROPHES.sub(r'\1"…"', text)
    text = _PAIRS.sub("?…", text)
    text = re.sub(r"\d+", "#", text)[:300]
    if policy.preset != "strict":
        return text
    return _WORD.sub(lambda word: word[0] if _KIND.fullmatch(word[0]) else mask(word[0]), text)


def _imul(a: int, b: int) -> int:
    return (a * b) & 0xFFFFFFFF


def short_hash(text: str) -> str:
    """Return the hash of *text* as the snippet makes it (snippet/src/hash.ts)."""
    a, b = 0xDEADBEEF, 0x41C6CE57
    raw = text.encode("utf-16-le", "surrogatepass")
    for at in range(0, len(raw), 2):
        code = raw[at] | raw[at + 1] << 8
        a = _imul(a ^ code, 2654435761)
        b = _imul(b ^ code, 1597334677)
    a = _imul(a ^ (a >> 16), 2246822507) ^ _imul(b ^ (b >> 13), 3266489909)
    # The other half is mixed with what the first has become, as it is written there.
    b = _imul(b ^ (b >> 16), 2246822507) ^ _imul(a ^ (a >> 13), 3266489909)
    return _base36(4294967296 * (2097151 & b) + (a & 0xFFFFFFFF))


def _base36(number: int) -> str:
    digits = ""
    while number:
        number, rest = divmod(number, 36)
        digits = "0123456789abcdefghijklmnopqrstuvwxyz"[rest] + digits
    return digits or "0"
