"""
The store's interface, with the contract of each method.

Implementations: core/sqlite/ (embedded, the default). tests/core/test_store_contract.py
runs on every implementation. All times are Unix milliseconds.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from core.alerts import AlertStore
from core.causes import CauseStore
from core.codes import CodeStore
from core.contacts import ContactStore
from core.customers import CustomerStore
from core.effort import EffortStore
from core.erasing import Erased, Removed, Tombstone, Whom
from core.fixes import FixStore
from core.form_use import FormStore
from core.health import HealthCount, Room, SiteHealth
from core.model import (
    Appended,
    Asset,
    AssetUsage,
    Audited,
    ChunkRef,
    Flag,
    Gap,
    NewAsset,
    NewBatch,
    PageLoad,
    RuleVersion,
    Scope,
    Score,
    Session,
    SessionQuery,
    Site,
    StoredBatch,
    Struggle,
    Token,
    User,
    Verdicts,
)
from core.readers import ReaderStore
from core.report_files import ReportFileStore
from core.saved import SavedStore
from core.sealed import KeyframeRef, Sealed, StockRef
from core.search import SearchStore
from core.sights import SightStore
from core.site_options import SiteOptions
from core.source_maps import SourceMapStore
from core.triage import TriageStore
from core.walks import WalkStore
from core.ways import WayStore


class SiteStore(Protocol):
    """Sites and the server's own keys."""

    async def add_site(self, site: Site) -> None:
        """Store *site*. Raise UserError if its name or key is taken."""

    async def site(self, key_or_name: str) -> Site | None:
        """Return the site with that key or name. Sees at once what another process added."""

    async def set_site_options(self, key: str, options: SiteOptions) -> None:
        """Replace the options of the site with that key. Raise NotFound if there is none."""

    async def change_site_options(
        self, key: str, change: Callable[[SiteOptions], SiteOptions]
    ) -> SiteOptions:
        """
        Replace the options of the site with that key by what *change* makes of them; return that.

        Nobody else changes them in between, so two who change different ones undo nothing. *change* is
        quick and may be called again. What it raises is raised, and nothing changes; NotFound as above.
        """

    async def sites(self) -> list[Site]:
        """Return all sites, by name."""

    async def server_key(self, name: str) -> bytes:
        """Return the 32 random bytes kept under *name*; the first call makes them."""


class IngestStore(Protocol):
    """What the collector writes."""

    async def append(self, batch: NewBatch) -> Appended:
        """
        Store *batch* and return once it is durable (chunk bytes fsynced, then rows committed).

        Batches that wait together are committed together. Idempotent: the same identity
        and digest is *duplicate*; another digest is *conflict*. The first batch of a session
        binds its secret hash; others are *forbidden*. The first batch of a page load fixes its
        origin_ms. A batch with events for an ended session opens it again (`late`); one that was
        ended on request opens only for what was done after that, not for a page's farewell.
        Gaps are derived from seq. The assets that its chunk needs are noted as the session's.
        Raise StoreBusy when the queue is full, StoreFull when the disk's reserve is reached and
        StoreFailed when the write failed; then nothing of the batch is stored. What a *canary*
        begins is in no list of visits, no count and no struggle.
        """

    async def prove_writable(self) -> None:
        """Write a mark and return once it is durable. Raise StoreBusy or StoreFailed as append() does."""

    async def idle_sessions(self, now_ms: int) -> list[Session]:
        """Return open sessions whose last event is older than their site's idle timeout at *now_ms*."""

    async def end_session(
        self, session: str, kind: str, *, idle_at_ms: int | None = None
    ) -> Session | None:
        """
        Close *session* at the time of its last event and return it; None if there is none.

        *kind* is left, idle or ended. Closing a closed session changes nothing. With
        *idle_at_ms* it is closed only if it is (still) idle at that time, as idle_sessions means it.
        """


class RecordStore(Protocol):
    """What was recorded, for replay and judging."""

    async def session(self, session: str) -> Session | None:
        """Return one session."""

    async def sessions(self, query: SessionQuery) -> list[Session]:
        """Return sessions, newest start first or, if the query says so, highest score first."""

    async def count_sessions(self, query: SessionQuery, *, most: int | None = None) -> int:
        """
        Return how many sessions *query* would list without its limit, offset and place.

        Counting may end above *most*: what is returned then is greater than that.
        """

    async def open_sessions(self) -> list[Session]:
        """Return all sessions that have not ended."""

    async def batches(self, session: str) -> list[StoredBatch]:
        """Return all batches of *session*, by position."""

    async def batches_of(self, sessions: Sequence[str]) -> dict[str, list[StoredBatch]]:
        """Return what batches() returns for each of *sessions*, in one read; unknown ones have none."""

    async def batches_after(self, position: int, limit: int) -> list[StoredBatch]:
        """Return up to *limit* batches with a greater position, in order."""

    async def page_loads(self, session: str) -> list[PageLoad]:
        """Return the documents of *session*, by origin_ms."""

    async def chunks(self, session: str) -> list[ChunkRef]:
        """Return the chunks of *session*, by page load and seq."""

    async def read_chunk(self, ref: ChunkRef) -> bytes:
        """
        Return the bytes as the browser sent them or, once sealed, as they were sealed.

        They are encoded as *ref* says, also if the chunk has been sealed since *ref* was given out.
        Raise StoreError if they are damaged.
        """

    async def gaps(self, session: str) -> list[Gap]:
        """Return what is missing of *session*: holes in seq, and what the browser reported."""


class AssetStore(Protocol):
    """Style sheets, fonts and images, each once per site under the hash of its bytes."""

    async def put_asset(self, new: NewAsset) -> str | None:
        """
        Keep *new* and return its hash once it is durable; None if its site's quota has no room.

        Idempotent; what is there already counts no second time. Raise StoreFailed if the write
        failed; then it is not named as stored.
        """

    async def asset(self, site: str, hash_: str) -> Asset | None:
        """Return an asset of *site* (key); None if there is none. Raise StoreError if it is damaged."""

    async def stored_assets(self, site: str, hashes: Sequence[str]) -> set[str]:
        """Return which of *hashes* (500 at most are looked at) *site* has."""

    async def most_used_assets(self, site: str, limit: int) -> list[str]:
        """Return hashes of the style sheets and fonts of *site* used of late, most used first."""

    async def assets_of(self, session: str) -> list[str]:
        """Return the hashes of the assets that *session* needs, or came with."""

    async def asset_usage(self, site: str) -> AssetUsage:
        """Return how many assets *site* has and what they take."""


class VerdictStore(Protocol):
    """What the detector writes, and what others read of it."""

    async def unjudged_sessions(self) -> list[Session]:
        """Return ended sessions without a final verdict since their end, oldest start first."""

    async def checkpoint(self) -> int:
        """Return the position up to which every batch has been judged."""

    async def commit_verdicts(self, verdicts: Sequence[Verdicts]) -> None:
        """Write flags and the checkpoint in one transaction. Writing the same again changes nothing."""

    async def flags(self, session: str, *, withdrawn: bool = False) -> list[Flag]:
        """Return the flags of *session* by at_ms; withdrawn ones only if asked for."""

    async def struggles(
        self, *, site: str | None = None, since_ms: int | None = None, limit: int = 100
    ) -> list[Struggle]:
        """
        Return struggles by number of sessions, most first, with a trend of 14 buckets since *since_ms*.

        In the trend a session stands where its last flag is. Spans of two days and more begin at the full
        hour before *since_ms*, and so does each of their buckets.
        """

    async def struggle(self, key: str) -> Struggle | None:
        """Return one struggle over all time."""

    async def score(self, session: str) -> Score | None:
        """Return the score of *session* with its terms, None if it was not judged yet."""

    async def put_in_force(self, versions: Sequence[RuleVersion], files: Mapping[str, str]) -> None:
        """
        Note which *versions* of rules are in force from now on, and the own *files* behind them.

        A rule whose newest version is the same, of the same text, is left as it is; one that
        is not among *versions* any more gets an entry "off". *files* (name to text) replace
        those kept before.
        """

    async def rule_versions(self, rule: str) -> list[RuleVersion]:
        """Return the versions of *rule* that came in force, newest first."""

    async def rule_files(self) -> dict[str, str]:
        """Return the own rule files that were last in force, name to text."""

    async def rule_uses(
        self, since_ms: int, *, site: str | None = None
    ) -> tuple[dict[str, tuple[int, int]], int]:
        """
        Return per rule its flags and sessions, and the number of all sessions.

        Counted are sessions that began since *since_ms*, of *site* (key or name) if given.
        """


class SealStore(Protocol):
    """
    Finished sessions' recordings as objects of their own (core/sealed.py).

    Sealing changes where chunks lie and how they are encoded; chunks() and read_chunk() give them
    before and after. A chunk that comes later lies in a segment; the session
    waits to be sealed again then.
    """

    async def unsealed_sessions(self, closed_before_ms: int, limit: int) -> list[Session]:
        """Return up to *limit* ended sessions that are not sealed and were closed before."""

    async def seal(self, sealed: Sealed) -> bool:
        """
        Let *sealed* take the place of its session's chunks and return once that is durable.

        False, and nothing is changed, if it is open, has other chunks by now or rests on a stock that
        is gone. Raise StoreFailed if the write failed; then nothing is changed either.
        """

    async def leave_unsealed(self, session: str) -> None:
        """Note that *session* cannot be sealed, so that it is not tried again until a chunk comes."""

    async def keyframes(self, session: str, page_load: str) -> list[KeyframeRef]:
        """Return the keyframes of a document, by time; none before it is sealed."""

    async def read_keyframe(self, ref: KeyframeRef) -> bytes:
        """Return the events of a keyframe as JSON. Raise StoreError if they are damaged."""

    async def activity(self, session: str) -> bytes | None:
        """
        Return what was noted of a session's activity when it was sealed.

        None if nothing was, or if chunks came since. Raise StoreError if it is damaged.
        """

    async def put_stock(self, site: str, content: bytes) -> StockRef:
        """Keep *content* as the stock of the site with that key; return it once that is durable."""

    async def renew_stock(self, on: StockRef, content: bytes) -> StockRef | None:
        """Do the same with what was made from *on*; None, and nothing is kept, if that is gone."""

    async def stock(self, site: str) -> tuple[StockRef, bytes] | None:
        """Return the newest stock of a site; None if there is none. Raise StoreError if it is damaged."""

    async def release(self) -> int:
        """
        Remove what nobody needs: segments whose sessions are all sealed, objects of seals that failed,
        stocks that neither are the newest nor anything rests on.

        Return how many files that were. Segments of this hour and the last are left alone.
        """


class AccountStore(Protocol):
    """Users and tokens of the console."""

    async def add_user(self, user: User) -> None:
        """Store or replace *user*."""

    async def user(self, name: str) -> User | None:
        """Return the user of that name."""

    async def users(self) -> list[User]:
        """Return all users, by name."""

    async def remove_user(self, name: str) -> bool:
        """Remove the user of that name; return whether there was one. Their sign-ins end."""

    async def tokens(self) -> list[Token]:
        """Return all tokens, oldest first."""

    async def remove_token(self, id_: str) -> bool:
        """Remove the token of that id; return whether there was one."""

    async def add_token(self, token: Token) -> None:
        """Store *token* (its hash)."""

    async def token(self, hash_: bytes) -> Token | None:
        """Return the token with that hash. Sees at once what another process added."""

    async def add_sign_in(self, hash_: bytes, at_ms: int, until_ms: int) -> None:
        """Keep a sign-in by the hash of its id, used at *at_ms*; drop those that ran out before."""

    async def sign_in_used(self, hash_: bytes) -> int | None:
        """Return when the sign-in was used last, in Unix ms; None if it is not kept."""

    async def use_sign_in(self, hash_: bytes, at_ms: int) -> None:
        """Note that the sign-in was used at *at_ms*, if it is kept."""

    async def remove_sign_in(self, hash_: bytes) -> None:
        """Remove the sign-in: it ends, whatever cookies are left."""

    async def audit(self, at_ms: int, who: str, action: str, subject: str) -> None:
        """Note that *who* did *action* (e.g. watched) on *subject*."""

    async def audited(self, limit: int, *, before: int | None = None) -> list[Audited]:
        """Return up to *limit* entries of the audit log, newest first; those numbered below *before*."""


class HealthStore(Protocol):
    """What is counted of each site, and what its sessions lack."""

    async def note(self, counts: Sequence[HealthCount]) -> None:
        """Add *counts* to those of the same site, day, thing and detail."""

    async def health(self, site: str, since_ms: int) -> SiteHealth:
        """
        Return the recording health of the site with that key.

        Counts are those of whole days (UTC) from that of *since_ms*; sessions those that began since.
        """

    async def room(self) -> Room:
        """Return how much of the disk is free, and how much of that is kept back."""


class EraseStore(Protocol):
    """Removing for good: by age, by size, or whom somebody asks to erase (core/erasing.py)."""

    async def sessions_of(self, whom: Whom) -> list[Session]:
        """Return all sessions of *whom*, oldest first, tests by `stolper doctor` too."""

    async def visitors_of(self, sessions: Sequence[str]) -> list[str]:
        """Return the visitors that *sessions* are of."""

    async def erase(self, whom: Whom) -> Erased:
        """
        Erase *whom* and return once nothing of them is left in rows or files.

        Rows go, recordings and assets that nobody else uses are overwritten, remains in the database
        too. append() answers *erased* to what comes of it again: batches of the sessions, and new
        sessions of a customer or visitor that began before. Raise StoreFailed if a file could not be
        overwritten, StoreBusy if something reads the database for long; the rows are gone then, and
        finish_erasing() does the rest.
        """

    async def buried_sessions(self) -> list[Session]:
        """Return the sessions of a restored backup that were erased since it was taken."""

    async def erase_buried(self) -> Erased:
        """Erase them."""

    async def finish_erasing(self) -> tuple[int, int]:
        """Do what is left of erasures that were cut off; return bytes and pages overwritten."""

    async def tombstones(self) -> tuple[bytes, list[Tombstone]]:
        """Return what was erased, by keyed hashes, and their key."""

    async def sealed_contents(self, session: str) -> list[bytes]:
        """Return what the object of *session* holds, part by part; nothing if it has none."""

    async def sealed_sessions(self, site: str, limit: int) -> list[Session]:
        """Return up to *limit* sessions of a site (key) that have an object, newest first."""

    async def stocks(self, site: str) -> list[tuple[StockRef, bytes]]:
        """Return all stocks of a site, oldest first."""

    async def replace_stock(self, old: StockRef, new: StockRef) -> None:
        """Let all that rests on *old* rest on *new*, and overwrite *old*."""

    async def expire(self, site: str, before_ms: int, limit: int) -> Removed:
        """Remove up to *limit* sessions of a site that ended before, first ended first."""

    async def shrink(self, site: str | None, limit: int) -> Removed:
        """Remove up to *limit* sealed sessions of a site, or of all: the oldest unflagged, then the oldest."""

    async def used_bytes(self, site: str | None) -> int:
        """Return what sealed recordings of a site take; of None: of all sites, with the database's rows."""

    async def oldest_ms(self, site: str) -> int | None:
        """Return when the oldest session of a site that is stored began; None if there is none."""

    async def drop_unused_assets(self, before_ms: int, limit: int) -> Removed:
        """Remove up to *limit* assets that no session needs and no page has used since *before_ms*."""

    async def drop_old_audit(self, before_ms: int) -> int:
        """Remove what the audit says of the time before; return how many entries."""


class Store(
    SiteStore,
    IngestStore,
    RecordStore,
    AssetStore,
    VerdictStore,
    SealStore,
    EraseStore,
    AccountStore,
    HealthStore,
    ReaderStore,
    SourceMapStore,
    TriageStore,
    CodeStore,
    SearchStore,
    SavedStore,
    AlertStore,
    WalkStore,
    CustomerStore,
    ContactStore,
    EffortStore,
    WayStore,
    FixStore,
    ReportFileStore,
    FormStore,
    CauseStore,
    SightStore,
    Protocol,
):
    """All of it, and its life."""

    async def open(self) -> None:
        """Open or create the store, run migrations, recover what an earlier process left."""

    async def close(self) -> None:
        """Finish what is queued and close."""


__all__ = [
    "AccountStore",
    "AssetStore",
    "CodeStore",
    "EraseStore",
    "HealthStore",
    "IngestStore",
    "RecordStore",
    "SavedStore",
    "Scope",
    "SealStore",
    "SearchStore",
    "SiteStore",
    "Store",
    "VerdictStore",
]
