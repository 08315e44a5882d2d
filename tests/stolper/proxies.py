"""Reverse proxies for tests: a small one of aiohttp, and Debian's nginx with the file that we ship."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import ssl
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
from aiohttp import web

CONF = Path(__file__).parents[2] / "deploy" / "nginx.conf"
NGINX = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")

_MAIN = """
{user}
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 256; }}
http {{
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
{conf}
}}
"""


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def from_address(address: str) -> aiohttp.ClientSession:
    """Return a client that connects from *address*: all of 127.0.0.0/8 is this machine."""
    connector = aiohttp.TCPConnector(local_addr=(address, 0), ssl=False)
    return aiohttp.ClientSession(connector=connector)


@asynccontextmanager
async def small_proxy(
    port: int, public: str, *, scheme: str = "https", sent: list[tuple[str, bytes]] | None = None
) -> AsyncIterator[None]:
    """
    Run a proxy before *public* that does what docs/operating.md asks of one, and no more.

    *scheme* is what it says it was reached by; *sent* takes path and body of every POST.
    """
    async with aiohttp.ClientSession(auto_decompress=False) as http:

        async def forward(request: web.Request) -> web.Response:
            chain = [*request.headers.getall("X-Forwarded-For", []), request.remote or ""]
            headers = {
                **{n: v for n, v in request.headers.items() if n != "X-Forwarded-For"},
                "X-Forwarded-For": ", ".join(chain),
                "X-Forwarded-Proto": scheme,
            }
            body = await request.read()
            if sent is not None and request.method == "POST":
                sent.append((request.path, body))
            url = public + request.path_qs
            async with http.request(request.method, url, data=body, headers=headers) as answer:
                kept = {n: v for n, v in answer.headers.items() if n != "Content-Length"}
                return web.Response(status=answer.status, body=await answer.read(), headers=kept)

        app = web.Application()
        app.router.add_route("*", "/{path:.*}", forward)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", port).start()
        try:
            yield
        finally:
            await runner.cleanup()


@asynccontextmanager
async def nginx(folder: Path, port: int, public: str, console: str) -> AsyncIterator[None]:
    """Run Debian's nginx with deploy/nginx.conf on *port*, with TLS, before the two listeners."""
    assert NGINX
    main = _configured(folder, port, public, console)
    process = await asyncio.create_subprocess_exec(
        NGINX, "-e", f"{folder}/error.log", "-p", str(folder), "-c", str(main), "-g", "daemon off;"
    )
    try:
        await _listening(port, process)
        yield
    finally:
        process.terminate()
        await process.wait()


def _configured(folder: Path, port: int, public: str, console: str) -> Path:
    """Return a main file that includes deploy/nginx.conf, with addresses and certificates of the test."""
    folder.mkdir()
    _certificate(folder)
    conf = CONF.read_text()
    for ours, here in (
        ("server 127.0.0.1:8000;", f"server {public.removeprefix('http://')};"),
        ("server 127.0.0.1:8001;", f"server {console.removeprefix('http://')};"),
        ("listen 443 ssl;", f"listen 127.0.0.1:{port} ssl;"),
        *(
            (f"/etc/ssl/{host}.{end}", f"{folder}/{end}")
            for host in _HOSTS
            for end in ("pem", "key")
        ),
    ):
        assert ours in conf
        conf = conf.replace(ours, here)
    main = folder / "nginx.conf"
    user = "user root;" if os.getuid() == 0 else ""  # its temporary files lie in the test's folder
    main.write_text(_MAIN.format(user=user, folder=folder, conf=conf))
    return main


_HOSTS = ("rec.example.org", "www.example.org", "stolper.example.org")


def _certificate(folder: Path) -> None:
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=test",
         "-keyout", str(folder / "key"), "-out", str(folder / "pem")],
        check=True, capture_output=True,
    )  # fmt: skip


async def _listening(port: int, process: asyncio.subprocess.Process) -> None:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    async with asyncio.timeout(30):
        while True:
            assert process.returncode is None, "nginx did not start"
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context)
            except OSError:
                await asyncio.sleep(0.05)
            else:
                writer.close()
                return
