"""
Why the data of a visited page stop, from what its browser showed.

Pure: what was seen comes in, one cause with its next step goes out. Seeing is canary.py's.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from stolper.doctor.told import Told


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of a request to the collector. *failure*: the browser's word where none came."""

    url: str
    status: int
    code: str = ""  # of a refusal
    failure: str = ""
    problem: str = ""  # what is wrong with a script's bytes or headers


@dataclass(slots=True)
class Seen:
    """
    What the browser showed of one page. *forbidden* are the page's policy at work: the directive
    and the URL that it kept from loading or being called.
    """

    url: str
    base: str  # where the server of this data folder is reached
    status: int = 0  # of the page itself
    failure: str = ""  # why the page did not open
    tags: list[str] = field(default_factory=list)  # addresses of loaders that the page names
    loader: Answer | None = None
    recorder: Answer | None = None
    config: dict[str, Any] | None = None
    running: bool = False
    wants_none: bool = False  # Do Not Track or Global Privacy Control, or what the page makes of it
    storage: bool = True  # the browser lets the page keep things
    forbidden: list[tuple[str, str]] = field(default_factory=list)
    batches: list[Answer] = field(default_factory=list)

    def blocked(self, directive: str, address: str) -> str:
        """
        Return the directive by which the page's policy forbids *address*, "" if it does not.

        Other things of the same origin that it forbids are not ours.
        """
        part = "/s/" if directive == "script-src" else "/i/"
        for name, url in self.forbidden:
            ours = part in url or not urlsplit(url).path.strip(
                "/"
            )  # after a redirect: origin alone
            if name.startswith(directive) and _origin(url) == _origin(address) and ours:
                return name
        return ""

    def hopeless(self) -> bool:
        """Say whether it is sure that no recorder will start."""
        answers = [one for one in (self.loader, self.recorder) if one is not None]
        spoiled = any(one.status != 200 or one.problem for one in answers)
        unwanted = self.config is not None and (self.wants_none or self.switched_off())
        return spoiled or unwanted or bool(self.forbidden_script())

    def switched_off(self) -> bool:
        """Say whether the loader was told that recording is off."""
        return ((self.config or {}).get("options") or {}).get("enabled") is False

    def forbidden_script(self) -> str:
        """Return the directive by which the page's policy forbids the script, "" if it does not."""
        found = (self.blocked("script-src", address) for address in (*self.tags, self.base))
        return next(filter(None, found), "")


def page_cause(seen: Seen) -> Told:
    """Say why the page did not open."""
    if seen.status >= 400:
        what = f"{seen.url} answers {seen.status}."
    else:
        what = f"{seen.url} cannot be opened: {seen.failure}."
    return Told("page", True, what, "Name a page that anybody can open, with its whole address.")


def script_cause(seen: Seen) -> Told:
    """Say why no recorder runs in the page."""
    loader, recorder = seen.loader, seen.recorder
    for address in (*seen.tags, seen.base):
        if directive := seen.blocked("script-src", address):
            return _csp_script(directive, address)
    if loader is None:
        return _no_line(seen)
    if loader.status == 404 or loader.code == "unknown_site":
        return Told(
            "wrong_key",
            True,
            f"The page asks for {loader.url}, and the server has no site with that key.",
            "Put the line that `stolper site list` prints into the page.",
        )
    if told := _not_delivered(loader) or (recorder and _not_delivered(recorder)):
        return told
    if seen.switched_off():
        return Told(
            "off",
            True,
            "Recording is switched off for this site.",
            "Switch it on: stolper site set NAME enabled=true",
        )
    if seen.wants_none:
        return Told(
            "signal",
            True,
            "The browser tells the page that it does not want to be recorded (Do Not Track or Global"
            " Privacy Control).",
            "A script of the page sets that, or the browser's policy does. Visitors with it are"
            " never recorded.",
        )
    return Told(
        "not_started",
        True,
        "The script came, and the recorder did not start.",
        "Look at the page's console in a browser: another script may have broken what it needs.",
    )


def batch_cause(seen: Seen) -> Told:
    """Say why nothing that the page sent was taken."""
    if directive := seen.blocked("connect-src", seen.base):
        return Told(
            "csp_connect",
            True,
            f"The page's content security policy ({directive}) forbids sending to {seen.base}.",
            f"Add {_origin(seen.base) or seen.base} to connect-src.",
        )
    last = seen.batches[-1] if seen.batches else None
    if last is None:
        return Told(
            "nothing_sent",
            True,
            "The recorder runs, and has sent nothing.",
            "Is there a consent to be given first (docs/privacy.md)? Look at the page's console.",
        )
    if last.code in _REFUSED:
        what, do = _REFUSED[last.code]
        return Told(last.code, True, what.format(origin=_origin(seen.url)), do)
    if last.failure:
        return Told(
            "not_sent",
            True,
            f"Sending to {last.url} failed in the browser: {last.failure}.",
            "Is that address reached from where your visitors are, by https if the page is? An"
            " extension or a proxy may block it; `stolper doctor` without --canary tries the way.",
        )
    return Told(
        "refused",
        True,
        f"The server answered {last.status} {last.code}".rstrip() + ".",
        "If that is no answer of Stolper's, a proxy gave it: it must let POST /i/ pass unchanged.",
    )


_REFUSED = {
    "origin": (
        "The server refuses pages of {origin}: the site was added without that origin.",
        "Add the site again with every origin of its pages, and use its new line.",
    ),
    "off": (
        "Recording is switched off for this site.",
        "Switch it on: stolper site set NAME enabled=true",
    ),
    "unknown_site": (
        "The page sends with a key that no site of the server has.",
        "Put the line that `stolper site list` prints into the page.",
    ),
    "bad_frame": (
        "What the page sent arrived damaged.",
        "Something between changes or drops bodies; `stolper doctor` without --canary shows what.",
    ),
    "bad_version": (
        "The page's script is newer than the server: it speaks another wire version.",
        "Update the server first, then copies of the script.",
    ),
    "too_large": (
        "The page's batch is larger than the server takes.",
        "Raise collector.max_body_bytes.",
    ),
    "rate": (
        "The server refuses this address: too many batches or sessions at once.",
        "Behind a proxy, name it in server.trusted_proxies; else raise the limits of the collector.",
    ),
    "busy": (
        "The disk does not keep up with what arrives.",
        "Use a faster disk, or lower what is sent (collector.flush_ms).",
    ),
    "failed": (
        "The server cannot write what arrives: its log says why.",
        "Make room on the disk, or mend it; `stolper doctor` without --canary tries to write.",
    ),
    "reserve": (
        "The disk has less free than is kept in reserve: the server takes nothing.",
        "Make room, or lower collector.disk_reserve_mb.",
    ),
}


def _csp_script(directive: str, address: str) -> Told:
    origin = _origin(address) or address
    return Told(
        "csp_script",
        True,
        f"The page's content security policy ({directive}) forbids the script of {origin}.",
        f"Add {origin} to script-src, or give the line the page's nonce; connect-src needs {origin} too.",
    )


def _no_line(seen: Seen) -> Told:
    if seen.tags:
        return Told(
            "script_blocked",
            True,
            f"The line stands in the page ({seen.tags[0]}), and the browser did not ask for it.",
            "Does a consent tool hold it back (type=text/plain)? It then begins when that allows it.",
        )
    return Told(
        "no_line",
        True,
        "The line to embed does not stand in the page.",
        "Put the line that `stolper site list` prints into the page, or into what all pages share.",
    )


def _not_delivered(answer: Answer) -> Told | None:
    """Say what is wrong with a script's delivery; None if nothing is."""
    if answer.failure:
        what = f"{answer.url} could not be loaded: {answer.failure}."
    elif answer.status != 200:
        what = f"{answer.url} answers {answer.status} {answer.code}".rstrip() + "."
    elif answer.problem:
        what = f"{answer.url} is not served as it should be: {answer.problem}."
    else:
        return None
    return Told(
        "script_changed" if answer.problem else "script_unreachable",
        True,
        what,
        "Does that address lead to this server, from outside too, by https if the page is? A proxy"
        " must pass answers below /s/ as they are, headers too.",
    )


def _origin(address: str) -> str:
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc}" if parts.scheme and parts.netloc else ""
