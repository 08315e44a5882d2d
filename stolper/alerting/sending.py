"""
Sends what waits: to webhooks, Slack and mailboxes, until it has arrived or a day is over.

A message is written down before it is first sent, and what came of it afterwards. So a restart loses
none; one that was cut off between the answer and the note is sent again under the same id, which
receivers know it by.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import logging
from dataclasses import replace
from importlib.metadata import version
from itertools import groupby
from typing import Protocol

import aiohttp
import aiosmtplib
import orjson

from core.alerts import DAY_MS, AlertStore, Delivery
from core.clock import Clock
from core.errors import StoreError
from core.settings import WEBHOOK_KEY, AlertSettings, MailSettings
from stolper.alerting import dressing
from stolper.alerting.destinations import Address, addresses
from stolper.alerting.telling import Told

log = logging.getLogger(__name__)

BACKOFF_S = (10, 60, 300, 900, 3600, 7200, 14_400)
"""Waits before the second try and each further one; the last goes on."""

GIVE_UP_MS = DAY_MS
"""Nobody wants to be called for what was a day ago; the page of the alerts tells what was not sent."""

TIMEOUT_S = 15

MAIL_S = 60
"""A mail takes some ten questions and answers, for each of which there is TIMEOUT_S."""

AT_ONCE = 100

REST_S = 60
"""Time may be set back or forth, so that what is due is asked for now and then."""

ERROR_MAX = 300


class SendFailed(Exception):
    """A message did not arrive. *after_s* is what the receiver asks to be left alone for."""

    def __init__(self, reason: str, *, final: bool = False, after_s: int = 0) -> None:
        super().__init__(reason[:ERROR_MAX])
        self.final = final
        self.after_s = after_s


class Writes(Protocol):
    """Who writes messages (telling.py)."""

    async def tell(self, delivery: Delivery) -> Told:
        """Return what *delivery* says."""


def signature(secret: str, id_: str, at_s: int, body: bytes) -> str:
    """Return the signature of a webhook as https://www.standardwebhooks.com has it, so that its libraries check it."""
    if secret.startswith(WEBHOOK_KEY):  # the settings saw to it that it is base64
        key = base64.b64decode(secret.removeprefix(WEBHOOK_KEY))
    else:
        key = secret.encode()
    made = hmac.new(key, f"{id_}.{at_s}.".encode() + body, hashlib.sha256).digest()
    return "v1," + base64.b64encode(made).decode()


class Sender:
    """Sends deliveries to the destinations of *settings*; each destination by itself, in order."""

    def __init__(
        self,
        store: AlertStore,
        clock: Clock,
        settings: AlertSettings,
        mail: MailSettings,
        teller: Writes,
    ) -> None:
        self._store = store
        self._clock = clock
        self._settings = settings
        self._mail = mail
        self._teller = teller
        self._addresses = addresses(settings)
        self._prompted = asyncio.Event()
        self._sending = asyncio.Lock()

    def prompt(self) -> None:
        """Look at what waits now."""
        self._prompted.set()

    async def run(self) -> None:
        """Send until cancelled."""
        while True:
            self._prompted.clear()
            rest = float(REST_S)
            try:
                await self.sweep()
                due = await self._store.next_due_ms()
                if due is not None:
                    rest = min(rest, max(0.2, (due - self._clock.now_ms()) / 1000))
            except StoreError as error:
                log.error("messages could not be looked up: %s", error)
            except Exception:
                log.exception("sending messages failed")
            try:
                async with asyncio.timeout(rest):
                    await self._prompted.wait()
            except TimeoutError:
                continue

    async def sweep(self) -> int:
        """
        Try all that is due once; return how many have arrived.

        Destinations are tried beside one another: a slow one holds up what comes for others meanwhile no longer than
        its own timeout.
        """
        async with self._sending:
            due = await self._store.due_deliveries(self._clock.now_ms(), AT_ONCE)
            due.sort(key=lambda one: one.destination)
            groups = [list(group) for _, group in groupby(due, lambda one: one.destination)]
            counts = await asyncio.gather(*(self._all(group) for group in groups))
            return sum(counts)

    async def _all(self, group: list[Delivery]) -> int:
        """Send *group* in order until one does not arrive: the others wait with it, they would fare no better."""
        arrived, waits_ms = 0, 0
        for delivery in sorted(group, key=lambda one: (one.created_ms, one.id)):
            if waits_ms:
                await self._store.note_delivery(replace(delivery, due_ms=waits_ms))
                continue
            done = await self.attempt(delivery)
            await self._store.note_delivery(done)
            if done.state == "sent":
                arrived += 1
            elif done.state == "waiting":
                waits_ms = done.due_ms
        return arrived

    async def attempt(self, delivery: Delivery, *, retry: bool = True) -> Delivery:
        """Try once to send *delivery*; return it with what came of it."""
        try:
            await self._send(delivery)
        except SendFailed as failed:
            return self._failed(delivery, failed, retry)
        except StoreError:
            raise
        except Exception as error:  # a fault of ours: the next message must not wait for it
            log.exception("the message %s could not be made", delivery.id)
            return self._failed(delivery, SendFailed(type(error).__name__), retry)
        now_ms = self._clock.now_ms()
        return replace(
            delivery, attempts=delivery.attempts + 1, state="sent", error="", done_ms=now_ms
        )

    def _failed(self, delivery: Delivery, failed: SendFailed, retry: bool) -> Delivery:
        now_ms, attempts = self._clock.now_ms(), delivery.attempts + 1
        wait_s = max(BACKOFF_S[min(attempts, len(BACKOFF_S)) - 1], failed.after_s)
        over = failed.final or not retry or now_ms - delivery.created_ms >= GIVE_UP_MS
        log.warning(
            "a message to %s did not arrive (try %d): %s", delivery.destination, attempts, failed
        )
        return replace(
            delivery,
            attempts=attempts,
            state="given_up" if over else "waiting",
            error=str(failed),
            due_ms=delivery.due_ms if over else now_ms + wait_s * 1000,
            done_ms=now_ms if over else None,
        )

    async def _send(self, delivery: Delivery) -> None:
        address = self._addresses.get(delivery.destination)
        if address is None:
            raise SendFailed("the settings name no such destination any more", final=True)
        lacks = address.shown(self._settings, self._mail).lacks
        if lacks:
            raise SendFailed(f"the setting {lacks} is missing", final=True)
        told = await self._teller.tell(delivery)
        if address.channel == "mail":
            await self._by_mail(delivery, told, address)
        elif address.channel == "slack":
            await self._post(delivery, address, orjson.dumps(dressing.slack(told.message)), {})
        else:
            body = orjson.dumps(told.payload)
            at_s = self._clock.now_ms() // 1000
            signed = {
                "webhook-id": delivery.id,
                "webhook-timestamp": str(at_s),
                "webhook-signature": signature(self._settings.secret, delivery.id, at_s, body),
            }
            await self._post(delivery, address, body, signed)

    async def _post(
        self, delivery: Delivery, address: Address, body: bytes, headers: dict[str, str]
    ) -> None:
        """Post *body*. The address is in no error: it may hold a key."""
        sent = {
            "Content-Type": "application/json",
            "User-Agent": f"Stolper/{version('stolper')}",
            "Idempotency-Key": delivery.id,
            **headers,
        }
        timeout = aiohttp.ClientTimeout(total=TIMEOUT_S)
        try:
            async with (
                aiohttp.ClientSession(timeout=timeout) as session,
                session.post(address.url, data=body, headers=sent, allow_redirects=False) as answer,
            ):
                status, after = answer.status, answer.headers.get("Retry-After", "")
        except aiohttp.InvalidURL:
            raise SendFailed("this is no address", final=True) from None
        except aiohttp.ClientConnectorError as error:
            raise SendFailed(
                f"no connection: {error.os_error.strerror or error.os_error}"
            ) from None
        except TimeoutError:
            raise SendFailed(f"no answer within {TIMEOUT_S} s") from None
        except aiohttp.ClientError as error:
            raise SendFailed(type(error).__name__) from None
        if 300 <= status < 400:
            raise SendFailed(f"the answer was {status}: redirects are not followed")
        if not 200 <= status < 300:
            wait = int(after) if after.isdigit() else 0
            raise SendFailed(
                f"the answer was {status}", final=status == 410, after_s=min(wait, 3600)
            )

    async def _by_mail(self, delivery: Delivery, told: Told, address: Address) -> None:
        mail = self._mail
        made = dressing.mail(delivery, told.message, mail.sender, address.url)
        try:
            async with asyncio.timeout(MAIL_S):
                await aiosmtplib.send(
                    made,
                    hostname=mail.host,
                    port=mail.port,
                    username=mail.user or None,
                    password=mail.password or None,
                    use_tls=mail.security == "tls",
                    start_tls=mail.security == "starttls",
                    timeout=TIMEOUT_S,
                )
        except aiosmtplib.SMTPRecipientsRefused as error:
            refused = error.recipients[0] if error.recipients else error
            raise SendFailed(f"the mail server refuses the recipient: {refused}") from None
        except aiosmtplib.SMTPException as error:
            raise SendFailed(f"mail server: {error}") from None
        except TimeoutError:
            raise SendFailed(f"mail server: not done within {MAIL_S} s") from None
        except OSError as error:
            raise SendFailed(f"mail server: {error.strerror or error}") from None
