"""
The model: frozen dataclasses that the store takes and returns.

Times are Unix milliseconds of the server unless a name says otherwise.
Events are plain dicts (decoded once, handed on as they are); their names and
fields are declared in core/events.yaml.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Any, Literal

from core.search import Find
from core.site_options import SiteOptions

Event = dict[str, Any]
"""One semantic event: the envelope's and its own fields. Read-only once made."""

Mode = Literal["full", "cookieless"]
Privacy = Literal["strict", "standard", "open"]
Severity = Literal["info", "low", "medium", "high", "critical"]
SEVERITIES: tuple[Severity, ...] = ("info", "low", "medium", "high", "critical")


@dataclass(frozen=True, slots=True)
class Site:
    """A site that may send. *key* is public and proves nothing."""

    key: str
    name: str
    origins: tuple[str, ...]
    mode: Mode
    privacy: Privacy
    idle_timeout_ms: int
    created_ms: int
    options: SiteOptions = field(default_factory=SiteOptions)


AssetKind = Literal["sheet", "font", "image"]


def asset_hash(content: bytes) -> str:
    """
    Return the name of *content*: half of its SHA-256, in 32 hexadecimal digits.

    128 bits keep anybody from making another content for a name that is stored already.
    """
    return hashlib.sha256(content).hexdigest()[:32]


@dataclass(frozen=True, slots=True)
class NewAsset:
    """Something to be kept once per site, unless it brings the site above *quota_bytes*."""

    site: str  # site key
    kind: AssetKind
    media: str  # media type, e.g. font/woff2
    content: bytes
    at_ms: int
    quota_bytes: int
    session: str | None = None  # whose recording it came with, so that it is erased with that


@dataclass(frozen=True, slots=True)
class Asset:
    """A kept style sheet, font or image."""

    hash: str
    kind: AssetKind
    media: str
    content: bytes


@dataclass(frozen=True, slots=True)
class AssetUsage:
    """What the assets of a site take. *full_ms*: when one was last refused for lack of quota."""

    count: int
    bytes: int
    full_ms: int | None


@dataclass(frozen=True, slots=True)
class ChunkInfo:
    """What a batch says of its chunk. The span is in the page load's monotonic milliseconds."""

    count: int
    first_t: float
    last_t: float
    has_snapshot: bool
    encoding: int  # core.wire.IDENTITY or core.wire.GZIP


@dataclass(frozen=True, slots=True)
class NewBatch:
    """A batch as the collector checked it, to be stored. Its identity is (site, session, page_load, seq)."""

    site: str  # site key
    session: str
    secret_hash: bytes  # of the session secret; binds the session at its first batch
    page_load: str
    tab: str
    seq: int
    digest: bytes
    received_ms: int
    origin_ms: float  # server time of the page load's time origin, as this batch would have it
    events: list[Event]  # decoded, targets resolved, without ts / page_load / tab
    void: tuple[int, ...]  # event indices given up by the browser: no hole
    attributes: dict[str, Any]  # session attributes (core/events.yaml, session), maybe partial
    visitor: str | None  # first-party visitor id, only in mode full
    identity: dict[str, Any] | None  # from identify: id (or its keyed hash), verified
    page: dict[str, Any] | None  # facts of the document: title, url path, viewport
    gaps: tuple[dict[str, Any], ...]  # gaps that the browser itself reports
    chunk: bytes  # b"" when there is none
    chunk_info: ChunkInfo | None
    assets: tuple[str, ...] = ()  # hashes that stand for texts in the chunk, or that it names
    sheets: tuple[str, ...] = ()  # hashes of style texts that are in the chunk in full
    last: bool = False  # sent as the page ended: nothing of it can be missing behind
    canary: bool = False  # of a test by `stolper doctor`: in no list, count or struggle


@dataclass(frozen=True, slots=True)
class StoredBatch:
    """A batch as stored: *position* orders all batches of the store by commit."""

    position: int
    site: str
    session: str
    page_load: str
    tab: str
    seq: int
    received_ms: int
    events: list[Event]  # with ts, page_load and tab; by index, each once
    void: tuple[int, ...]
    late: bool = False  # its session had ended; it was opened again


AppendStatus = Literal["stored", "duplicate", "conflict", "forbidden", "erased"]


@dataclass(frozen=True, slots=True)
class Appended:
    """
    The durable answer to one NewBatch.

    *stored* and *duplicate* are acknowledged with 2xx; *conflict* is the same identity
    with another digest; *forbidden* is a wrong session secret.
    """

    status: AppendStatus
    batch: StoredBatch | None = None  # only when stored


@dataclass(frozen=True, slots=True)
class ChunkRef:
    """
    Where the bytes of one chunk lie, and what the batch said of it.

    With *frame* it is sealed: *segment* is then the name of an object, and the rest is in that frame.
    """

    session: str
    page_load: str
    tab: str
    seq: int
    segment: str
    offset: int
    length: int
    crc32: int
    info: ChunkInfo
    frame: int | None = None


@dataclass(frozen=True, slots=True)
class PageLoad:
    """One document of a session."""

    id: str
    session: str
    tab: str
    origin_ms: float  # server time of its time origin; fixed at its first batch
    first_seq: int
    last_seq: int
    batches: int  # stored; fewer than last_seq + 1 means holes
    page: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Gap:
    """
    Something that is missing, and why.

    *kind*: missing_batch · reported · no_farewell · corrupt_chunk · no_snapshot. `no_farewell` is
    a page of an ended session whose end was not told: what came last may be missing.
    """

    session: str
    page_load: str
    kind: str
    detail: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Session:
    """A visit, as lists and pages show it."""

    id: str
    site: str  # site key
    site_name: str
    started_ms: int
    last_ms: int  # event time of the newest event
    ended_ms: int | None  # when it was closed (event time of its end); None while open
    end_kind: str | None  # left · idle · ended
    pages: int
    events: int
    flags: int
    complete: bool  # no gaps known
    visitor: str | None
    identity: dict[str, Any] | None
    attributes: dict[str, Any]
    entry_path: str | None
    last_path: str | None
    top_severity: Severity | None
    rules: tuple[str, ...]  # ids of the rules that flagged it, most severe first
    score: int | None = None  # 0 to 100; None until it was judged
    closed_ms: int | None = None  # when it was closed by the server's clock, where that is known
    canary: bool = False  # a test by `stolper doctor`, no visit


@dataclass(frozen=True, slots=True)
class Evidence:
    """One event that a flag rests on."""

    event: str  # "<page_load>:<i>"
    at_ms: float
    type: str
    path: str | None


@dataclass(frozen=True, slots=True)
class Flag:
    """A rule fired in a session. *id* is a function of (session, rule, version, group, nth)."""

    id: str
    session: str
    site: str
    rule: str
    version: str  # hash of the rule as judged
    group: str  # "" is the session itself
    nth: int
    title: dict[str, str]  # language to text
    severity: Severity
    weight: float
    at_ms: float  # event time at which it fired (a timer's deadline)
    first_ms: float
    until_ms: float
    hits: int
    page: str | None  # path
    target: dict[str, Any] | None  # {"key", "selector", "label", "node"}
    tab: str | None
    page_load: str | None
    evidence: tuple[Evidence, ...]
    captures: dict[str, Any]
    provisional: bool
    withdrawn: str | None = None  # the reason, once a final judgement did not repeat it


Band = Literal["none", "low", "medium", "high", "severe"]


def band_of(score: int) -> Band:
    """Return what a session's *score* is called."""
    if score >= 75:
        return "severe"
    if score >= 50:
        return "high"
    return "medium" if score >= 25 else "low" if score >= 1 else "none"


@dataclass(frozen=True, slots=True)
class ScoreTerm:
    """
    What one flag adds to the score of its session.

    *points* = *weight* x *repeat* x the factors of *context* x *share*. *incident* counts from
    1; *share* is 1 for the flag of an incident that counts most, a part for the others.
    """

    flag: str  # its id
    rule: str
    version: str
    target: str  # key of the target, else group or page
    at_ms: float
    weight: float
    incident: int
    repeat: float  # 1, 1/2, 1/4 ... for the same rule on the same target
    context: dict[str, float]  # factors by name: critical, left, succeeded
    share: float
    points: float


@dataclass(frozen=True, slots=True)
class Score:
    """How much struggle a session shows: *value* 0 to 100, the *points* it stands for, and why."""

    value: int
    points: float
    terms: tuple[ScoreTerm, ...]  # by incident, then time


@dataclass(frozen=True, slots=True)
class Verdicts:
    """
    What judging one session up to *position* came to; written in one transaction.

    *flags* are inserted or replaced by id. With *replace* they are all flags of the
    session: others that the store has are marked withdrawn with *reason*.
    """

    session: str
    position: int  # checkpoint: all batches up to here have been judged; 0 leaves it as it is
    flags: tuple[Flag, ...]
    replace: bool = False
    reason: str = ""
    truncated: tuple[str, ...] = ()  # rules that hit a bound
    final: bool = False  # the session has ended, and this is what it came to
    score: Score | None = None  # None leaves the one that is stored


@dataclass(frozen=True, slots=True)
class RuleVersion:
    """A state of a rule that came in force at *at_ms*, or "off" as *version*: it no longer is."""

    rule: str
    version: str  # hash of everything that changes what is judged
    source: str  # text of its file, and of the files that change it
    at_ms: int
    author: str
    reason: str


@dataclass(frozen=True, slots=True)
class Struggle:
    """All flags of one rule on one target or page of a site, over sessions."""

    key: str  # stable hash of (site, rule, target key or page)
    site: str
    site_name: str
    rule: str
    title: dict[str, str]
    severity: Severity
    page: str | None
    target: dict[str, Any] | None
    sessions: int
    flags: int
    first_ms: int
    last_ms: int
    trend: tuple[int, ...]  # sessions per bucket, oldest first
    example_session: str  # a representative moment
    example_flag: str
    example_ms: float
    visitors: int = 0  # whom it met; where visitors are not told apart: sessions


@dataclass(frozen=True, slots=True)
class Place:
    """Where a session stands in a list: its score (-1: not judged yet), start and id."""

    score: int
    started_ms: int
    id: str

    @classmethod
    def of(cls, session: Session) -> Place:
        """Return the place of *session*."""
        return cls(-1 if session.score is None else session.score, session.started_ms, session.id)

    @classmethod
    def read(cls, text: str) -> Place:
        """Return the place that str() has written. Raise ValueError if *text* is none."""
        score, started_ms, id_ = text.split(".", 2)
        place = cls(int(score), int(started_ms), id_)
        if not (-1 <= place.score <= 100 and 0 <= place.started_ms < 1 << 53):
            raise ValueError(text)
        return place

    def __str__(self) -> str:
        return f"{self.score}.{self.started_ms}.{self.id}"


@dataclass(frozen=True, slots=True)
class SessionQuery:
    """
    What to list. Newest start first, or highest score first (then newest).

    With *after* the list begins behind that place, with *before* it ends just before it: so long lists
    are paged without counting through what was shown, or missing what moves meanwhile.
    """

    site: str | None = None  # key or name
    since_ms: int | None = None
    until_ms: int | None = None
    rule: str | None = None
    struggle: str | None = None
    struck_since_ms: int | None = None  # with a flag of *struggle* since
    flagged: bool | None = None
    score_min: int | None = None
    score_max: int | None = None
    order: Literal["newest", "score"] = "newest"
    find: Find | None = (
        None  # by fields, words and people: of what the index knows (core/search.py)
    )
    canary: bool = False  # tests by `stolper doctor` in place of visits
    limit: int = 50
    offset: int = 0
    after: Place | None = None
    before: Place | None = None


Scope = Literal["read", "admin", "metrics", "sourcemaps", "contacts"]


@dataclass(frozen=True, slots=True)
class Token:
    """An API token. Only its hash is stored."""

    id: str
    scope: Scope
    created_ms: int
    hash: bytes = field(repr=False, default=b"")


@dataclass(frozen=True, slots=True)
class Audited:
    """An entry of the audit log: *who* did *action* on *subject*. *number* grows."""

    number: int
    at_ms: int
    who: str
    action: str
    subject: str


Role = Literal["owner", "analyst", "support", "viewer"]
ROLES: tuple[Role, ...] = ("owner", "analyst", "support", "viewer")


@dataclass(frozen=True, slots=True)
class User:
    """Somebody who signs in to the console."""

    name: str
    role: str
    password_hash: str = field(repr=False)
