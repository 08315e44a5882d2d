"""
A server of its own for a bench: `stolper up` in a process, what it uses, and a client that is signed in.

CPU is read per thread from the kernel's scheduler (nanoseconds), so that other work on the machine does not count.
"""

from __future__ import annotations

import asyncio
import http.client
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlencode, urlsplit

from console.accounts import OWNER, create_token, set_owner_password
from core.clock import SystemClock
from core.sqlite import SqliteStore

NO_LIMITS = {
    "STOLPER_COLLECTOR_SITE_BATCHES_PER_S": "1000000000",
    "STOLPER_COLLECTOR_ADDRESS_BATCHES_PER_S": "1000000000",
    "STOLPER_COLLECTOR_SITE_SESSIONS_PER_MIN": "1000000000",
    "STOLPER_COLLECTOR_ADDRESS_SESSIONS_PER_MIN": "1000000000",
}
"""One machine is all visitors here."""

STOLPER = (sys.executable, "-c", "from stolper.cli import main; main()")
"""The command, as this Python has it."""

START_S = 300


class Served:
    """`stolper` with *command* on the folder *data*, until stop()."""

    def __init__(self, data: Path, command: Sequence[str] = ("up",)) -> None:
        self.data = data
        self._cookie = ""
        self._connection: http.client.HTTPConnection | None = None
        self.password, self.token = asyncio.run(_access(data))
        (data / "server.json").unlink(missing_ok=True)
        began = time.monotonic()
        self._log = (data.parent / f"{data.name}.log").open("wb")
        self.process = subprocess.Popen(
            [*STOLPER, *command, "--data", str(data),
             "--public", "127.0.0.1:0", "--console", "127.0.0.1:0"],
            env={**os.environ, **NO_LIMITS}, stdout=self._log, stderr=subprocess.STDOUT,
        )  # fmt: skip
        told = self._addresses()
        self.public = urlsplit(told["public_url"])
        self.console = urlsplit(told["console_url"])
        self.start_s = time.monotonic() - began
        self.start_cpu_s = self.cpu_s()

    def _addresses(self) -> dict[str, str]:
        until = time.monotonic() + START_S
        while time.monotonic() < until and self.process.poll() is None:
            try:
                return dict(json.loads((self.data / "server.json").read_bytes()))
            except (OSError, ValueError):
                time.sleep(0.02)
        raise RuntimeError(f"no server on {self.data}: {Path(self._log.name).read_text()}")

    def cpu_s(self) -> float:
        """Return the CPU seconds of the process' threads so far."""
        total = 0
        for task in Path(f"/proc/{self.process.pid}/task").iterdir():
            try:
                total += int((task / "schedstat").read_text().split()[0])
            except OSError:  # the thread has ended
                continue
        return total / 1e9

    def rss_mb(self, what: str = "VmRSS") -> float:
        """Return the memory of the process in MB; `VmHWM`: the most it had."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        found = re.search(rf"{what}:\s+(\d+) kB", status)
        return int(found[1]) / 1024 if found else 0.0

    def sign_in(self) -> None:
        """Sign in as the owner."""
        page, cookies = self._request("GET", "/sign-in")
        form = re.search(rb'name="form_token" value="([^"]+)"', page)
        assert form, page[:300]
        body = urlencode({"name": OWNER, "password": self.password, "form_token": form[1].decode()})
        _, signed = self._request("POST", "/sign-in", body, cookies)
        self._cookie = signed
        assert signed, "the sign-in failed"

    def get(self, path: str) -> bytes:
        """Return the answer of the console at *path*. Raise RuntimeError if it is none."""
        return self._request("GET", path, cookies=self._cookie)[0]

    def metric(self, name: str) -> float:
        """Return a number of /api/v1/metrics."""
        found = re.search(rf"^stolper_{name} (\S+)$", self.get("/api/v1/metrics").decode(), re.M)
        return float(found[1]) if found else 0.0

    def _request(
        self, method: str, path: str, body: str | None = None, cookies: str = ""
    ) -> tuple[bytes, str]:
        if self._connection is None:
            self._connection = http.client.HTTPConnection(
                str(self.console.hostname), self.console.port, timeout=120
            )
        headers = {"Cookie": cookies, "Accept": "text/html"}
        if path.startswith("/api/"):
            headers["Authorization"] = f"Bearer {self.token}"
        if body is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        self._connection.request(method, path, body, headers)
        answer = self._connection.getresponse()
        content = answer.read()
        if answer.status not in (200, 303):
            raise RuntimeError(f"{method} {path}: {answer.status} {content[:300]!r}")
        set_cookies = [text.split(";")[0] for text in answer.headers.get_all("Set-Cookie") or ()]
        return content, "; ".join(set_cookies)

    def stop(self) -> None:
        """Stop the server and wait for it."""
        if self._connection is not None:
            self._connection.close()
        self.process.terminate()
        self.process.wait(60)
        self._log.close()


async def _access(data: Path) -> tuple[str, str]:
    store = SqliteStore(data, SystemClock())
    await store.open()
    try:
        return await set_owner_password(store), await create_token(store, SystemClock(), "read")
    finally:
        await store.close()
