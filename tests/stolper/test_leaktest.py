"""`stolper leaktest`: a clean page, a leaky page, and pages that cannot be tested."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import pytest
from click.testing import CliRunner, Result

from stolper.cli import main
from stolper.embedded import configuration
from stolper.paths import snippet_dir

CONFIG = {
    "key": "sowner",
    "base": "http://127.0.0.1:9",  # nobody listens: what arrives has come to the test's own server
    "recorder": "/s/recorder.0.js",
    "mode": "cookieless",
    "privacy": "standard",
    "idle_timeout_ms": 1_800_000,
    "flush_ms": 5000,
    "options": {"unmask": ".preview"},
}
CLEAN = (
    "<!doctype html><title>x</title><h1>Order</h1><form><input id=name><input type=number>"
    "<textarea></textarea><div contenteditable>x</div><p>For Erika Probe</p>"
    "<button>Send</button></form><iframe srcdoc='<input>'></iframe>"
)
LEAKY = (
    "<!doctype html><title>x</title><script async src=/s/sowner.js></script><main>"
    "<input id=name><p id=echo class=preview></p><input id=shown data-stolper=unmask>"
    "<form><button id=send>Send</button></form><h2 id=greeting></h2></main><script>"
    "document.getElementById('send').onclick = (e) => { e.preventDefault();"
    " document.getElementById('greeting').textContent = 'Hello Marvin Android' }</script>"
)


class Pages(BaseHTTPRequestHandler):
    """The owner's server."""

    served: ClassVar[dict[str, tuple[str, str]]] = {
        "/clean": ("text/html", CLEAN),
        "/leaky": ("text/html", LEAKY),
    }

    def do_GET(self) -> None:
        kind, text = self.served.get(self.path, ("text/plain", ""))
        body = text.encode()
        self.send_response(200 if text else 404)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Security-Policy", "connect-src 'self'")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def pages() -> Iterator[str]:
    """A site whose leaky page embeds a snippet."""
    loader = (snippet_dir() / "loader.js").read_text()
    Pages.served["/s/sowner.js"] = (
        "text/javascript",
        loader.replace('"__STOLPER_CONFIG__"', json.dumps(CONFIG, separators=(",", ":"))),
    )
    server = ThreadingHTTPServer(("127.0.0.1", 0), Pages)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


def call(*words: str) -> Result:
    return CliRunner().invoke(main, ["leaktest", *words])


@pytest.mark.browser
def test_a_clean_page_exits_0(pages: str) -> None:
    """The snippet is added, every field takes the text, and a text that stands in the page is masked."""
    done = call(f"{pages}/clean", "--canary", "Zaphod Beeblebrox", "--canary", "Erika Probe",
                "--wait", "0")  # fmt: skip

    assert 0 == done.exit_code, done.output
    assert "the snippet added, preset standard: 4 fields filled (1 take other texts only)" in (
        done.stdout
    )
    assert "Nothing found of 'Zaphod Beeblebrox', 'Erika Probe'." in done.stdout


@pytest.mark.browser
def test_a_leaky_page_exits_1_and_names_the_places(pages: str) -> None:
    """Its own snippet counts, with its options; fields, later texts and what a press brings are named."""
    done = call(f"{pages}/leaky", "--canary", "Zaphod Beeblebrox", "--canary", "Marvin Android",
                "--type", "#name=Trillian McMillan", "--submit", "#send", "--wait", "0")  # fmt: skip

    assert 1 == done.exit_code, done.output
    assert "the page's own snippet" in done.stdout
    finds = [line.split("  ", 2) for line in done.stdout.splitlines()[2:]]
    places = {(text.strip(), where.split("plain", 1)[-1].strip()) for text, *_, where in finds}
    assert ("Zaphod Beeblebrox", "recording, text of input#shown") in places, done.stdout
    assert not any(text == "Trillian McMillan" for text, _ in places)


@pytest.mark.browser
def test_what_cannot_be_tested_exits_2(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Nobody there, no playwright, no such site: one sentence, and never 0."""
    gone = call("http://127.0.0.1:9/", "--canary", "Zaphod")
    no_data = call("http://127.0.0.1:9/", "--canary", "Zaphod", "--data", str(tmp_path))
    monkeypatch.setitem(sys.modules, "stolper.leaktest.visit", None)
    missing = call("http://127.0.0.1:9/", "--canary", "Zaphod")

    assert [2, 2, 2] == [gone.exit_code, no_data.exit_code, missing.exit_code]
    assert "the page could not be driven: Page.goto: net::ERR_" in gone.stderr
    assert "holds no Stolper data" in no_data.stderr
    assert "pip install 'stolper[browser]'" in missing.stderr


@pytest.mark.parametrize(
    "words",
    [
        ("http://127.0.0.1:9/",),
        ("http://127.0.0.1:9/", "--canary", "abc"),
        ("file:///etc/hosts", "--canary", "Zaphod"),
        ("http://127.0.0.1:9/", "--type", "no-text"),
    ],
)
def test_what_makes_no_sense_is_refused(words: tuple[str, ...]) -> None:
    """No text, a text that stands anywhere, another scheme, a selector without a text."""
    assert 2 == call(*words).exit_code


def test_only_loaders_of_stolper_are_taken_over() -> None:
    """A script without its configuration stays the page's own."""
    assert configuration('var a = {"key":"x","other":1};') is None
    assert CONFIG == configuration(f"(()=>{{var c={json.dumps(CONFIG, separators=(',', ':'))}}})()")
