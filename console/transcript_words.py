"""
Owns the words of a transcript: each line as a sentence, and the whole as text to copy.

What is told, and what counts as one line, is replay/transcript.py's. The same session gives the same
text in a language, to the letter: times are offsets, and UTC at the top.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from babel.numbers import format_decimal

from console.format import cut, duration, moment, span
from console.language import Language
from console.score_words import band_text
from console.texts import gap_words
from console.words import device_text, end_text, severity_text
from core.model import Flag, Session
from replay.timeline import Tone
from replay.transcript import Line, Part, Transcript, What


@dataclass(frozen=True, slots=True)
class Sentence:
    """One line in words. *place* is where it stands in the session, in milliseconds, *offset* the same in words."""

    part: Part
    tone: Tone
    place: int
    offset: str
    text: str
    flag: str = ""


@dataclass(frozen=True, slots=True)
class Told:
    """A transcript in words. *facts* and *struggles* stand before the lines."""

    title: str
    facts: tuple[str, ...]
    struggles: tuple[Sentence, ...]
    lines: tuple[Sentence, ...]
    heads: tuple[str, str]  # of the struggles, and of the lines

    @property
    def text(self) -> str:
        """Return all of it as text, a line each."""
        rows = [self.title, *self.facts, ""]
        widest = max((len(one.offset) for one in (*self.lines, *self.struggles)), default=0)
        for head, lines in zip(self.heads, (self.struggles, self.lines), strict=True):
            if lines:
                rows += [head, *(f"  {one.offset:>{widest}}  {one.text}" for one in lines), ""]
        return "\n".join(rows)


def told(session: Session, transcript: Transcript, language: Language) -> Told:
    """Return *transcript* of *session* in *language*."""
    _ = language.gettext
    teller = Teller(language, transcript.start_ms)
    return Told(
        title=_("Session %(id)s on %(site)s") % {"id": session.id, "site": session.site_name},
        facts=tuple(_facts(session, transcript, language)),
        struggles=tuple(
            teller.summed_up(flag, max(flag.first_ms, transcript.from_ms))
            for flag in sorted(transcript.flags, key=lambda one: (one.first_ms, one.id))
        ),
        lines=tuple(teller.sentence(line) for line in transcript.lines),
        heads=(_("Struggles"), _("What happened")),
    )


def _facts(session: Session, transcript: Transcript, language: Language) -> list[str]:
    """Return what is known of the session as a whole: not who that was."""
    _, ngettext = language.gettext, language.ngettext
    length = duration(transcript.until_ms - transcript.from_ms)
    about = session.attributes
    known = [
        moment(transcript.from_ms, language.code),
        _("%(time)s long") % {"time": length},
        device_text(about.get("device"), _),
        *(str(about.get(name) or "") for name in ("browser", "os")),
    ]
    counts = [
        ngettext("%(num)s page", "%(num)s pages", transcript.views) % {"num": transcript.views},
        ngettext("%(num)s struggle", "%(num)s struggles", len(transcript.flags))
        % {"num": len(transcript.flags)},
    ]
    if session.score is not None and transcript.whole:
        counts.append(
            _("score %(score)s of 100 (%(band)s)")
            % {"score": session.score, "band": band_text(session.score, _)}
        )
    rows = [" · ".join(one for one in known if one), " · ".join(counts)]
    if session.attributes.get("release"):
        rows.append(_("Release %(release)s") % {"release": session.attributes["release"]})
    if not transcript.whole:
        rows.append(
            _("Only the span from %(from)s to %(until)s of the session.")
            % {
                "from": duration(transcript.from_ms - transcript.start_ms),
                "until": duration(transcript.until_ms - transcript.start_ms),
            }
        )
    elif session.ended_ms is None:
        rows.append(_("The session is still running."))
    return rows


class Teller:
    """Puts lines into sentences of *language*; offsets count from *start_ms*."""

    def __init__(self, language: Language, start_ms: float) -> None:
        self._language = language
        self._start = start_ms
        self._tellers: dict[str, Callable[[Line], str]] = {
            "page": self._page, "click": self._click, "field": self._field, "form": self._form,
            "message": self._message, "request": self._request, "error": self._error,
            "console": self._console, "asset": self._asset, "custom": self._custom,
            "vitals": self._vitals, "cursor": self._cursor, "copy": self._copy,
            "gesture": self._gesture, "key": self._key, "gap": self._gap, "pause": self._pause,
            "away": self._away, "tab": self._to_tab, "end": self._end,
            "note": self._note,
        }  # fmt: skip

    def offset(self, at_ms: float) -> str:
        """Return where *at_ms* is in the session, as 0:07."""
        return duration(at_ms - self._start)

    def sentence(self, line: Line) -> Sentence:
        """Return *line* in words."""
        flag = line.flag
        text = self._flagged(flag) if flag is not None else self._tellers[line.kind](line)
        again = line.count > 1 and line.kind != "click" and flag is None
        if again:
            text += " " + self._again(line)
        return self._sentence(line.part, line.tone, line.at_ms, text, flag)

    def summed_up(self, flag: Flag, at_ms: float) -> Sentence:
        """Return *flag* as the list at the top has it: where it begins."""
        return self._sentence("struggle", "error", at_ms, self.struggle(flag), flag)

    def _sentence(
        self, part: Part, tone: Tone, at_ms: float, text: str, flag: Flag | None
    ) -> Sentence:
        place = max(0, round(at_ms - self._start))
        return Sentence(part, tone, place, self.offset(at_ms), text, flag.id if flag else "")

    def struggle(self, flag: Flag) -> str:
        """Return what a struggle is called, on what and where, and how severe it is."""
        _ = self._language.gettext
        label = cut(str((flag.target or {}).get("label") or ""))
        masked = bool(label) and not label.replace("•", "").strip()
        where = [_("“%(name)s”") % {"name": label}] if label and not masked else []
        where += [flag.page] if flag.page else []
        title = self._language.text(flag.title)
        head = f"{title} – {', '.join(where)}" if where else title
        return f"{head} ({severity_text(flag.severity, _)})"

    def _flagged(self, flag: Flag) -> str:
        _ = self._language.gettext
        text = _("Struggle: %(what)s.") % {"what": self.struggle(flag)}
        return text + (
            " " + _("Provisional: the session may still go on.") if flag.provisional else ""
        )

    def _again(self, line: Line) -> str:
        _ = self._language.gettext
        more = line.count - 1
        text = self._language.ngettext(
            "(once more until %(until)s)", "(%(num)s times more until %(until)s)", more
        )
        return text % {"num": self._number(more), "until": self.offset(line.until_ms)}

    def _number(self, value: float) -> str:
        return str(format_decimal(value, locale=self._language.code))

    def _seconds(self, span_ms: float) -> str:
        """Return *span_ms* in seconds: with one decimal, from ten on without."""
        seconds = span_ms / 1000
        return self._number(round(seconds) if seconds >= 10 else round(seconds, 1))

    def _what(self, what: What | None) -> str:
        """Return an element, as what something is done to."""
        _ = self._language.gettext
        if what is None or what.kind == "page":
            return _("the page")
        if what.name:
            named = {
                "button": _("the button “%(name)s”"),
                "link": _("the link “%(name)s”"),
                "field": _("the field “%(name)s”"),
                "checkbox": _("the checkbox “%(name)s”"),
                "option": _("the option “%(name)s”"),
                "picture": _("the picture “%(name)s”"),
            }
            return named.get(what.kind, _("“%(name)s”")) % {"name": what.name}
        if what.masked:
            masked = {
                "button": _("a button with masked text"),
                "link": _("a link with masked text"),
                "field": _("a field with a masked name"),
            }
            return masked.get(what.kind, _("an element with masked text"))
        nameless = {
            "button": _("a button without a name"),
            "link": _("a link without a name"),
            "field": _("a field without a name"),
            "checkbox": _("a checkbox without a name"),
            "option": _("an option without a name"),
            "picture": _("a picture without a name"),
        }
        return nameless.get(what.kind, _("an element without a name"))

    def _with(self, text: str, details: list[str]) -> str:
        """Return the sentence *text* with *details* behind a colon."""
        return f"{text}: {', '.join(details)}." if details else f"{text}."

    # Each kind of line

    def _page(self, line: Line) -> str:
        _ = self._language.gettext
        how = {
            "reload": _("Page %(path)s, reloaded."),
            "back_forward": _("Page %(path)s, by back or forward."),
            "bfcache": _("Page %(path)s, by back or forward."),
            "begun": _("On the page %(path)s."),
        }
        return how.get(line.facts["nav"], _("Page %(path)s.")) % {"path": line.path or "/"}

    def _click(self, line: Line) -> str:
        _ = self._language.gettext
        values = {"what": self._what(line.what), "times": self._number(line.count)}
        values["seconds"] = self._seconds(max(100.0, line.until_ms - line.at_ms))
        once, often = {
            "touch": (_("Tapped %(what)s"), _("Tapped %(what)s %(times)s times in %(seconds)s s")),
            "keyboard": (
                _("Pressed %(what)s by keyboard"),
                _("Pressed %(what)s by keyboard %(times)s times in %(seconds)s s"),
            ),
        }.get(
            line.facts["pointer"],
            (_("Clicked %(what)s"), _("Clicked %(what)s %(times)s times in %(seconds)s s")),
        )
        return self._with((once if line.count == 1 else often) % values, self._outcome(line))

    def _outcome(self, line: Line) -> list[str]:
        """Return what came of a press."""
        _, facts = self._language.gettext, line.facts
        found: list[str] = []
        unanswered = facts.get("unanswered", 0)
        if facts.get("disabled"):
            found.append(_("it was disabled"))
        if facts.get("error"):
            found.append(_("a script error followed"))
        elif unanswered == line.count and not facts.get("sent"):
            found.append(_("nothing happened"))
        elif unanswered and unanswered < line.count:
            found.append(
                self._language.ngettext(
                    "%(num)s time nothing happened", "%(num)s times nothing happened", unanswered
                )
                % {"num": self._number(unanswered)}
            )
        elif facts.get("answered_ms", 0) >= 1000:
            seconds = self._seconds(facts["answered_ms"])
            found.append(_("answered after %(seconds)s s") % {"seconds": seconds})
        return found + (self._form_outcome(line) if facts.get("sent") else [])

    def _form_outcome(self, line: Line) -> list[str]:
        _, facts = self._language.gettext, line.facts
        if facts["outcome"] == "refused":
            names = ", ".join(_("“%(name)s”") % {"name": name} for name in facts["names"][:5])
            if not names:
                return [_("the form was refused")]
            return [_("the form was refused because of %(fields)s") % {"fields": names}]
        return [
            {
                "navigated": _("the form was sent"),
                "accepted": _("the form was accepted"),
            }.get(facts["outcome"], _("the form was sent, what came of it is not known"))
        ]

    def _field(self, line: Line) -> str:
        _, facts, what = self._language.gettext, line.facts, line.what
        values = {"what": self._what(what)}
        cause = facts.get("cause")
        if cause is None:  # refused as the form was sent
            return _("Refused: %(what)s.") % values
        if what is not None and what.kind == "option":
            text = _("Chose %(what)s") % values
        elif cause == "choice" or (what is not None and what.kind == "checkbox"):
            text = _("Changed %(what)s") % values
        else:
            text = _("Entered something in %(what)s") % values
        details = [
            said
            for name, said in (
                ("sensitive", _("nothing of it is recorded")),
                ("autofill", _("by the browser")),
                ("paste", _("something was pasted")),
                ("cleared", _("emptied again")),
            )
            if facts.get(name)
        ]
        if facts.get("refills"):
            details.append(
                _("refilled %(times)s times") % {"times": self._number(facts["refills"])}
            )
        if facts.get("choices"):
            times = self._number(facts["choices"])
            details.append(_("%(times)s choices within 20 s") % {"times": times})
        if facts.get("focus_ms"):
            details.append(
                _("it took %(seconds)s s") % {"seconds": self._seconds(facts["focus_ms"])}
            )
        if facts.get("refused"):
            details.append(_("it was refused"))
        return self._with(text, details)

    def _form(self, line: Line) -> str:
        _ = self._language.gettext
        text = {
            "enter": _("Sent the form by the Enter key"),
            "script": _("The page sent the form"),
        }.get(line.facts["how"], _("Sent the form"))
        return self._with(
            text, [] if line.facts["outcome"] == "navigated" else self._form_outcome(line)
        )

    def _message(self, line: Line) -> str:
        _, words = self._language.gettext, line.facts["words"]
        kinds = {
            "error": (_("The page said, as an error: “%(words)s”"), _("The page showed an error message; its text is masked.")),
            "warning": (_("The page warned: “%(words)s”"), _("The page showed a warning; its text is masked.")),
            "success": (_("The page confirmed: “%(words)s”"), _("The page showed a confirmation; its text is masked.")),
        }  # fmt: skip
        usual = (
            _("The page said: “%(words)s”"),
            _("The page showed a message; its text is masked."),
        )
        clear, masked = kinds.get(line.facts["severity"], usual)
        return clear % {"words": cut(words)} if words else masked

    def _request(self, line: Line) -> str:
        _, facts = self._language.gettext, line.facts
        what = f"{facts.get('method', '')} {facts.get('url', '')}".strip()
        values = {"request": what, "status": facts.get("status") or 0}
        status = facts.get("status")
        if status == 0:
            return _("The request %(request)s failed: no answer.") % values
        if status is not None and status >= 400:
            return _("The request %(request)s failed with %(status)s.") % values
        seconds = self._seconds(facts.get("duration_ms") or 0)
        return _("The request %(request)s took %(seconds)s s.") % {**values, "seconds": seconds}

    def _error(self, line: Line) -> str:
        _, facts = self._language.gettext, line.facts
        place = str(facts.get("file") or "")
        if place and facts.get("line"):
            place += f":{facts['line']}"
        text = _("Script error: %(message)s") % {"message": facts.get("message") or "?"}
        return f"{text} ({place})." if place else f"{text}."

    def _console(self, line: Line) -> str:
        _, facts = self._language.gettext, line.facts
        error = facts.get("level") == "error"
        head = (
            _("Error in the browser's console") if error else _("Warning in the browser's console")
        )
        return f"{head}: {facts['text']}" if facts.get("text") else f"{head}."

    def _asset(self, line: Line) -> str:
        _ = self._language.gettext
        kinds = {
            "image": _("A picture did not load: %(url)s"),
            "script": _("A script did not load: %(url)s"),
            "style": _("A style sheet did not load: %(url)s"),
        }
        text = kinds.get(str(line.facts.get("kind")), _("A file of the page did not load: %(url)s"))
        return text % {"url": line.facts.get("url") or "?"}

    def _custom(self, line: Line) -> str:
        _, facts = self._language.gettext, line.facts
        name, props = str(facts.get("name") or "?"), facts.get("props") or {}
        details = ", ".join(f"{key}: {_plain(value)}" for key, value in props.items())
        text = _("The site noted: %(name)s") % {"name": name}
        return f"{text} ({details})." if details else f"{text}."

    def _vitals(self, line: Line) -> str:
        _ = self._language.gettext
        values = {"seconds": self._seconds(line.facts["took_ms"])}
        if line.facts["slow"]:
            return _("The page took %(seconds)s s to be there.") % values
        return _("The page did not react for %(seconds)s s.") % values

    def _cursor(self, line: Line) -> str:
        return self._language.gettext("Shook the mouse pointer.")

    def _copy(self, line: Line) -> str:
        _, kind = self._language.gettext, line.facts.get("kind")
        if kind == "copy" and line.facts.get("region") == "error":
            return _("Copied an error message.")
        words = {"cut": _("Cut out text."), "paste": _("Pasted something into %(what)s.")}
        return words.get(str(kind), _("Copied text.")) % {"what": self._what(line.what)}

    def _gesture(self, line: Line) -> str:
        _, kind = self._language.gettext, line.facts.get("kind")
        if kind == "rotate":
            return _("Turned the device.")
        if kind == "pinch":
            if line.facts.get("blocked"):
                return _("Tried to zoom with two fingers: the page forbids it.")
            return _("Zoomed with two fingers.")
        return _("Swiped, and nothing moved.")

    def _key(self, line: Line) -> str:
        _ = self._language.gettext
        names = {
            "enter": _("Enter"), "esc": _("Esc"), "tab": _("Tab"), "space": _("Space"),
            "arrow": _("arrow keys"), "char": _("letter keys"),
        }  # fmt: skip
        name = names.get(str(line.facts.get("class")), _("keys"))
        times = self._number(line.facts.get("count") or 2)
        return _("Pressed %(key)s %(times)s times, and nothing happened.") % {"key": name, "times": times}  # fmt: skip

    # What stands between

    def _gap(self, line: Line) -> str:
        assert line.gap is not None
        text, reason = gap_words(line.gap, self._language)
        words = f"{text} ({reason})" if reason else text
        if line.until_ms - line.at_ms < 1000:
            return self._language.gettext("Missing here: %(what)s.") % {"what": words}
        values = {"until": self.offset(line.until_ms), "what": words}
        return self._language.gettext("Missing until %(until)s: %(what)s.") % values

    def _pause(self, line: Line) -> str:
        text = span(line.until_ms - line.at_ms, self._language.code)
        return self._language.gettext("%(time)s without a click, an input or scrolling.") % {"time": text}  # fmt: skip

    def _away(self, line: Line) -> str:
        text = span(line.until_ms - line.at_ms, self._language.code)
        return self._language.gettext("The page was out of sight for %(time)s.") % {"time": text}

    def _note(self, line: Line) -> str:
        text = " ".join(str(line.facts["text"]).split())
        values = {"author": line.facts["author"], "text": text}
        return self._language.gettext("Note by %(author)s: %(text)s") % values

    def _to_tab(self, line: Line) -> str:
        return self._language.gettext("Went on in tab %(number)s.") % {"number": line.tab}

    def _end(self, line: Line) -> str:
        _ = self._language.gettext
        return _("End: %(how)s.") % {"how": end_text(str(line.facts["kind"]), _)}


def _plain(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
