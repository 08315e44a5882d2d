"""Owns the words of recording health: what keeps visits from arriving, and what to do about it."""

from __future__ import annotations

from collections.abc import Callable

from console.words import Words
from core.health import Finding

NWords = Callable[[str, str, int], str]


def finding_text(finding: Finding, base: str, _: Words, ngettext: NWords) -> tuple[str, str]:
    """Return what *finding* says and what to do. *base* is the collector's own address."""
    names = ", ".join(finding.names[:5])
    number = finding.count
    told: dict[str, tuple[str, str]] = {
        **_way_words(names, number, _, ngettext),
        **_browser_words(names, number, _, ngettext),
        **_disk_words(names, number, _, ngettext),
        "off": (
            _("Recording is switched off for this site."),
            _(
                "Pages load nothing, and running recordings stop and delete what they stored. Switch"
                " it on here, or by: stolper site set NAME enabled=true."
            ),
        ),
        "no_loader": (
            _("No page has asked for the script."),
            _(
                "Is the line in the pages? A content security policy needs script-src %(base)s;"
                " the browser's console says so."
            )
            % {"base": base},
        ),
        "no_batches": (
            ngettext(
                "The script was fetched %(num)s time, but nothing was ever sent.",
                "The script was fetched %(num)s times, but nothing was ever sent.",
                number,
            )
            % {"num": number},
            _(
                "Most likely the pages' content security policy lacks connect-src %(base)s; the"
                " browser's console says so. Else a blocker, or a proxy that lets no POST through."
            )
            % {"base": base},
        ),
        "silent": (
            _("The script is still fetched, but nothing has been sent for a while."),
            _(
                "Was a content security policy changed? It needs connect-src %(base)s. Visitors"
                " who do not want to be recorded fetch the script, too."
            )
            % {"base": base},
        ),
        "origin": (
            _("Pages of %(names)s sent, but are none of the site's.") % {"names": names},
            _(
                "If they are yours, add the site again with these origins too, exactly as they"
                " stand here, and use its new line."
            ),
        ),
        "refused": (
            ngettext(
                "%(num)s batch was refused: %(names)s.",
                "%(num)s batches were refused: %(names)s.",
                number,
            )
            % {"num": number, "names": names},
            _("What each code means stands in docs/operating.md."),
        ),
        "no_snapshot": (
            ngettext(
                "%(num)s session has no picture at all.",
                "%(num)s sessions have no picture at all.",
                number,
            )
            % {"num": number},
            _("Their visitors left before it had been sent. Events and struggles are there."),
        ),
        "gaps": (
            ngettext(
                "Of %(num)s session something is missing.",
                "Of %(num)s sessions something is missing.",
                number,
            )
            % {"num": number},
            _("Each names what is missing on its own page; the table below sums it up."),
        ),
        "own_errors": (
            ngettext(
                "The script made %(num)s error of its own, in: %(names)s.",
                "The script made %(num)s errors of its own, in: %(names)s.",
                number,
            )
            % {"num": number, "names": names},
            _("The pages did not notice. A few are no harm; tell us of many."),
        ),
        "masked": (
            ngettext(
                "%(num)s text that looks like an e-mail address, an IBAN or a card number came"
                " unmasked, in: %(names)s.",
                "%(num)s texts that look like e-mail addresses, IBANs or card numbers came"
                " unmasked, in: %(names)s.",
                number,
            )
            % {"num": number, "names": names},
            _(
                "They are masked in the recordings now. Mask the elements by data-stolper or the"
                " site's option mask, so that they do not leave the page."
            ),
        ),
        "assets_full": (
            _("There was no room for another style sheet, font or picture of the site."),
            _("Pages send such style sheets in full; raise the site's option assets_mb."),
        ),
    }
    return told[finding.code]


def _way_words(names: str, number: int, _: Words, ngettext: NWords) -> dict[str, tuple[str, str]]:
    """Return the words for what does not arrive as it was sent."""
    return {
        "wrong_key": (
            _("Pages of the site ask for the script with a key that no site has: %(names)s.")
            % {"names": names},
            _("Put the line to embed, as it stands on the page of the sites, into them again."),
        ),
        "newer_snippet": (
            ngettext(
                "%(num)s batch came from a newer script than this server understands.",
                "%(num)s batches came from a newer script than this server understands.",
                number,
            )
            % {"num": number},
            _(
                "Was the server set back to an older version, or does an older one still run?"
                " Update the server first, then copies of the script."
            ),
        ),
        "damaged": (
            ngettext("%(num)s batch arrived damaged.", "%(num)s batches arrived damaged.", number)
            % {"num": number},
            _(
                "Something between the pages and this server changes or drops what is sent: a proxy,"
                " a firewall, a filter. Run stolper doctor: it says what arrives of what was sent."
            ),
        ),
    }


def _browser_words(
    names: str, number: int, _: Words, ngettext: NWords
) -> dict[str, tuple[str, str]]:
    """Return the words for what browsers are and have."""
    ahead = _("The server's clock is %(span)s ahead of most browsers' clocks.")
    behind = _("The server's clock is %(span)s behind most browsers' clocks.")
    return {
        "old_snippet": (
            _("Pages still send by an older script: %(names)s.") % {"names": names},
            _(
                "They go on being recorded, without what is new. Pages that stay open keep their"
                " script for a while. Else it is a copy: renew the package, the file, the cache."
            ),
        ),
        "storage": (
            ngettext(
                "The browser's storage was blocked or full %(num)s time.",
                "The browser's storage was blocked or full %(num)s times.",
                number,
            )
            % {"num": number},
            _(
                "Sessions of such visitors are one page long. A few block it themselves; if all do,"
                " the pages stand in a sandbox or in a frame of another site."
            ),
        ),
        "clock": (
            (ahead if number > 0 else behind) % {"span": _span(abs(number), ngettext)},
            _(
                "Times of sessions are the server's, and wrong by that much. Set its clock by the"
                " network: timedatectl set-ntp true."
            ),
        ),
        "bots": (
            ngettext(
                "%(num)s session, half of all or more, is that of a program.",
                "%(num)s sessions, half of all or more, are those of programs.",
                number,
            )
            % {"num": number},
            _(
                "Crawlers, monitors and tests are recorded and marked as bots. If no people are seen:"
                " does the line to embed stand in the pages that they visit?"
            ),
        ),
    }


def _span(seconds: int, ngettext: NWords) -> str:
    """Return *seconds* in the unit that tells enough: 90 seconds, 45 minutes, 38 hours, 4 days."""
    minutes, hours = round(seconds / 60), round(seconds / 3600)
    if minutes < 2:
        return ngettext("%(num)s second", "%(num)s seconds", seconds) % {"num": seconds}
    if hours < 2:
        return ngettext("%(num)s minute", "%(num)s minutes", minutes) % {"num": minutes}
    if hours < 48:
        return ngettext("%(num)s hour", "%(num)s hours", hours) % {"num": hours}
    days = round(hours / 24)
    return ngettext("%(num)s day", "%(num)s days", days) % {"num": days}


def _disk_words(names: str, number: int, _: Words, ngettext: NWords) -> dict[str, tuple[str, str]]:
    """Return the words for what could not be written."""
    return {
        "failed": (
            ngettext(
                "%(num)s batch could not be written.",
                "%(num)s batches could not be written.",
                number,
            )
            % {"num": number},
            _(
                "The disk was full, failed, or may not be written to: the server's log says which."
                " Browsers keep what is not written for some minutes, and send it again."
            ),
        ),
        "reserve": (
            ngettext(
                "%(num)s batch was refused because the disk's reserve was reached.",
                "%(num)s batches were refused because the disk's reserve was reached.",
                number,
            )
            % {"num": number},
            _("Browsers keep what is refused for some minutes, and send it again."),
        ),
        "disk_full": (
            _("The disk is full: nothing can be recorded."),
            _("Make room where the data folder is; recording then goes on by itself."),
        ),
        "disk_reserve": (
            _(
                "The disk has %(num)s MB free, less than the %(names)s MB that are kept in reserve:"
                " nothing is recorded."
            )
            % {"num": number, "names": names},
            _("Make room, or lower collector.disk_reserve_mb; recording then goes on by itself."),
        ),
        "files_damaged": (
            _("Damaged in the data folder: %(names)s.") % {"names": names},
            _(
                "What they held is missing in replays, by name; all else is shown. Copy the folder away,"
                " stop the server, and run stolper doctor --repair."
            ),
        ),
    }


def refusal_text(code: str, _: Words) -> str:
    """Return what a batch refused with *code* means."""
    return {
        "origin": _("the page's origin is none of the site's"),
        "off": _("recording is switched off"),
        "rate": _("too many at once"),
        "busy": _("the disk did not keep up"),
        "failed": _("a write failed"),
        "slow": _("too slow on the way"),
        "too_large": _("too large"),
        "reserve": _("the disk's reserve was reached"),
        "bad_version": _("a newer script than the server understands"),
        "bad_frame": _("damaged on the way"),
        "bad_head": _("damaged on the way"),
        "conflict": _("two pages under one number"),
        "forbidden": _("not by the browser that began the session"),
        "erased": _("the session was erased"),
    }.get(code, code)


def lack_text(kind: str, reason: str, _: Words) -> str:
    """Return what a gap of *kind*, as the browser or the store names it, means."""
    if kind == "missing_batch":
        return _("batches that never arrived")
    if kind == "buffer":
        return _("the server could not be reached until the browser's buffer was full")
    if kind == "end":
        return _("what was left at the end of a page was too large to send")
    if kind == "canvas":
        return _("a canvas that the browser lets nobody read, or too large a picture of one")
    if kind == "refused":
        return _("refused: %(why)s") % {"why": refusal_text(reason, _)}
    return " ".join(part for part in (kind, reason) if part)


def removed_text(limit: str, _: Words) -> str:
    """Return by which limit sessions were removed."""
    words = {
        "age": _("older than the site keeps them (keep_days)"),
        "size": _("the site's room was full (keep_mb)"),
        "folder": _("the room of all sites was full (retention.keep_mb)"),
        "erased": _("erased on request"),
    }
    return words.get(limit, limit)
