"""
Owns languages: which one a request is answered in, its texts, and the page templates in it.

Catalogues are read from the .po files themselves, so that a source checkout needs no
extra step.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from aiohttp import web
from babel.messages.mofile import write_mo
from babel.numbers import format_decimal
from babel.support import NullTranslations, Translations
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from console import catalogue
from console import format as formats
from console.score_words import band_look, band_text
from console.words import (
    Words,
    device_text,
    end_text,
    mode_text,
    privacy_text,
    severity_text,
)

SOURCE = "en"
LANGUAGES: dict[str, str] = {"en": "English", "de": "Deutsch"}
COOKIE = "stolper_language"

_HERE = Path(__file__).parent
_TEMPLATES = _HERE / "templates"


class Language:
    """One language: `gettext` and `ngettext` for texts in code, `render` for pages."""

    def __init__(self, code: str) -> None:
        self.code = code
        self.translations = _load(code)
        self.gettext = self.translations.ugettext
        self.ngettext = self.translations.ungettext
        self._pages = _environment(self)

    def render(self, template: str, values: Mapping[str, Any]) -> str:
        """Return the page *template* with *values*."""
        return self._pages.get_template(template).render(values)

    def text(self, texts: Mapping[str, str]) -> str:
        """Return the one of *texts* (language to text) in this language, else any other."""
        return texts.get(self.code) or texts.get(SOURCE) or next(iter(texts.values()), "")


class Languages:
    """All languages, loaded once."""

    def __init__(self) -> None:
        self._all = {code: Language(code) for code in LANGUAGES}

    def __getitem__(self, code: str) -> Language:
        return self._all[code]

    def of(self, request: web.Request) -> Language:
        """Return the language of *request*: asked for in the URL, chosen before, or preferred."""
        for code in (request.query.get("lang"), request.cookies.get(COOKIE)):
            if code in self._all:
                return self._all[code]
        for part in request.headers.get("Accept-Language", "").split(","):
            code = part.split(";")[0].strip()[:2].lower()
            if code in self._all:
                return self._all[code]
        return self._all[SOURCE]


def _load(code: str) -> NullTranslations:
    if code == SOURCE:
        return NullTranslations()
    compiled = io.BytesIO()
    write_mo(compiled, catalogue.read(catalogue.LOCALE / code / "LC_MESSAGES" / "messages.po"))
    compiled.seek(0)
    return Translations(compiled)


def _worded(word: Callable[[Any, Words], str], gettext: Words, value: object) -> str:
    return word(value, gettext)


def _counted(language: Language) -> Callable[..., Markup]:
    """Return the ngettext of templates: Jinja's, whose `num` is written as people of the language write numbers."""

    def ngettext(singular: str, plural: str, number: int, **variables: Any) -> Markup:
        text = Markup(language.ngettext(singular, plural, number))  # ours, not a stranger's
        return text % {"num": format_decimal(number, locale=language.code), **variables}

    return ngettext


def _environment(language: Language) -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        extensions=["jinja2.ext.i18n"],
        trim_blocks=True,
        lstrip_blocks=True,
    )
    extended: Any = environment  # the extension adds the method
    extended.install_gettext_translations(language.translations, newstyle=True)
    environment.globals["ngettext"] = _counted(language)
    environment.filters.update(formats.filters(language.code))
    environment.filters["translated"] = language.text
    environment.filters["band_look"] = band_look
    words = (
        ("severity", severity_text), ("device", device_text), ("ending", end_text),
        ("band", band_text), ("mode", mode_text), ("privacy", privacy_text),
    )  # fmt: skip
    for name, word in words:
        environment.filters[name] = partial(_worded, word, language.gettext)
    return environment
