"""Behind a reverse proxy: limits see the visitor's address, pages the proxy's; a path of the site works."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from core.settings import load_settings
from stolper.app import Server
from tests.collector.support import ORIGIN, SITE, body, head
from tests.core.support import ManualClock
from tests.stolper.proxies import NGINX, free_port, from_address, nginx, small_proxy

needs_nginx = pytest.mark.skipif(
    NGINX is None, reason="no nginx here: `make setup` as root on Debian installs it"
)
BOTH = ["small", pytest.param("nginx", marks=needs_nginx)]


@dataclass
class Behind:
    """A server behind a proxy: where the proxy listens, and under which host names."""

    server: Server
    url: str

    async def post(
        self, http: aiohttp.ClientSession, n: int, path: str = "", host: str = "rec.example.org",
        **headers: str,
    ) -> int:  # fmt: skip
        """Send the first batch of the n-th session; return the status."""
        async with http.post(
            f"{self.url}{path}/i/{SITE.key}",
            data=body(head(n)),
            headers={"Host": host, "Origin": ORIGIN, **headers},
        ) as answer:
            return answer.status


@asynccontextmanager
async def behind(kind: str, folder: Path, **settings: object) -> AsyncIterator[Behind]:
    """Run a server whose clock stands still, so that no limit refills, and a proxy before it."""
    given: dict[str, object] = {
        "server.public": "127.0.0.1:0",
        "server.console": "127.0.0.1:0",
        "server.trusted_proxies": ["127.0.0.1/32"],
        "collector.address_batches_per_s": 1,
    }
    given |= {key.replace("__", "."): value for key, value in settings.items()}
    port = free_port()
    made = load_settings(folder, env={}, overrides=given)
    async with Server(made, folder / "data", ManualClock()) as server:
        await server.store.add_site(SITE)
        if kind == "small":
            async with small_proxy(port, server.public_url):
                yield Behind(server, f"http://127.0.0.1:{port}")
        else:
            async with nginx(folder / "nginx", port, server.public_url, server.console_url):
                yield Behind(server, f"https://127.0.0.1:{port}")


@pytest.mark.parametrize("kind", BOTH)
async def test_limits_see_the_visitor_s_address(tmp_path: Path, kind: str) -> None:
    """
    One visitor's flood is refused, the next visitor is heard; writing other addresses into
    X-Forwarded-For helps nobody.
    """
    async with (
        behind(kind, tmp_path) as there,
        from_address("127.0.0.2") as flooding,
        from_address("127.0.0.3") as other,
    ):
        flood = [await there.post(flooding, n) for n in range(1, 5)]
        forged = await there.post(flooding, 5, **{"X-Forwarded-For": "192.0.2.7"})
        heard = await there.post(other, 6)

    assert ([200, 200, 429, 429], 429, 200) == (flood, forged, heard)


@pytest.mark.parametrize("kind", BOTH)
async def test_a_proxy_that_is_not_trusted_is_one_visitor(tmp_path: Path, kind: str) -> None:
    """Without the setting all who come through it share one limit: what the proxy says is not believed."""
    async with (
        behind(kind, tmp_path, server__trusted_proxies=[]) as there,
        from_address("127.0.0.2") as one,
        from_address("127.0.0.3") as other,
    ):
        answers = [await there.post(one, 1), await there.post(one, 2), await there.post(other, 3)]

    assert [200, 200, 429] == answers


@pytest.mark.parametrize("kind", BOTH)
async def test_the_loader_names_the_proxy(tmp_path: Path, kind: str) -> None:
    """Pages are told to send where they loaded from: by https, under the host that they asked."""
    async with behind(kind, tmp_path) as there, from_address("127.0.0.2") as http:
        headers = {"Host": "rec.example.org"}
        async with http.get(f"{there.url}/s/{SITE.key}.json", headers=headers) as answer:
            config = await answer.json()
        async with http.get(there.url + config["recorder"], headers=headers) as answer:
            recorder = answer.status, answer.headers["Cache-Control"]

    assert "https://rec.example.org" == config["base"]
    assert (200, "public, max-age=31536000, immutable") == recorder


@needs_nginx
async def test_a_path_of_the_site_is_first_party(tmp_path: Path) -> None:
    """Under /st/ of the site script, recorder and batches are there; outside of it nothing is."""
    url = "https://www.example.org/st"
    async with (
        behind("nginx", tmp_path, server__public_url=url) as there,
        from_address("127.0.0.2") as http,
    ):
        headers = {"Host": "www.example.org"}
        async with http.get(f"{there.url}/st/s/{SITE.key}.js", headers=headers) as answer:
            loader = await answer.text()
        async with http.get(f"{there.url}/st/s/{SITE.key}.json", headers=headers) as answer:
            config = await answer.json()
        async with http.get(f"{there.url}/st{config['recorder']}", headers=headers) as answer:
            recorder = answer.status
        taken = await there.post(http, 1, "/st", "www.example.org")
        async with http.get(f"{there.url}/s/{SITE.key}.js", headers=headers) as answer:
            elsewhere = answer.status

    assert url in loader
    assert (url, 200, 200, 404) == (config["base"], recorder, taken, elsewhere)


@needs_nginx
async def test_what_is_the_site_s_stays_with_it(tmp_path: Path) -> None:
    """Under a path of the site browsers send its cookies along; nginx passes none of them on."""
    seen: list[dict[str, str]] = []

    async def note(request: web.Request) -> web.Response:
        seen.append(
            {name: request.headers.get(name, "") for name in ("Host", "Cookie", "Authorization")}
        )
        return web.Response()

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", note)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    upstream, port = f"http://127.0.0.1:{runner.addresses[0][1]}", free_port()
    headers = {
        "Host": "www.example.org",
        "Cookie": "site=secret",
        "Authorization": "Basic c2VjcmV0",
    }
    async with (
        nginx(tmp_path / "nginx", port, upstream, upstream),
        from_address("127.0.0.2") as http,
        http.post(f"https://127.0.0.1:{port}/st/i/x", data=b"x", headers=headers) as answer,
    ):
        assert 200 == answer.status
    await runner.cleanup()

    assert [{"Host": "www.example.org", "Cookie": "", "Authorization": ""}] == seen


@needs_nginx
async def test_the_console_signs_in_behind_tls(tmp_path: Path) -> None:
    """The cookie of the sign-in is the one that https alone can have, and the page's forms are accepted."""
    async with behind("nginx", tmp_path) as there, from_address("127.0.0.2") as http:
        headers = {"Host": "stolper.example.org"}
        async with http.get(f"{there.url}/sign-in", headers=headers) as answer:
            page = await answer.text()
            cookie = answer.cookies["stolper_form"].value
        found = re.search(r'name="form_token" value="([^"]+)"', page)
        assert found
        form = {
            "name": "owner", "password": there.server.owner_password or "", "next": "/sites",
            "form_token": found[1],
        }  # fmt: skip
        async with http.post(
            f"{there.url}/sign-in",
            data=form,
            headers={
                **headers,
                "Cookie": f"stolper_form={cookie}",
                "Origin": "https://stolper.example.org",
            },
            allow_redirects=False,
        ) as answer:
            status, cookies = answer.status, answer.headers.getall("Set-Cookie", [])

    assert 303 == status
    assert [True] == [c.startswith("__Host-stolper=") and "Secure" in c for c in cookies]
