"""How a message looks: as a mail with text and HTML, and as Slack's blocks."""

from __future__ import annotations

import html
from collections.abc import Sequence
from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import format_datetime
from typing import Any

from console.alert_words import Bar, Message
from core.alerts import Delivery

BAR_CHARACTERS = 24
SLACK_FIELDS, SLACK_TEXT = 10, 2900
"""Slack takes ten fields in a section and 3000 characters in a text."""

# Mail programs know no style sheet and no custom property; these are the console's light tokens.
_TEXT, _MUTED, _LINE, _ACCENT, _SOFT, _ALARM = (
    "#18212c", "#55606e", "#dde1e7", "#1d5bb8", "#b9cdea", "#a13f00",
)  # fmt: skip


def mail(delivery: Delivery, message: Message, sender: str, to: str) -> EmailMessage:
    """Return *message* as a mail. Its Message-ID stays the same however often it is sent."""
    made = EmailMessage()
    made["From"] = sender
    made["To"] = to
    made["Subject"] = " ".join(message.subject.split())
    made["Date"] = format_datetime(datetime.fromtimestamp(delivery.created_ms / 1000, UTC))
    made["Message-ID"] = f"<{delivery.id}@{sender.rpartition('@')[2]}>"
    made["Auto-Submitted"] = "auto-generated"
    made["X-Auto-Response-Suppress"] = "All"
    made["Content-Language"] = delivery.language
    made.set_content(as_text(message))
    made.add_alternative(as_html(message, delivery.language), subtype="html")
    return made


def as_text(message: Message) -> str:
    """Return *message* as plain text."""
    lines = [message.lead]
    if message.facts:
        lines += ["", *(f"{name}: {value}" for name, value in message.facts)]
    if message.bars:
        most = max(1, *(bar.sessions for bar in message.bars))
        width = max(len(bar.name) for bar in message.bars)
        lines += ["", message.bars_title]
        for bar in message.bars:
            drawn = "#" * round(BAR_CHARACTERS * bar.sessions / most)
            lines.append(f"{bar.name:<{width}}  {bar.sessions:>6}  {drawn}".rstrip())
    if message.items:
        lines += ["", message.items_title] if message.items_title else [""]
    for item in message.items:
        lines += [f"* {item.title}", f"  {item.where} · {item.numbers}", f"  {item.link}"]
    lines += ["", f"{message.link_text}: {message.link}", "", "-- ", message.foot, ""]
    return "\n".join(lines)


def as_html(message: Message, language: str) -> str:
    """Return *message* as a page that loads nothing."""
    e = html.escape
    facts = "".join(
        f'<tr><th align="left" style="padding:2px 16px 2px 0;font-weight:400;color:{_MUTED}">{e(name)}</th>'
        f'<td style="padding:2px 0">{e(value)}</td></tr>'
        for name, value in message.facts
    )
    items = "".join(
        f'<li style="margin:0 0 12px"><a href="{e(item.link)}" style="color:{_ACCENT};font-weight:600">'
        f'{e(item.title)}</a><br><span style="color:{_MUTED}">{e(item.where)} · {e(item.numbers)}</span></li>'
        for item in message.items
    )
    title = f'<h2 style="font-size:15px;margin:24px 0 8px">{e(message.items_title)}</h2>'
    return (
        f'<!doctype html><html lang="{language}"><head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width"><title>{e(message.subject)}</title></head>'
        f'<body style="margin:0;padding:24px;font:14px/1.5 system-ui,-apple-system,Segoe UI,Roboto,sans-serif;'
        f'color:{_TEXT};max-width:600px"><h1 style="font-size:18px;margin:0 0 8px">{e(message.subject)}</h1>'
        f'<p style="margin:0 0 16px">{e(message.lead)}</p>'
        f'<table role="presentation" cellspacing="0" cellpadding="0" style="font-size:14px">{facts}</table>'
        f"{_bars(message.bars, message.bars_title)}"
        + (title if items and message.items_title else "")
        + (f'<ol style="margin:16px 0;padding:0 0 0 20px">{items}</ol>' if items else "")
        + f'<p style="margin:20px 0"><a href="{e(message.link)}" style="display:inline-block;padding:9px 16px;'
        f'border-radius:6px;background:{_ACCENT};color:#ffffff;text-decoration:none;font-weight:600">'
        f"{e(message.link_text)}</a></p>"
        f'<p style="margin:24px 0 0;padding:12px 0 0;border-top:1px solid {_LINE};font-size:12px;color:{_MUTED}">'
        f"{e(message.foot)}</p></body></html>\n"
    )


def _bars(bars: Sequence[Bar], title: str) -> str:
    """Return *bars* as a table: its cells are as wide as their numbers are large."""
    if not bars:
        return ""
    most = max(1, *(bar.sessions for bar in bars))
    rows = ""
    for bar in bars:
        flagged, rest = (round(100 * n / most) for n in (bar.flagged, bar.sessions - bar.flagged))
        cells = "".join(
            f'<td width="{width}%" style="background:{colour};height:12px;font-size:0">&nbsp;</td>'
            for width, colour in ((flagged, _ALARM), (rest, _SOFT), (100 - flagged - rest, ""))
            if width > 0
        )
        rows += (
            f'<tr><td style="padding:3px 10px 3px 0;white-space:nowrap">{html.escape(bar.name)}</td>'
            f'<td align="right" style="padding:3px 10px 3px 0">{bar.sessions}</td>'
            f'<td width="100%"><table role="presentation" width="100%" cellspacing="0" cellpadding="0">'
            f"<tr>{cells}</tr></table></td></tr>"
        )
    return (
        f'<h2 style="font-size:15px;margin:24px 0 8px">{html.escape(title)}</h2>'
        f'<table width="100%" cellspacing="0" cellpadding="0" style="font-size:13px">{rows}</table>'
    )


def slack(message: Message) -> dict[str, Any]:
    """Return *message* as Slack takes it (Mattermost and Rocket.Chat read its `text`)."""
    blocks: list[dict[str, Any]] = [
        {"type": "header", "text": {"type": "plain_text", "text": message.subject[:150]}},
        {"type": "section", "text": _markdown(_slack(message.lead))},
    ]
    if message.facts:
        fields = [_markdown(f"*{_slack(n)}*\n{_slack(v)}") for n, v in message.facts]
        blocks.append({"type": "section", "fields": fields[:SLACK_FIELDS]})
    if message.items:
        told = "\n".join(
            f"• <{item.link}|{_slack(item.title)}>\n   {_slack(item.where)} · {_slack(item.numbers)}"
            for item in message.items
        )
        blocks.append({"type": "section", "text": _markdown(told)})
    blocks.append(
        {"type": "section", "text": _markdown(f"<{message.link}|{_slack(message.link_text)}>")}
    )
    return {
        "text": f"{_slack(message.subject)}: {_slack(message.lead)}",
        "blocks": blocks,
        "unfurl_links": False,  # nobody else need learn where the console is
        "unfurl_media": False,
    }


def _markdown(text: str) -> dict[str, Any]:
    """Return a text of which only our own markup counts: *verbatim* keeps Slack from making links of addresses in it."""
    return {"type": "mrkdwn", "text": text[:SLACK_TEXT], "verbatim": True}


def _slack(text: str) -> str:
    """Return *text* so that Slack shows it: no mention, no link and no markup comes of it."""
    for sign, written in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;")):
        text = text.replace(sign, written)
    return text.translate({ord(sign): f"\u200b{sign}" for sign in "*_~`@"})
