"""
The routes /i/KEY/code and /i/KEY/url: a page asks how a support agent finds its visit.

Only who knows the session's secret is told, as with everything of a session that comes from outside.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

import orjson
from aiohttp import web

from collector.asked import told
from collector.bounds import SECRET, SESSION
from collector.ingest import Ingest, response
from core.clock import Clock
from core.codes import CodeStore
from core.errors import Refused, StoreBusy, StoreError
from core.model import Session
from core.settings import CollectorSettings

MOST_BYTES = 1024
"""A session's id and secret take 100."""

LEAD_MS = 5_000
"""A link opens so long before the moment at which it was asked for, as one to a flag does."""

HOUR_MS = 3_600_000


def add_routes(
    app: web.Application,
    ingest: Ingest,
    store: CodeStore,
    clock: Clock,
    settings: CollectorSettings,
    console_url: Callable[[], str],
) -> None:
    """Add the routes of this module to *app*. *console_url* returns where the console is; "": nobody is told."""
    routes = _Routes(ingest, store, clock, settings, console_url)
    app.router.add_post("/i/{key}/code", routes.code)
    app.router.add_post("/i/{key}/url", routes.url)


class _Routes:
    def __init__(
        self,
        ingest: Ingest,
        store: CodeStore,
        clock: Clock,
        settings: CollectorSettings,
        console_url: Callable[[], str],
    ) -> None:
        self._ingest = ingest
        self._store = store
        self._clock = clock
        self._settings = settings
        self._console_url = console_url

    async def code(self, request: web.Request) -> web.Response:
        """Answer with the session's spoken code."""
        return await self._answer(request, self._code)

    async def url(self, request: web.Request) -> web.Response:
        """Answer with the console's link to this moment of the session."""
        return await self._answer(request, self._url)

    async def _code(self, session: Session) -> dict[str, Any]:
        given = await self._store.give_code(session.id, self._settings.code_hours * HOUR_MS)
        if given is None:  # erased since
            raise _unknown()
        return {"code": given.code, "until_ms": given.until_ms}

    async def _url(self, session: Session) -> dict[str, Any]:
        base = self._console_url().rstrip("/")
        if not base:
            raise Refused(404, "no_console_url", "the setting server.console_url is not made")
        at_ms = max(0, self._clock.now_ms() - session.started_ms - LEAD_MS)
        return {"url": f"{base}/sessions/{session.id}?at={at_ms}"}

    async def _answer(self, request: web.Request, make: Callable[[Session], Any]) -> web.Response:
        asked = self._ingest.asked(request)
        try:
            site = await self._ingest.admitted(asked)
            self._ingest.limits.code(asked.address)
            session = await self._session(request, site.key)
            self._ingest.limits.session_code(session.id)
            return response(told(asked.origin, {"ok": True, **await make(session)}))
        except Refused as error:
            refused = error
        except StoreBusy as busy:
            refused = Refused(503, busy.code, str(busy), retry_after_s=busy.retry_after_s)
        except StoreError:
            refused = Refused(503, "failed", "no code could be stored", retry_after_s=10)
        return response(self._ingest.refused(asked, refused))

    async def _session(self, request: web.Request, site: str) -> Session:
        """Return the session that the body names and proves to know the secret of."""
        body = await self._ingest.body(request, MOST_BYTES)
        try:
            values = orjson.loads(body)
            session, secret = values["session"], values["secret"]
            if not (SESSION.fullmatch(session) and SECRET.fullmatch(secret)):
                raise ValueError
        except (ValueError, TypeError, KeyError):
            raise Refused(400, "bad_session", "send the session's id and secret as JSON") from None
        hash_ = hashlib.sha256(secret.encode()).digest()
        found = await self._store.own_session(site, session, hash_)
        if found is None:
            raise _unknown()
        return found


def _unknown() -> Refused:
    return Refused(
        404, "unknown_session", "nothing has arrived of such a session, or not with that secret"
    )
