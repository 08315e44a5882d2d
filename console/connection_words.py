"""Owns the words of the connection check: how far visits come, and what to do."""

from __future__ import annotations

from dataclasses import dataclass

from console.health_words import refusal_text
from console.language import Language
from console.words import Words
from core.connection import Connection, State
from core.model import Site
from core.new_site import NoOrigin


@dataclass(frozen=True, slots=True)
class ConnectionTold:
    """How far visits come, in words: what is so, and what to do about it."""

    found: Connection
    what: str
    do: str

    @property
    def look(self) -> str:
        """Return how it looks: good, bad or waiting."""
        if self.found.state == "received":
            return "good"
        return "waiting" if self.found.state in ("waiting", "fetched", "left") else "bad"


def connection_told(found: Connection, site: Site, base: str, language: Language) -> ConnectionTold:
    """Return *found* in words. *base* is the address of the public listener."""
    _ = language.gettext
    name = found.names[0] if found.names else ""
    page = name or _("A page")
    told: dict[State, tuple[str, str]] = {
        "off": (
            _("Recording is switched off for this site."),
            _("Switch it on on the page of recording health."),
        ),
        "waiting": (
            _("Waiting for the first page that asks for the script ..."),
            _(
                "Put the line into the head of a page and open that. Nothing happens? Then the page is"
                " cached, or its content security policy lacks script-src %(base)s."
            )
            % {"base": base},
        ),
        "wrong_key": (
            _("A page of %(origin)s asks for the script with a key that no site has: %(key)s.")
            % {"origin": ", ".join(site.origins), "key": name},
            _("Put the line above into the page again, as it stands here."),
        ),
        "fetched": (
            _("%(page)s has asked for the script. Waiting for the first event ...") % {"page": page},
            _("That takes a second or two."),
        ),
        "nothing_sent": (
            _("%(page)s has asked for the script, but nothing was sent.") % {"page": page},
            _(
                "Most likely the content security policy of the page lacks connect-src %(base)s; the"
                " browser's console says so. Else a blocker keeps it from sending, or the visitor does not"
                " want to be recorded."
            )
            % {"base": base},
        ),
        "left": (
            _("A page was left before its recorder had come."),
            _("Stay on it for a second or two."),
        ),
        "origin": (
            _("A page of %(origin)s sends, but is none of the site's.") % {"origin": name},
            _("This site is for %(origins)s. Add a site for that origin, or open the page there.")
            % {"origins": ", ".join(site.origins)},
        ),
        "refused": (
            _("What a page sends is refused: %(why)s.") % {"why": refusal_text(name, _)},
            _("What each code means stands in docs/operating.md."),
        ),
        "received": (_("Visits arrive."), ""),
    }  # fmt: skip
    return ConnectionTold(found, *told[found.state])


def no_origin_text(error: NoOrigin, text: str, _: Words) -> str:
    """Return why *text*, which somebody entered, is no origin, and what to write."""
    told = {
        "none": _("“%(text)s” is no origin. Write for example https://www.example.org"),
        "pattern": _("“%(text)s” is a pattern. Give each origin by itself."),
        "more": _("“%(text)s” is more than an origin. Write %(origin)s"),
    }[error.why]
    return told % {"text": text[:100], "origin": error.origin}
