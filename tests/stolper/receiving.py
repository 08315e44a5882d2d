"""A real mail server and a real HTTP receiver on the loopback address, for tests of what is sent."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

import orjson
from aiohttp import web
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword


@dataclass
class Hook:
    """An HTTP receiver: answers with what stands in *answers*, then with *usual*; keeps what came."""

    url: str = ""
    answers: list[web.Response] = field(default_factory=list)
    usual: int = 200
    requests: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    arrived: asyncio.Event = field(default_factory=asyncio.Event)

    def json(self, number: int = -1) -> Any:
        """Return the body of a request."""
        return orjson.loads(self.requests[number][1])

    async def take(self, request: web.Request) -> web.Response:
        self.requests.append((dict(request.headers), await request.read()))
        self.arrived.set()
        return self.answers.pop(0) if self.answers else web.Response(status=self.usual)


@asynccontextmanager
async def receiving_hook() -> AsyncIterator[Hook]:
    """Run an HTTP receiver."""
    hook = Hook()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", hook.take)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    hook.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield hook
    finally:
        await runner.cleanup()


@dataclass
class Post:
    """A mail server: keeps what it takes; refuses recipients and whole mails as told."""

    port: int = 0
    refused: set[str] = field(default_factory=set)
    full: bool = False
    stalls: bool = False
    mails: list[EmailMessage] = field(default_factory=list)
    envelopes: list[Envelope] = field(default_factory=list)
    users: list[str] = field(default_factory=list)
    encrypted: list[bool] = field(default_factory=list)  # whether each mail came by TLS

    async def handle_RCPT(
        self, _server: SMTP, _session: Any, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        if address in self.refused:
            return "550 no such mailbox"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, _session: Any, envelope: Envelope) -> str:
        if self.stalls:
            await asyncio.Event().wait()
        if self.full:
            return "452 no room"
        made = message_from_bytes(bytes(envelope.content or b""), policy=policy.default)
        assert isinstance(made, EmailMessage)
        self.mails.append(made)
        self.encrypted.append(server.transport.get_extra_info("ssl_object") is not None)
        self.envelopes.append(envelope)
        return "250 OK"

    def sign_in(
        self, _server: SMTP, _session: Any, _envelope: Any, _mechanism: str, data: Any
    ) -> AuthResult:
        assert isinstance(data, LoginPassword)
        self.users.append(data.login.decode())
        return AuthResult(success=data.password == b"secret of mail")


@asynccontextmanager
async def receiving_post(
    *,
    sign_in: bool = False,
    starttls: ssl.SSLContext | None = None,
    tls: ssl.SSLContext | None = None,
) -> AsyncIterator[Post]:
    """
    Run a mail server; with *sign_in* it asks for a name and password.

    With *starttls* it takes nothing before that command, with *tls* it speaks TLS from the first byte.
    """
    post = Post()

    def protocol() -> SMTP:
        return SMTP(
            post,
            hostname="mail.example",
            enable_SMTPUTF8=True,
            authenticator=post.sign_in if sign_in else None,
            auth_require_tls=starttls is not None,
            tls_context=starttls,
            require_starttls=starttls is not None,
        )

    server = await asyncio.get_running_loop().create_server(protocol, "127.0.0.1", 0, ssl=tls)
    post.port = server.sockets[0].getsockname()[1]
    try:
        yield post
    finally:
        server.close()
        await server.wait_closed()
