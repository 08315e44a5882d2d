"""
What the server tells Prometheus. Numbers only: no site, no session, no address, no path.

Owns names and meaning (docs/operating.md lists them); the numbers are counted where things happen
and looked at when somebody asks.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

from prometheus_client import CollectorRegistry, GCCollector, ProcessCollector, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from core.sqlite.store import DATABASE
from stolper.durations import Durations, TimedDisk


class Metrics(Collector):
    """Everything that can be scraped. *gauges* gives what the parts of the server say of themselves."""

    def __init__(
        self,
        data: Path,
        version: str,
        counters: Counter[str],
        disk: TimedDisk,
        gauges: Callable[[], dict[str, float]],
    ) -> None:
        self._data = data
        self._version = version
        self._counters = counters
        self._disk = disk
        self._gauges = gauges
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(self)
        ProcessCollector(registry=self._registry)
        GCCollector(registry=self._registry)

    def text(self) -> bytes:
        """Return all metrics in Prometheus' text format."""
        return generate_latest(self._registry)

    def collect(self) -> Iterator[Metric]:
        """Yield our own metrics; those of process and interpreter come from the library."""
        info = InfoMetricFamily("stolper", "The version that runs.")
        info.add_metric([], {"version": self._version})
        yield info
        yield from self._batches()
        yield _histogram("stolper_fsync_seconds", FSYNC, self._disk.fsyncs)
        yield _histogram("stolper_commit_seconds", COMMIT, self._disk.commits)
        failed = self._disk.fsyncs.failures + self._disk.commits.failures
        yield CounterMetricFamily("stolper_write_failures", FAILURES, value=failed)
        gauges = self._gauges()
        removed = CounterMetricFamily("stolper_sessions_removed", REMOVED, labels=["limit"])
        for name in [name for name in gauges if name.startswith("removed_")]:
            removed.add_metric([name.removeprefix("removed_")], gauges.pop(name))
        yield removed
        for name, value in {**gauges, **self._sizes()}.items():
            if name in COUNTED:
                yield CounterMetricFamily(f"stolper_{name}", COUNTED[name], value=value)
            else:
                yield GaugeMetricFamily(f"stolper_{name}", GAUGES[name], value=value)

    def _batches(self) -> Iterator[Metric]:
        counted = dict(self._counters)
        taken = CounterMetricFamily("stolper_batches", BATCHES, labels=["status"])
        refused = CounterMetricFamily("stolper_batches_refused", REFUSED, labels=["code"])
        dropped = CounterMetricFamily("stolper_dropped", DROPPED, labels=["what"])
        assets = CounterMetricFamily("stolper_assets", ASSETS, labels=["what"])
        ended = CounterMetricFamily("stolper_connections_ended", ENDED, labels=["what"])
        for name, what in ENDINGS.items():
            ended.add_metric([what], counted.pop(name, 0))
        for status in ("stored", "duplicate"):  # there from the start: rates need a zero
            taken.add_metric([status], counted.pop(status, 0))
        masked = counted.pop("masked", 0)
        for name, count in sorted(counted.items()):
            kind, _, detail = name.partition("_")
            if kind == "refused":
                refused.add_metric([detail], count)
            elif kind == "dropped":
                dropped.add_metric([detail], count)
            elif kind == "assets":
                assets.add_metric([detail], count)
        yield from (taken, refused, dropped, assets, ended)
        yield CounterMetricFamily("stolper_masked", MASKED, value=masked)

    def _sizes(self) -> dict[str, float]:
        disk = os.statvfs(self._data)
        log = self._data / f"{DATABASE}-wal"
        return {
            "disk_free_bytes": disk.f_bavail * disk.f_frsize,
            "disk_bytes": disk.f_blocks * disk.f_frsize,
            "database_bytes": (self._data / DATABASE).stat().st_size,
            "database_log_bytes": log.stat().st_size if log.exists() else 0,
        }


BATCHES = "Batches answered 200, by what was done: stored, or known already (duplicate)."
ASSETS = "Style sheets, fonts and pictures: kept, not kept (full: no room; beyond_share: of one address)."
ENDED = "Connections that were ended although more was to come: who was slow, or had to make room."
ENDINGS = {
    "slow_heads": "slow_head",
    "slow_answers": "slow_answer",
    "evicted_connections": "evicted",
}
REFUSED = "Batches and other requests of pages refused, by the code of the answer."
DROPPED = "Events, fields and other parts of batches that were left out, by what they were."
MASKED = "Texts that looked like e-mail addresses, IBANs or card numbers, masked on arrival."
FSYNC = "How long it took until a file's bytes were on the medium."
COMMIT = "How long it took until rows were on the medium; many batches share a commit."
REMOVED = "Sessions removed, by the limit: their site's age or size, or the size of the folder."
FAILURES = "Durable steps that failed: disk full, I/O error."

COUNTED = {
    "detector_errors": "Events and sessions on which judging failed and went on.",
    "judgements_unwritten": "Judgements that could not be written because the database is damaged.",
}

GAUGES = {
    "write_queue": "Writes that wait for the disk.",
    "write_queue_limit": "As many may wait before batches are answered 503.",
    "detector_queue": "Batches stored and not judged yet.",
    "open_sessions": "Sessions that have not ended.",
    "rules": "Rules in force.",
    "rule_problems": "1 while own rule files have errors and are not in force as they are.",
    "ready": "1 while /readyz says yes.",
    "disk_free_bytes": "Room left where the data folder is.",
    "disk_bytes": "Room in all where the data folder is.",
    "database_bytes": "Size of the database.",
    "database_log_bytes": "Size of the database's log, which grows while a backup reads.",
}


def _histogram(name: str, help_: str, durations: Durations) -> HistogramMetricFamily:
    buckets, sum_s = durations.buckets()
    return HistogramMetricFamily(name, help_, buckets=buckets, sum_value=sum_s)
