"""Tells what the counts of each site come to, in the words of its page of recording health."""

from __future__ import annotations

from collector.script import built_version
from console.health_words import finding_text
from core.health import Finding, findings, room_findings
from core.model import Site
from core.store import Store
from stolper.doctor.told import Told
from stolper.paths import snippet_dir


async def examine(store: Store, sites: list[Site], base: str, since_ms: int) -> list[Told]:
    """Return what stands out of *sites* since *since_ms*, the disk's state first."""
    told = [_told("", one, base) for one in room_findings(await store.room())]
    version = built_version(snippet_dir())
    for site in sites:
        health = await store.health(site.key, since_ms)
        enabled = site.options.enabled
        found = findings(health, enabled=enabled, origins=site.origins, version=version)
        told += [_told(site.name, one, base) for one in found]
    return told


def _told(site: str, finding: Finding, base: str) -> Told:
    what, do = finding_text(finding, base, str, lambda one, many, n: one if n == 1 else many)
    return Told(finding.code, finding.severe, what, do, site)
