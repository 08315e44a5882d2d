"""Owns light and dark: which of them a page is shown in."""

from __future__ import annotations

from aiohttp import web

THEMES = ("auto", "light", "dark")
"""auto is what the reader's system says."""

THEME_COOKIE = "stolper_theme"


def theme_of(request: web.Request) -> str:
    """Return the theme of *request*: asked for in the address, chosen before, or the system's."""
    for theme in (request.query.get("theme"), request.cookies.get(THEME_COOKIE)):
        if theme in THEMES:
            return theme
    return THEMES[0]
