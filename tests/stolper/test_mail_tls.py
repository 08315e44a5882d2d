"""Mails of alerts by TLS, to a real mail server: who it is is checked, and nothing is said before."""

from __future__ import annotations

import ssl
import subprocess
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from core.alerts import Delivery
from tests.stolper.alerting import MAIL, settings_for, world
from tests.stolper.receiving import Post, receiving_hook, receiving_post

SIGN_IN = {"mail.user": "us", "mail.password": "secret of mail"}


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A key and a certificate of 127.0.0.1 that vouches for itself, in one file."""
    path = tmp_path_factory.mktemp("tls") / "both.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
         "-days", "2", "-subj", "/CN=mail.example", "-addext", "subjectAltName=IP:127.0.0.1",
         "-addext", "keyUsage=critical,digitalSignature,keyCertSign",
         "-keyout", str(path.with_name("key")), "-out", str(path.with_name("pem"))],
        check=True, capture_output=True,
    )  # fmt: skip
    path.write_text(path.with_name("key").read_text() + path.with_name("pem").read_text())
    return path


@pytest.fixture
def served(certificate: Path) -> ssl.SSLContext:
    """What the mail server proves itself by."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


@pytest.fixture
def trusted(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the certificate be one that this machine trusts, as docs/alerts.md says it is done."""
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate.with_name("pem")))


async def sent(folder: Path, security: str, post: Post, **more: object) -> Delivery:
    """Let an alert be sent by mail to *post*; return what came of the first try."""
    async with AsyncExitStack() as stack:
        hook = await stack.enter_async_context(receiving_hook())
        settings = settings_for(
            folder, hook, post, **{**SIGN_IN, "mail.security": security, **more}
        )
        here = await stack.enter_async_context(world(folder / "d", settings))
        await here.store.put_alert(replace(MAIL, threshold=1))
        await here.visits(1)
        [found] = await here.go()
        return found


@pytest.mark.usefixtures("trusted")
@pytest.mark.parametrize("security", ["starttls", "tls"])
async def test_a_mail_goes_by_tls(tmp_path: Path, served: ssl.SSLContext, security: str) -> None:
    """After STARTTLS, or from the first byte, name, password and mail arrive encrypted."""
    how = {security: served}
    async with receiving_post(sign_in=True, **how) as post:
        found = await sent(tmp_path, security, post)

    assert ("sent", "") == (found.state, found.error)
    assert (["us"], [True], 1) == (post.users, post.encrypted, len(post.mails))


@pytest.mark.parametrize("security", ["starttls", "tls"])
async def test_a_server_that_nobody_vouches_for_learns_nothing(
    tmp_path: Path, served: ssl.SSLContext, security: str
) -> None:
    """With a certificate that is not trusted neither password nor mail is sent; it is tried again."""
    how = {security: served}
    async with receiving_post(sign_in=True, **how) as post:
        found = await sent(tmp_path, security, post)

    assert "waiting" == found.state
    assert "certificate" in found.error.lower()
    assert ([], []) == (post.users, post.mails)


@pytest.mark.usefixtures("trusted")
async def test_a_server_of_another_name_learns_nothing(
    tmp_path: Path, served: ssl.SSLContext
) -> None:
    """A trusted certificate of somebody else is none."""
    async with receiving_post(sign_in=True, starttls=served) as post:
        found = await sent(tmp_path, "starttls", post, **{"mail.host": "localhost"})

    assert "waiting" == found.state
    assert "localhost" in found.error
    assert ([], []) == (post.users, post.mails)


async def test_without_starttls_nothing_is_sent_in_the_clear(tmp_path: Path) -> None:
    """Who takes STARTTLS out of what a server offers gets neither password nor mail."""
    async with receiving_post(sign_in=True) as post:
        found = await sent(tmp_path, "starttls", post)

    assert "waiting" == found.state
    assert "STARTTLS" in found.error
    assert ([], []) == (post.users, post.mails)
