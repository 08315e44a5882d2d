"""Owns the words of what stands around the player: notes, the event list's filter, and the drawer."""

from __future__ import annotations

from console.language import Language

EVENT_KINDS: dict[str, tuple[str, ...]] = {
    "pages": ("page",),
    "presses": ("click", "gesture", "key", "cursor"),
    "input": ("field", "form", "copy"),
    "messages": ("message",),
    "errors": ("error", "asset", "console"),
    "network": ("request", "vitals"),
    "site": ("custom",),
}
"""Which events the filter of the list takes together. What is in none shows only among all."""


def event_kinds(language: Language) -> list[tuple[str, str, str]]:
    """Return the filter's choices: name, types of events, words."""
    _ = language.gettext
    words = {
        "pages": _("Pages"),
        "presses": _("Presses and gestures"),
        "input": _("Input and forms"),
        "messages": _("Messages"),
        "errors": _("Errors"),
        "network": _("Requests and speed"),
        "site": _("Told by the site"),
    }
    return [(name, " ".join(types), words[name]) for name, types in EVENT_KINDS.items()]


def panel_texts(language: Language) -> dict[str, str]:
    """Return the words that the page's scripts put around the player."""
    _ = language.gettext
    return {
        "shown_of": _("%(shown)s of %(all)s"),
        "note_at": _("Note by %(author)s at %(at)s"),
        "note_new": _("New note at %(at)s"),
        "note_change": _("Change the note at %(at)s"),
        "note_changed": _("changed"),
        "edit": _("Change"),
        "remove": _("Remove"),
        "remove_sure": _("Remove this note?"),
        "not_saved": _("This was not saved: %(reason)s"),
        "not_copied": _("This browser lets nothing be copied: %(text)s"),
        "copied_address": _("Page address copied"),
        "copied_link": _("Link to this moment copied"),
        "no_requests": _("No request was recorded."),
        "no_logs": _("No script error and no console note was recorded."),
        "no_vitals": _("The browser measured nothing, or does not measure this."),
        "vital_lcp": _("Largest content shown"),
        "vital_inp": _("Reaction to a press or key"),
        "vital_cls": _("Layout shifts"),
        "vital_long_task": _("Page blocked"),
        "vital_route": _("Change of page"),
        "no_match": _("Nothing matches."),
        "detail_failed": _("The server did not answer. Close this panel and open it again."),
        "cut": _("More than can be listed: the rest is in the API."),
        "aborted": _("aborted"),
        "blocked": _("blocked in the browser"),
        "failed_request": _("failed"),
        "pending": _("no answer"),
        "handled": _("caught by the site"),
        "level_error": _("Error"),
        "level_warn": _("Warning"),
        "kind_rejection": _("Promise rejected"),
        "text_kept_back": _("Text not recorded (#%(hash)s)"),
        "milliseconds": _("%(number)s ms"),
        "seconds": _("%(number)s s"),
        "bytes": _("%(number)s B"),
        "kilobytes": _("%(number)s kB"),
        "dom_none": _("No picture is shown at this moment."),
        "dom_more": _("%(number)s more"),
        "dom_open": _("Open %(name)s"),
        "no_goal": _("There is no such page here."),
        "no_previous": _("This is the first session of its list."),
        "no_next": _("This is the last session of its list."),
        "no_export": _("There is nothing to export here."),
        "no_map": _("No source map fits this place. `stolper sourcemaps add` uploads one."),
    }
