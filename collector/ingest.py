"""
The hot route: one batch in, one durable answer out.

Owns the order of the checks and the answers of docs/wire-format.md. What a head holds is
read in head.py, who may send how much is counted in limits.py, and storing is the store's.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections import Counter
from collections.abc import Callable

from aiohttp import hdrs, web

from collector import agent, canary, identity
from collector.asked import Answer, Asked, cors, origin_of, refusal, told
from collector.assets import Assets
from collector.head import Head, HeadReader
from collector.limits import Addresses, KnownSessions, Limits
from collector.proxies import Proxies
from collector.sites import Sites
from collector.tally import Tally
from core.clock import Clock
from core.errors import Refused, StoreBusy, StoreError
from core.events import load_schema
from core.model import Appended, NewBatch, Site, StoredBatch
from core.settings import CollectorSettings
from core.store import Store
from core.wire import Frame, WireError, WireVersionError, unpack

log = logging.getLogger(__name__)

BODY_TIMEOUT_S = 30
"""How long a body may take; 4 MB on a slow phone line take about 20 s."""

SLOW_RETRY_S = 5
"""When a body that took too long may come again: a phone is out of the tunnel, or sends less."""

MOST_HALF_BYTES = 256 << 20
"""Most bytes announced by bodies that have not wholly arrived: bounds what a flood of them takes."""

FAILED_RETRY_S = 10
"""After a failed write: long enough for a person or a log rotation to make room."""

MOST_REFUSED_ORIGINS = 100
"""Origins that the log tells of, so that nobody can fill it."""

_ANSWERS = {
    "conflict": (409, "another batch with this page load and number is stored already"),
    "forbidden": (403, "the session's secret is not the one that began it"),
    "erased": (410, "this session was erased"),
}


class Ingest:
    """Answers POST /i/KEY. *counters* says what came and what was refused, dropped, masked."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        settings: CollectorSettings,
        sites: Sites,
        proxies: Proxies,
        assets: Assets,
        tally: Tally,
        counters: Counter[str],
        limits: Limits,
        *,
        on_stored: Callable[[StoredBatch], None],
        watched: Callable[[str], bool],
    ) -> None:
        self._store = store
        self._tally = tally
        self._clock = clock
        self._settings = settings
        self._sites = sites
        self._proxies = proxies
        self._assets = assets
        self._on_stored = on_stored
        self._watched = watched
        self._reader = HeadReader(load_schema(), max_events=settings.max_events)
        self._addresses = Addresses(clock)
        self._known = KnownSessions()
        self.limits = limits
        self._keys: dict[str, bytes] = {}
        self._half_bytes = 0  # of bodies that aiohttp reads
        self._refused_origins: set[tuple[str, str]] = set()
        self.counters = counters

    async def post(self, request: web.Request) -> web.Response:
        """Take one batch that aiohttp reads."""
        asked = self.asked(request)
        try:
            site = await self.admitted(asked)
            body = await self.body(request, self._settings.max_body_bytes)
        except Refused as refused:
            return response(self.refused(asked, refused))
        return response(await self.taken(asked, site, body))

    async def answer(self, asked: Asked, body: bytes) -> Answer:
        """Take one batch that has been read."""
        try:
            site = await self.admitted(asked)
        except Refused as refused:
            return self.refused(asked, refused)
        return await self.taken(asked, site, body)

    async def early(self, request: web.Request) -> web.Response:
        """Count a page that was left before its recorder had come: nothing else tells of it."""
        asked = self.asked(request)
        try:
            site = await self.admitted(asked)
            self.limits.early(site.key, asked.address)
        except Refused as refused:
            return response(self.refused(asked, refused))
        if not _is_test(asked):
            self._tally.add(site.key, "early")
        return web.Response(status=204, headers=cors(asked.origin))

    async def preflight(self, request: web.Request) -> web.Response:
        """Answer OPTIONS. The snippet needs none; other clients of the format may."""
        return web.Response(
            status=204,
            headers={
                **cors(_origin(request)),
                "Access-Control-Allow-Methods": "POST",
                "Access-Control-Allow-Headers": "Content-Type",
                "Access-Control-Max-Age": "86400",
            },
        )

    def asked(self, request: web.Request) -> Asked:
        """Return what *request* says besides its body."""
        return Asked(
            request.match_info["key"],
            _origin(request),
            request.headers.get(hdrs.USER_AGENT, ""),
            self.address_of(request),
        )

    def address_of(self, request: web.Request) -> bytes:
        """Return the keyed hash of the client's network address."""
        return self.hashed_address(self._proxies.client(request))

    def hashed_address(self, address: str) -> bytes:
        """Return the keyed hash of a network address."""
        return self._addresses.hashed(address)

    async def admitted(self, asked: Asked) -> Site:
        """
        Count a request of its address; return the site of its key.

        Raise Refused if it is one too many, or the page's origin is none of the site's own.
        """
        self.limits.request(asked.address)
        site = self._sites.remembered(asked.key) or await self._sites.asked(
            asked.key, asked.address
        )
        origin = asked.origin
        if origin is not None and origin.lower() not in site.origins:
            self._log_origin(site, origin)
            if not _is_test(asked):
                self._tally.add(site.key, "origin", origin)
            raise Refused(
                403, "origin", f"pages of {origin[:200]} may not send for this site; see the log"
            )
        if not site.options.enabled:
            raise Refused(403, "off", "recording is switched off for this site")
        return site

    async def taken(self, asked: Asked, site: Site, body: bytes) -> Answer:
        """Store the batch in *body* and return the answer, a refusal too."""
        try:
            return await self._take(asked, site, body)
        except Refused as refused:
            return self.refused(asked, refused)
        except StoreBusy as busy:
            reason = f"{busy}; send it again"
            retry_after_s = busy.retry_after_s
            code = busy.code
        except StoreError as error:
            log.error("a batch could not be stored: %s", error)
            reason = "the batch could not be stored; send it again"
            retry_after_s = FAILED_RETRY_S
            code = "failed"
        return self.refused(asked, Refused(503, code, reason, retry_after_s=retry_after_s))

    async def _take(self, asked: Asked, site: Site, body: bytes) -> Answer:
        frame = self._unpack(body)
        self.limits.batch(site.key, asked.address, len(body), len(frame.head))
        head = self._reader.read(frame.head)
        if head.dropped or head.masked:
            self._count(site, head)
        if head.session not in self._known:
            self.limits.session(site.key, asked.address)
        appended = await self._store.append(await self._batch(asked, site, frame, head))
        if appended.status in _ANSWERS:
            status, reason = _ANSWERS[appended.status]
            raise Refused(status, appended.status, reason)
        self._known.add(head.session)
        if not _is_test(asked):
            self._tally_batch(site.key, appended, head)
        if appended.batch is not None:
            self._tell(appended.batch)
        held = await self._assets.held(site, head.sheets) if head.sheets else []
        if appended.batch is not None and head.sheets:
            self._assets.look_through(
                site,
                asked.address,
                head.session,
                frame.chunk,
                frame.chunk_encoding,
                set(head.sheets).difference(held),
            )
        return self._acknowledged(asked, appended, head.session, held)

    def _tally_batch(self, key: str, appended: Appended, head: Head) -> None:
        self._tally.add(key, "batch", appended.status)
        if appended.batch is not None:
            self._tally.add(key, "version", head.version or "?")
            for place, count in head.own_errors.items():
                self._tally.add(key, "own_error", place, count)

    def _log_origin(self, site: Site, origin: str) -> None:
        """Tell the operator, once for each origin; the page itself learns nothing of the site."""
        refused = (site.key, origin[:200])
        if refused in self._refused_origins or len(self._refused_origins) >= MOST_REFUSED_ORIGINS:
            return
        self._refused_origins.add(refused)
        allowed = ", ".join(site.origins) or "none"
        log.warning(
            "pages of %s may not send for the site '%s'; its origins are: %s",
            *(origin[:200], site.name, allowed),
        )

    async def body(self, request: web.Request, most: int) -> bytes:
        """Return the body, which has *most* bytes or the server's limit, and arrives in time."""
        too_large = Refused(413, "too_large", f"a batch has at most {most} bytes")
        if request.content_length is not None and request.content_length > most:
            raise too_large
        try:
            if request.content.is_eof():  # it came with its headers, as most do
                return await request.read()
            return await self._rest_of(request, most)
        except web.HTTPRequestEntityTooLarge:
            raise too_large from None
        except TimeoutError:
            raise too_slow() from None
        except web.RequestPayloadError as error:  # chunks or an encoding that are none
            raise Refused(400, "bad_frame", f"the body cannot be read: {error}"[:200]) from None

    async def _rest_of(self, request: web.Request, most: int) -> bytes:
        """Return a body that arrives by and by, unless too many do so at once."""
        length = most if request.content_length is None else request.content_length
        if self._half_bytes + length > MOST_HALF_BYTES:
            raise Refused(503, "busy", "too many large batches arrive", retry_after_s=2)
        self._half_bytes += length
        try:
            async with asyncio.timeout(BODY_TIMEOUT_S):
                return await request.read()
        finally:
            self._half_bytes -= length

    def _unpack(self, body: bytes) -> Frame:
        try:
            return unpack(body, max_head_bytes=self._settings.max_head_bytes)
        except WireVersionError as error:
            raise Refused(400, "bad_version", str(error)) from None
        except WireError as error:
            raise Refused(400, "bad_frame", str(error)) from None

    async def _batch(self, asked: Asked, site: Site, frame: Frame, head: Head) -> NewBatch:
        now = self._clock.now_ms()
        attributes = agent.attributes_of(asked.user_agent)
        attributes.update(head.attributes)
        attributes["site"] = site.name
        who = None
        if head.identity is not None:
            attributes["identified"] = True
            who = identity.checked(
                *head.identity,
                signing_key=await self._server_key(identity.key_name(site.key)),
                hash_key=await self._server_key(identity.HASHES),
            )
        return NewBatch(
            site=site.key,
            session=head.session,
            secret_hash=hashlib.sha256(head.secret.encode()).digest(),
            page_load=head.page_load,
            tab=head.tab,
            seq=head.seq,
            digest=frame.digest,
            received_ms=now,
            origin_ms=float(now - frame.sent_t),
            events=head.events,
            void=head.void,
            attributes=attributes,
            visitor=head.visitor if site.mode == "full" else None,
            identity=who,
            page=head.page,
            gaps=head.gaps,
            chunk=frame.chunk,
            chunk_info=head.chunk_info(frame.chunk, frame.chunk_encoding),
            assets=head.assets,
            sheets=head.sheets,
            last=head.last,
            canary=canary.claimed(asked.user_agent)
            and canary.genuine(asked.user_agent, await self._server_key(canary.KEY), now),
        )

    async def _server_key(self, name: str) -> bytes:
        if name not in self._keys:
            self._keys[name] = await self._store.server_key(name)
        return self._keys[name]

    def _tell(self, batch: StoredBatch) -> None:
        try:
            self._on_stored(batch)
        except Exception:
            # The batch is durable; whoever was to hear of it catches up from its checkpoint.
            log.exception("what follows a stored batch failed")

    def _count(self, site: Site, head: Head) -> None:
        for what, count in head.dropped.items():
            self.counters[f"dropped_{what}"] += count
        if head.masked:
            if not self.counters["masked"]:
                log.warning("the site '%s' sent text that had to be masked here", site.name)
            self.counters["masked"] += head.masked

    def _acknowledged(
        self, asked: Asked, appended: Appended, session: str, held: list[str]
    ) -> Answer:
        self.counters[appended.status] += 1
        settings = self._settings
        flush_ms = settings.live_flush_ms if self._watched(session) else settings.flush_ms
        values: dict[str, object] = {"ok": True, "status": appended.status, "flush_ms": flush_ms}
        if held:
            values["assets"] = held
        return told(asked.origin, values)

    def refused(self, asked: Asked, refused: Refused) -> Answer:
        """Count *refused* and return the answer that tells it."""
        self.counters[f"refused_{refused.code}"] += 1
        if self._sites.knows(asked.key) and not _is_test(asked):
            self._tally.add(asked.key, "refused", refused.code)
        return refusal(asked.origin, refused)


def too_slow() -> Refused:
    """Return what a body that takes too long is told: nothing is wrong with it, it may come again."""
    reason = f"the body did not arrive within {BODY_TIMEOUT_S} s; send it again"
    return Refused(503, "slow", reason, retry_after_s=SLOW_RETRY_S)


def response(answer: Answer) -> web.Response:
    """Return *answer* as aiohttp sends it."""
    return web.Response(status=answer.status, body=answer.body, headers=answer.headers())


def _is_test(asked: Asked) -> bool:
    """Say whether `stolper doctor` sends: that is counted nowhere."""
    return canary.claimed(asked.user_agent)


def _origin(request: web.Request) -> str | None:
    return origin_of(request.headers.get(hdrs.ORIGIN))
