"""The shop's two languages: texts from texts.yaml, money, and the choice of a language."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import yaml
from babel.numbers import format_currency, format_decimal

Language = Literal["de", "en"]
LANGUAGES: tuple[Language, ...] = ("de", "en")
_LOCALES: Mapping[Language, str] = {"de": "de_DE", "en": "en_IE"}  # both write euros


@dataclass(frozen=True)
class Words:
    """One text in both languages."""

    de: str
    en: str

    def text(self, language: Language) -> str:
        return self.de if language == "de" else self.en


class Texts:
    """The texts of pages and answers, by key."""

    def __init__(self, table: Mapping[str, Words]) -> None:
        self._table = table

    @classmethod
    def load(cls) -> Texts:
        """Read texts.yaml; a key that lacks a language fails here, not on a page."""
        rows = yaml.safe_load((Path(__file__).parent / "texts.yaml").read_text(encoding="utf-8"))
        return cls({key: Words(row["de"], row["en"]) for key, row in rows.items()})

    @property
    def keys(self) -> frozenset[str]:
        return frozenset(self._table)

    def get(self, language: Language, key: str, **values: object) -> str:
        """Return the text *key*, with *values* put in its {braces}."""
        text = self._table[key].text(language)
        return text.format(**values) if values else text


def money(language: Language, cents: int) -> str:
    """Write *cents* as euros, the way the language does."""
    return str(format_currency(cents / 100, "EUR", locale=_LOCALES[language]))


def number(language: Language, value: float) -> str:
    return str(format_decimal(value, locale=_LOCALES[language]))


def as_language(text: str) -> Language | None:
    return text if text in LANGUAGES else None


def preferred(accept_language: str) -> Language:
    """Choose from an Accept-Language header: German if it comes before English, else English."""
    for part in accept_language.lower().split(","):
        language = as_language(part.split(";")[0].strip()[:2])
        if language is not None:
            return language
    return "en"
