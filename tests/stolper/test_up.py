"""What `stolper up --origin` makes and prints: a site and its line, once."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.new_site import NAME_MAX, free_name
from core.settings import load_settings
from stolper.app import Server
from stolper.cli import _tell_lines

ONE, OTHER = "https://www.example.org", "https://shop.example:8443"


async def test_a_site_is_added_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Started again with the same pages it prints the same line; pages that no site has are a site of their own."""
    free = {"server.public": "127.0.0.1:0", "server.console": "127.0.0.1:0"}
    async with Server(load_settings(tmp_path, env={}, overrides=free), tmp_path) as server:
        printed = []
        for origins in ((ONE,), (ONE,), (ONE, OTHER)):
            await _tell_lines(server, origins)
            lines = capsys.readouterr().out.splitlines()
            printed.append({line for line in lines if "<script" in line})
        sites = {one.name: one for one in await server.store.sites()}
        base = server.public_url
    wanted = {
        name: f'  paste        <script async src="{base}/s/{one.key}.js"></script>'
        for name, one in sites.items()
    }

    assert {"www.example.org": (ONE,), "shop.example:8443": (OTHER,)} == {
        name: one.origins for name, one in sites.items()
    }
    assert {("cookieless", "standard")} == {(one.mode, one.privacy) for one in sites.values()}
    assert printed[0] == printed[1] == {wanted["www.example.org"]}
    assert printed[2] == set(wanted.values())


def test_a_name_is_free() -> None:
    """The host, with a number if another site has that; never longer than a name may be."""
    assert "www.example.org" == free_name(ONE, set())
    assert "www.example.org-3" == free_name(ONE, {"www.example.org", "www.example.org-2"})
    long = free_name("https://" + "a" * 100, {"a" * (NAME_MAX - 4)})
    assert long.endswith("-2")
    assert len(long) <= NAME_MAX
