"""
Every setting, each declared once with its default and its help.

Owns where settings come from: stolper.toml in the data folder, overridden by
STOLPER_<SECTION>_<KEY>, overridden by flags of the command line. Nothing here is global:
whoever needs a section takes it as a parameter. docs/operating.md lists all of them.
"""

from __future__ import annotations

import base64
import dataclasses
import difflib
import ipaddress
import re
import tomllib
import zoneinfo
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.errors import SettingError

FILE_NAME = "stolper.toml"

WEBHOOK_KEY = "whsec_"
"""Begins a key of webhooks that is bytes in base64, as https://www.standardwebhooks.com writes it."""

_ADDRESS = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9.-]+):(\d{1,5})")
_URL = re.compile(r"https?://[A-Za-z0-9.\[\]:-]+(/[^\s?#\"'<>]*)?")
_TRUTH = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}


def _channels(value: tuple[str, ...]) -> str | None:
    wrong = [one for one in value if not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,39}", one)]
    return f"'{wrong[0]}' is no name of a channel, like fax or branch-office" if wrong else None


def _address(value: str) -> str | None:
    match = _ADDRESS.fullmatch(value)
    if match is None or int(match[2]) > 65535:
        return "is no HOST:PORT"
    return None


def _url(value: str) -> str | None:
    return None if not value or _URL.fullmatch(value) else "is no http(s) URL"


def _networks(value: tuple[str, ...]) -> str | None:
    for network in value:
        try:
            ipaddress.ip_network(network)
        except ValueError as error:
            return str(error)
    return None


_NAMED = re.compile(r"([A-Za-z0-9][A-Za-z0-9_.-]{0,39})=.*")
_DESTINATION = re.compile(
    r"[A-Za-z0-9][A-Za-z0-9_.-]{0,39}=(?:(?:slack\+)?https?://[^\s/]+(?:/\S*)?|mailto:[^\s@,]+@[^\s@,]+)"
)


def _destinations(value: tuple[str, ...]) -> str | None:
    for number, one in enumerate(value, 1):
        if not _DESTINATION.fullmatch(one):
            # The address may hold a key, as Slack's do: it is not repeated, nor what has no name before it.
            named = _NAMED.fullmatch(one)
            what = f"'{named[1]}'" if named else f"entry {number}"
            return f"{what} is no NAME=https://..., slack+https://... or mailto:..."
    names = [one.split("=")[0] for one in value]
    twice = sorted({name for name in names if names.count(name) > 1})
    return f"'{twice[0]}' is named twice" if twice else None


def _key(value: str) -> str | None:
    if value.startswith(WEBHOOK_KEY):
        try:
            key = base64.b64decode(value.removeprefix(WEBHOOK_KEY), validate=True)
        except ValueError:
            return f"has no base64 behind {WEBHOOK_KEY}"
        return None if len(key) >= 16 else "is too short: take 16 bytes and more"
    return None if not value or len(value) >= 16 else "is too short: take 16 characters and more"


def _zone(value: str) -> str | None:
    try:
        zoneinfo.ZoneInfo(value)
    except (ValueError, OSError, zoneinfo.ZoneInfoNotFoundError):
        return "is no time zone, such as Europe/Berlin"
    return None


def _at_least(least: int) -> Callable[[int], str | None]:
    return lambda value: None if value >= least else f"must be at least {least}"


def _one_of(*known: str) -> Callable[[str], str | None]:
    return lambda value: None if value in known else f"is none of {', '.join(known)}"


def _setting(
    default: Any,
    help_: str,
    check: Callable[[Any], str | None] | None = None,
    *,
    secret: bool = False,  # then no message repeats its value, nor what is logged of the settings
) -> Any:
    return dataclasses.field(
        default=default,
        repr=not secret,
        metadata={"help": help_, "check": check, "secret": secret},
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerSettings:
    """Where the server listens and how the world reaches it."""

    public: str = _setting(
        "127.0.0.1:8000", "address of the public listener (snippet and collector)", _address
    )
    console: str = _setting("127.0.0.1:8001", "address of the private listener", _address)
    public_url: str = _setting(
        "", "URL under which pages reach the public listener; empty: as the request says", _url
    )
    console_url: str = _setting(
        "",
        "URL under which your staff reach the console: for links in messages,"
        " and in those that pages get by stolper('url')",
        _url,
    )
    drain_ms: int = _setting(
        0, "how long a stop goes on taking batches while /readyz says 503 already", _at_least(0)
    )
    trusted_proxies: tuple[str, ...] = _setting(
        (), "addresses or networks of reverse proxies whose X-Forwarded headers count", _networks
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class LogSettings:
    """What the process logs, to standard error."""

    format: str = _setting(
        "text", "text for people, or json: one object a line", _one_of("text", "json")
    )
    level: str = _setting(
        "info",
        "least level that is logged: debug, info, warning or error",
        _one_of("debug", "info", "warning", "error"),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class CollectorSettings:
    """What one page, address or site may send, and how often the snippet sends."""

    flush_ms: int = _setting(5000, "how often a page sends while something happens", _at_least(250))
    live_flush_ms: int = _setting(
        1000, "the same while somebody watches the session", _at_least(250)
    )
    max_body_bytes: int = _setting(4 << 20, "largest batch as sent", _at_least(1024))
    max_head_bytes: int = _setting(1 << 20, "largest head, inflated", _at_least(1024))
    max_events: int = _setting(2000, "most events in one batch", _at_least(1))
    site_batches_per_s: int = _setting(500, "batches a second that one site may send", _at_least(1))
    address_batches_per_s: int = _setting(
        100, "batches a second that one network address may send", _at_least(1)
    )
    site_sessions_per_min: int = _setting(
        3000, "sessions a minute that may begin on one site", _at_least(1)
    )
    address_sessions_per_min: int = _setting(
        300, "sessions a minute that may begin from one network address", _at_least(1)
    )
    queue_limit: int = _setting(
        1024, "batches that may wait for the disk before answers are 503", _at_least(1)
    )
    disk_reserve_mb: int = _setting(
        256, "megabytes of the disk that recordings leave free; 0 keeps none back", _at_least(0)
    )
    code_hours: int = _setting(
        24, "hours for which a spoken code is good after it was last asked for", _at_least(1)
    )
    own_protocol: bool = _setting(
        True, "plain batches are read by Stolper's own small protocol, all else by aiohttp"
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class RetentionSettings:
    """How much is kept in all; how long is an option of each site."""

    keep_mb: int = _setting(
        0,
        "megabytes of finished recordings and rows kept of all sites, the oldest without flags go"
        " first; 0: no limit",
        _at_least(0),
    )
    contact_days: int = _setting(
        365,
        "days after its beginning, or the last change of it, that a contact is kept with its notes;"
        " 0: no limit",
        _at_least(0),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactSettings:
    """What contacts may come in."""

    channels: tuple[str, ...] = _setting(
        (),
        "names of channels beside call, chat, messenger, in-app, video, mail, sms, social and field:"
        " small letters, digits and dashes",
        _channels,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class DetectorSettings:
    """How rules are judged."""

    lateness_ms: int = _setting(
        10_000, "how long events wait for one that is known to be missing", _at_least(0)
    )
    sweep_ms: int = _setting(500, "how often deadlines are looked at", _at_least(10))
    reload_ms: int = _setting(
        1000, "how often the data folder's rule files are looked at for changes", _at_least(100)
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsoleSettings:
    """The console."""

    session_hours: int = _setting(12, "hours that a sign-in lasts at most", _at_least(1))
    idle_hours: int = _setting(
        2,
        "hours after which a sign-in ends that nobody used: no page opened, no form sent",
        _at_least(1),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertSettings:
    """Where alerts and digests may go: nowhere but to the destinations that are named here."""

    to: tuple[str, ...] = _setting(
        (),
        "destinations of alerts, each NAME=URL: https://... takes signed JSON, slack+https://... Slack's"
        " own, mailto:... mail",
        _destinations,
        secret=True,
    )
    secret: str = _setting(
        "",
        "key that webhooks are signed with (whsec_... or any text of 16 characters and more)",
        _key,
        secret=True,
    )
    time_zone: str = _setting(
        "UTC", "time zone of the digest's hour and days, e.g. Europe/Berlin", _zone
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class MailSettings:
    """The mail server that alerts and digests are handed to."""

    host: str = _setting("", "mail server (SMTP); empty: no mail is sent")
    port: int = _setting(587, "its port", _at_least(1))
    security: str = _setting(
        "starttls",
        "starttls, tls (from the first byte) or none",
        _one_of("starttls", "tls", "none"),
    )
    user: str = _setting("", "name to sign in with; empty: without")
    password: str = _setting("", "password to sign in with", secret=True)
    sender: str = _setting("", "address that mails come from, e.g. stolper@example.org")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """All sections."""

    server: ServerSettings = ServerSettings()
    collector: CollectorSettings = CollectorSettings()
    retention: RetentionSettings = RetentionSettings()
    detector: DetectorSettings = DetectorSettings()
    console: ConsoleSettings = ConsoleSettings()
    alerts: AlertSettings = AlertSettings()
    mail: MailSettings = MailSettings()
    contacts: ContactSettings = ContactSettings()
    log: LogSettings = LogSettings()


_SECTIONS: dict[str, Any] = {f.name: f.default for f in dataclasses.fields(Settings)}


@dataclass(frozen=True, slots=True)
class Declared:
    """One setting as declared: its dotted *key*, *default* and *help*."""

    key: str
    default: object
    help: str

    @property
    def env(self) -> str:
        """Return the name of its environment variable."""
        return "STOLPER_" + self.key.replace(".", "_").upper()


def declared() -> Iterator[Declared]:
    """Yield every setting, in order of declaration."""
    for section, defaults in _SECTIONS.items():
        for field in dataclasses.fields(defaults):
            yield Declared(f"{section}.{field.name}", field.default, field.metadata["help"])


def load_settings(
    data: Path,
    *,
    env: Mapping[str, str] | None = None,
    overrides: Mapping[str, object] | None = None,
) -> Settings:
    """
    Return the settings of the data folder *data*.

    *env* is the environment, of which names that begin with STOLPER_ and a section's name
    count; *overrides* are dotted keys (`server.public`) with values as text or typed; None
    there means not given. Raise SettingError, naming the key, where it was set and the
    nearest known key, if a key is unknown or a value cannot be.
    """
    values = _from_file(data / FILE_NAME)
    values.update(_from_env(env or {}))
    values.update(
        {key: (value, key) for key, value in (overrides or {}).items() if value is not None}
    )
    known = {item.key: item for item in declared()}
    sections: dict[str, dict[str, object]] = {}
    for key, (value, source) in values.items():
        if key not in known:
            raise _unknown(source, key, list(known))
        section, name = key.split(".")
        sections.setdefault(section, {})[name] = _converted(source, section, name, value)
    return Settings(
        **{
            name: dataclasses.replace(defaults, **sections.get(name, {}))
            for name, defaults in _SECTIONS.items()
        }
    )


_Values = dict[str, tuple[object, str]]  # dotted key to value and where it was written


def _from_file(path: Path) -> _Values:
    if not path.exists():
        return {}
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingError(str(path), f"is no valid TOML: {error}") from None
    values: _Values = {}
    for section, content in raw.items():
        if not isinstance(content, dict):
            raise _unknown(f"{path}: {section}", section, list(_SECTIONS))
        for name, value in content.items():
            values[f"{section}.{name}"] = (value, f"{path}: {section}.{name}")
    return values


def _from_env(env: Mapping[str, str]) -> _Values:
    """
    Read the variables that name a section.

    Others with the prefix belong to other tools, unless one is nearly the name of a setting.
    """
    values: _Values = {}
    known = {item.env: item.key for item in declared()}
    for variable, value in env.items():
        section, _, name = variable.removeprefix("STOLPER_").lower().partition("_")
        if not variable.startswith("STOLPER_"):
            continue
        if section in _SECTIONS:
            values[f"{section}.{name}"] = (value, variable)
        elif near := difflib.get_close_matches(variable, known, n=1, cutoff=0.85):
            raise SettingError(variable, f"there is no such setting; did you mean {near[0]}?")
    return values


def _unknown(source: str, key: str, known: list[str]) -> SettingError:
    near = difflib.get_close_matches(key, known, n=1, cutoff=0.4)
    hint = f"; did you mean {near[0]}?" if near else ""
    return SettingError(source, f"there is no such setting{hint}")


def _converted(source: str, section: str, name: str, value: object) -> object:
    """Return *value* with the type of the setting's default, checked."""
    field = next(f for f in dataclasses.fields(_SECTIONS[section]) if f.name == name)
    typed = _typed(source, field.default, value)
    check: Callable[[Any], str | None] | None = field.metadata["check"]
    reason = check(typed) if check else None
    if reason and field.metadata["secret"]:
        raise SettingError(source, reason)
    if reason:
        raise SettingError(source, f"{value!r}: {reason}")
    return typed


def _typed(source: str, default: object, value: object) -> object:
    if isinstance(default, bool):
        if isinstance(value, str) and value.lower() in _TRUTH:
            return _TRUTH[value.lower()]
        if not isinstance(value, bool):
            raise SettingError(source, f"{value!r} is neither true nor false")
    elif isinstance(default, int):
        if isinstance(value, str) and re.fullmatch(r"-?\d+", value):
            return int(value)
        if not isinstance(value, int) or isinstance(value, bool):
            raise SettingError(source, f"{value!r} is no whole number")
    elif isinstance(default, tuple):
        if isinstance(value, str):
            return tuple(part.strip() for part in value.split(",") if part.strip())
        if not isinstance(value, list | tuple) or not all(isinstance(v, str) for v in value):
            raise SettingError(source, f"{value!r} is no list of texts")
        return tuple(value)
    elif not isinstance(value, str):
        raise SettingError(source, f"{value!r} is no text")
    return value
