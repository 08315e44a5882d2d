"""
Where messages may go: what the setting `alerts.to` names, and nothing else.

Addresses stay in here and in the settings: they may hold keys, as those of Slack do.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from console.alerting import Channel, Destination
from core.settings import AlertSettings, MailSettings


@dataclass(frozen=True, slots=True)
class Address:
    """A destination with its address, which is never shown."""

    name: str
    channel: Channel
    url: str = field(repr=False)  # of mail: the address of a mailbox

    def shown(self, settings: AlertSettings, mail: MailSettings) -> Destination:
        """Return it as the console shows it, with what it lacks."""
        lacks = ""
        if self.channel == "mail":
            where = self.url
            if not mail.host:
                lacks = "mail.host"
            elif not mail.sender:
                lacks = "mail.sender"
        else:
            where = urlsplit(self.url).netloc.rpartition("@")[2]
            if self.channel == "webhook" and not settings.secret:
                lacks = "alerts.secret"
        return Destination(self.name, self.channel, where, lacks)


def addresses(settings: AlertSettings) -> Mapping[str, Address]:
    """Return the destinations by name. They were checked when the settings were read."""
    found: dict[str, Address] = {}
    for one in settings.to:
        name, _, url = one.partition("=")
        if url.startswith("mailto:"):
            found[name] = Address(name, "mail", url.removeprefix("mailto:"))
        elif url.startswith("slack+"):
            found[name] = Address(name, "slack", url.removeprefix("slack+"))
        else:
            found[name] = Address(name, "webhook", url)
    return found
