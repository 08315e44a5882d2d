"""
One process: store, detector, collector and console, put together and taken down in order.

Owns the composition only; each part comes in through its own factory.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import json
import logging
import os
from importlib.metadata import version
from pathlib import Path

from aiohttp import web

import collector.app
import console.accounts
import console.app
from collector.kept import FOLDER as KEPT
from collector.kept import keep_snippet
from collector.log import server_logger
from collector.probe import SERVER_ID
from collector.script import built_version
from collector.sessions import SessionCloser
from console.context import CONSOLE
from console.live import Live
from core.clock import Clock, SystemClock
from core.errors import UserError
from core.model import Session, StoredBatch, Verdicts
from core.settings import Settings
from core.sqlite import SqliteStore
from detector.history import History
from detector.loader import shipped_rules
from detector.service import Detector
from insight.report_files import shipped_reports
from stolper.alerting.service import AlertService
from stolper.durations import TimedDisk
from stolper.erasure import Eraser
from stolper.folder import OWN_REPORTS, OWN_RULES
from stolper.indexer import Indexer
from stolper.metrics import Metrics
from stolper.own_rules import OwnRules
from stolper.paths import player_dir, snippet_dir
from stolper.reportbook import Reportbook
from stolper.retention import Retention
from stolper.rulebook import Rulebook
from stolper.sealer import BackgroundSealer
from stolper.workbench import ServerWorkbench

log = logging.getLogger("stolper")

SERVER_FILE = "server.json"
LOCK_FILE = "server.lock"

BACKLOG = 1024
"""Connections that may wait to be accepted: a campaign's visitors come at once."""

BUSY_MS = 1000
"""For so long after a batch arrived the sealer rests most of the time."""


class Server:
    """
    A whole Stolper on one data folder: `start()`, then `public_url` and `console_url`, then `stop()`.

    Port 0 in the settings takes a free port.
    """

    def __init__(self, settings: Settings, data: Path, clock: Clock | None = None) -> None:
        self.settings = settings
        self.data = data
        self.clock = clock or SystemClock()
        self.disk = TimedDisk()
        self.store = SqliteStore(
            data,
            self.clock,
            queue_limit=settings.collector.queue_limit,
            reserve_bytes=settings.collector.disk_reserve_mb << 20,
            disk=self.disk,
        )
        self.live = Live()
        self.public_url = ""
        self.console_url = ""
        self.owner_password: str | None = None
        self.first_link = ""
        self._runners: list[web.AppRunner] = []
        self._tasks: list[asyncio.Task[None]] = []
        self._lock_file: int | None = None
        self._arrived_ms = 0

    async def start(self) -> None:
        """Open the store, catch up with judging, then listen: console first, public last."""
        self.disk.make_folder(self.data)
        self._lock()
        await self.store.open()
        # A restore may have been killed before it came to that.
        await Eraser(self.store, self.clock).bury()
        own = OwnRules(self.data / OWN_RULES)
        self.rulebook = Rulebook(own, self.store, self.clock, shipped=[shipped_rules()])
        self.reports = Reportbook(self.data / OWN_REPORTS, shipped=[shipped_reports()])
        await self.reports.begin(self.store)
        self.alerts = AlertService(
            self.store,
            self.clock,
            self.settings,
            self._console_base,
            reports=self.reports,
            processes=lambda: self.workbench.processes(),
        )
        self.detector = Detector(
            self.store,
            await self.rulebook.load(),
            self.clock,
            settings=self.settings.detector,
            on_verdicts=self._judged,
            flush_ms=self.settings.collector.flush_ms,
        )
        self.closer = SessionCloser(self.store, self.clock, on_ended=self._ended)
        await self.detector.start()
        self.rulebook.swap = self.detector.swap
        sealer = BackgroundSealer(self.store, self.clock, busy=self._busy)
        self.indexer = Indexer(
            self.store, self.clock, rules=lambda: self.detector.rules, busy=self._busy
        )
        self.retention = Retention(self.store, self.clock, self.settings.retention, busy=self._busy)
        self.eraser = Eraser(
            self.store,
            self.clock,
            forget=self._forget,
            forget_stock=sealer.forget_stock,
            paused=sealer.paused,
        )
        watching = self.rulebook.watch(self.settings.detector.reload_ms)
        self._tasks = [
            asyncio.create_task(self.closer.run(), name="session closer"),
            asyncio.create_task(watching, name="rule files"),
            asyncio.create_task(
                self.reports.watch(self.store, self.settings.detector.reload_ms),
                name="report files",
            ),
            asyncio.create_task(sealer.run(), name="sealer"),
            asyncio.create_task(self.retention.run(), name="retention"),
            asyncio.create_task(self.indexer.run(), name="search index"),
            asyncio.create_task(self.alerts.run(), name="alerts"),
        ]
        for task in self._tasks:
            task.add_done_callback(_log_end)
        self.workbench = self._workbench()
        private = console.app.build_app(
            self.store,
            self.clock,
            self.settings,
            live=self.live,
            end_session=self.closer.end,
            player_dir=player_dir(),
            workbench=self.workbench,
            public_url=lambda: self.settings.server.public_url or self.public_url,
            snippet_version=built_version(snippet_dir()),
            metrics=lambda: self.metrics.text(),
            eraser=self.eraser,
            alerting=self.alerts,
            reports=self.reports,
        )
        self.console_url = await self._listen(
            web.AppRunner(private, access_log=None, logger=server_logger(), shutdown_timeout=2),
            self.settings.server.console,
        )
        kept = self.data / KEPT
        await asyncio.to_thread(keep_snippet, snippet_dir(), kept, self.clock)
        public = collector.app.build_app(
            self.store,
            self.clock,
            self.settings,
            snippet_dir=snippet_dir(),
            kept_dir=kept,
            on_stored=self._stored,
            watched=self.live.watched,
            console_url=self._told_console_url,
        )
        self.ready = public[collector.app.READY]
        self.metrics = Metrics(
            self.data, version("stolper"), public[collector.app.COUNTERS], self.disk, self._gauges
        )
        self.public_url = await self._listen(
            collector.app.runner(public), self.settings.server.public
        )

        # Last of all: a password that is made must be printed.
        self.owner_password = await console.accounts.ensure_owner(self.store, self.clock)
        if self.owner_password and (owner := await self.store.user(console.accounts.OWNER)):
            self.first_link = self.console_url + private[CONSOLE].first_link.make(owner)
        self._tell_commands(public[SERVER_ID])

    async def drain(self, hurry: asyncio.Event) -> None:
        """
        Say on /readyz that no more should come, and go on as set in `server.drain_ms` or until *hurry*.

        Whoever spreads requests over servers learns so before this one stops listening.
        """
        self.ready.stopping = True
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self.settings.server.drain_ms / 1000):
                await hurry.wait()

    async def stop(self) -> None:
        """Stop listening, finish what was accepted, close the store. Harmless when not started."""
        if self._lock_file is None:
            return
        for runner in reversed(self._runners):
            await runner.cleanup()
        self._runners.clear()
        if self._tasks:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            self._tasks.clear()
            await self.detector.stop()
        await self.store.close()
        (self.data / SERVER_FILE).unlink(missing_ok=True)
        os.close(self._lock_file)
        self._lock_file = None

    async def __aenter__(self) -> Server:
        try:
            await self.start()
        except BaseException:
            await self.stop()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    def _lock(self) -> None:
        """Hold the data folder: two detectors on one checkpoint would undo each other."""
        handle = os.open(self.data / LOCK_FILE, os.O_CREAT | os.O_RDWR, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(handle)
            raise UserError(
                f"another server runs on {self.data}; stop it or choose another --data"
            ) from None
        self._lock_file = handle

    def _tell_commands(self, server_id: str) -> None:
        """Leave the addresses where `stolper site add` finds them, and who this is for the doctor."""
        told = {
            "public_url": self.public_url,
            "console_url": self.console_url,
            "server": server_id,
            "version": version("stolper"),
        }
        (self.data / SERVER_FILE).write_text(json.dumps(told))

    async def _listen(self, runner: web.AppRunner, address: str) -> str:
        host, _, port = address.rpartition(":")
        self._runners.append(runner)
        await runner.setup()
        try:
            await web.TCPSite(runner, host.strip("[]"), int(port), backlog=BACKLOG).start()
        except OSError as error:
            reason = error.strerror or str(error)
            raise UserError(f"cannot listen on {address}: {reason}") from error
        return f"http://{host}:{runner.addresses[0][1]}"

    def _workbench(self) -> ServerWorkbench:
        history = History(
            self.store,
            flush_ms=self.settings.collector.flush_ms,
            on_verdicts=self._judged,
            first=self.detector.drain,
        )
        return ServerWorkbench(
            self.rulebook,
            self.store,
            self.clock,
            self.detector,
            history,
            data=self.data,
            flush_ms=self.settings.collector.flush_ms,
        )

    def _told_console_url(self) -> str:
        """Return the console's address as pages may learn it: as set, or where all is tried out locally."""
        server = self.settings.server
        return server.console_url or ("" if server.public_url else self.console_url)

    def _gauges(self) -> dict[str, float]:
        """Return what the parts say of themselves, for the metrics."""
        return {
            "write_queue": self.store.waiting,
            "write_queue_limit": self.settings.collector.queue_limit,
            "detector_queue": self.detector.waiting,
            "detector_errors": self.detector.errors,
            "judgements_unwritten": self.detector.unwritten,
            "open_sessions": self.detector.open_sessions,
            "rules": len(self.detector.rules.rules),
            "rule_problems": bool(self.rulebook.problems),
            "ready": self.ready.last is None,
            **{f"removed_{limit}": count for limit, count in self.retention.removed.items()},
        }

    def _stored(self, batch: StoredBatch) -> None:
        self._arrived_ms = self.clock.now_ms()
        self.detector.notify(batch)
        self.live.batch_stored(batch)
        self.indexer.changed(batch.session)

    def _busy(self) -> bool:
        return abs(self.clock.now_ms() - self._arrived_ms) < BUSY_MS

    def _judged(self, verdicts: Verdicts) -> None:
        self.live.verdicts(verdicts)
        self.alerts.judged(verdicts)

    def _console_base(self) -> str:
        return self.settings.server.console_url or self.console_url

    def _forget(self, session: str) -> None:
        """Drop what is held in memory of a session that is being erased."""
        self.detector.forget(session)
        self.live.erased(session)

    def _ended(self, session: Session) -> None:
        self.detector.session_ended(session)
        self.live.session_ended(session)


def _log_end(task: asyncio.Task[None]) -> None:
    """Tell of a task that ended by itself: none of them should before the server stops."""
    if not task.cancelled():
        log.error("the task '%s' ended", task.get_name(), exc_info=task.exception())
