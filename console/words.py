"""Owns words that pages and player share. *_* is the reader's gettext."""

from __future__ import annotations

from collections.abc import Callable

Words = Callable[[str], str]

GAP_KINDS = (
    "missing_batch", "reported", "no_farewell", "corrupt_chunk", "malformed_event",
    "missing_asset", "missing_picture", "missing_sheet", "missing_font", "corrupt_keyframe",
    "too_large", "no_snapshot",
)  # fmt: skip


def severity_text(severity: str, _: Words) -> str:
    """Return the name of *severity*."""
    return {
        "info": _("note"),
        "low": _("low"),
        "medium": _("medium"),
        "high": _("high"),
        "critical": _("critical"),
    }[severity]


def gap_text(kind: str, _: Words) -> str:
    """Return what a gap of *kind* means for whoever watches."""
    return {
        "missing_batch": _("Data from the browser did not arrive"),
        "reported": _("The browser could not send a part"),
        "no_farewell": _(
            "The end of this page was not told: it stayed open, or tab or browser were killed;"
            " then the last seconds are missing"
        ),
        "corrupt_chunk": _("A part of the recording is damaged"),
        "malformed_event": _("One change of the picture is damaged"),
        "missing_asset": _("A style sheet of the page is not kept any more"),
        "missing_picture": _("Pictures of this page were not kept: they are hatched"),
        "missing_sheet": _(
            "A style sheet of this page was not kept: it looks different than it did"
        ),
        "missing_font": _("A font of this page was not kept: another is shown"),
        "corrupt_keyframe": _(
            "A state of the page that was kept is damaged: the way to it is shown instead"
        ),
        "too_large": _("The recording is too large to show the rest"),
        "no_snapshot": _("No picture of the page arrived here"),
    }.get(kind, _("A part is missing"))


def device_text(device: object, _: Words) -> str:
    """Return the name of a kind of *device*; empty if it is not known."""
    names = {"desktop": _("Desktop"), "mobile": _("Phone"), "tablet": _("Tablet")}
    return names.get(str(device), "")


def end_text(kind: str | None, _: Words) -> str:
    """Return how a session ended."""
    return {
        "left": _("the page was left"),
        "idle": _("nothing happened any more"),
        "ended": _("ended by the site or by hand"),
    }.get(kind or "", "")


def mode_text(mode: object, _: Words) -> str:
    """Return what a site's *mode* means."""
    names = {
        "cookieless": _("cookieless: nothing is stored in the browser"),
        "full": _("full: a visit is followed over pages and tabs"),
    }
    return names.get(str(mode), str(mode))


def privacy_text(preset: object, _: Words) -> str:
    """Return what a site's privacy *preset* masks."""
    names = {
        "strict": _("strict: all text is masked"),
        "standard": _("standard: text and inputs are masked, headings and labels are not"),
        "open": _("open: only inputs are masked"),
    }
    return names.get(str(preset), str(preset))
