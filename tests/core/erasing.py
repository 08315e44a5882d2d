"""What tests of erasing share: a search that looks everywhere, and visitors who leave a word in all places."""

from __future__ import annotations

from pathlib import Path

from stolper.leaktest.search import Search, folder

CANARY = "Kanarienvogel-7Q4Z"


def places(data: Path, text: str = CANARY) -> list[str]:
    """Return where *text* stands below *data*: inflated, in free pages, in the log, in names."""
    search = Search([text])
    return sorted({found.where for where, raw in folder(data) for found in search.look(where, raw)})
