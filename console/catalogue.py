"""
Owns the list of texts to translate: what templates and code ask for.

`python -m console.catalogue` brings the .po files up to date; the tests hold them complete.
"""

from __future__ import annotations

from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po, write_po

HERE = Path(__file__).parent
LOCALE = HERE / "locale"
_METHODS = [("templates/**.html", "jinja2"), ("**.py", "python")]
_KEYWORDS: dict[str, tuple[int, ...] | None] = {"_": None, "gettext": None, "ngettext": (1, 2)}


def extract() -> Catalog:
    """Return all texts that the console's templates and code ask for."""
    catalogue = Catalog(charset="utf-8")
    found = extract_from_dir(HERE, _METHODS, keywords=_KEYWORDS)
    for _file, _line, message, _comments, context in found:
        catalogue.add(message, context=context)
    return catalogue


def po_files() -> list[Path]:
    """Return the catalogues there are."""
    return sorted(LOCALE.glob("*/LC_MESSAGES/messages.po"))


def read(path: Path) -> Catalog:
    """Return the catalogue in *path*."""
    with path.open("rb") as file:
        return read_po(file, locale=path.parts[-3], abort_invalid=True)


def update() -> None:
    """Add new texts to the catalogues, untranslated, and drop those that nobody asks for."""
    for path in po_files():
        catalogue = read(path)
        catalogue.update(extract(), no_fuzzy_matching=True)
        with path.open("wb") as file:
            write_po(file, catalogue, ignore_obsolete=True, sort_output=True, omit_header=True)


if __name__ == "__main__":
    update()
