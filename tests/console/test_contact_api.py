"""Contacts by the API and by signed webhook: once for a key, clear errors, every change told."""

from __future__ import annotations

import json
from typing import Any

import aiohttp
import pytest

from core.contacts import CHANNELS, ContactQuery, source_key_name
from desk.webhooks import sign
from tests.console.support import START, Running, Visit
from tests.console.test_api import call

AT = "2026-09-21T13:00:00Z"


async def post(console: Running, token: str = "contacts", **given: Any) -> tuple[int, Any]:
    return await call(console, "/contacts", token, "POST", {"channel": "call", **given})


async def send(
    console: Running,
    body: bytes,
    *,
    id_: str = "msg-1",
    source: str = "crm",
    key: bytes | None = None,
    late_s: int = 0,
) -> tuple[int, Any]:
    """Send a message as the telephone system does, signed with the source's secret."""
    key = key or await console.store.server_key(source_key_name("crm"))
    at = console.clock.now_ms() // 1000 - late_s
    headers = {
        "webhook-id": id_,
        "webhook-timestamp": str(at),
        "webhook-signature": sign(key, id_, at, body),
    }
    url = f"{console.url}/api/v1/contacts/inbox/{source}"
    async with aiohttp.ClientSession() as http, http.post(url, data=body, headers=headers) as told:
        return told.status, await told.json()


@pytest.fixture
async def crm(console: Running) -> Running:
    """A console that has a source."""
    await console.store.add_contact_source("crm", START)
    return console


async def kept(console: Running, **asked: Any) -> list[str]:
    return [one.id for one in await console.store.contacts(ContactQuery(**asked))]


async def test_a_message_that_is_sent_three_times_is_kept_once(crm: Running) -> None:
    """The same key: stored, then told that it is there; other content under it is refused, and nothing changes."""
    body = json.dumps({"channel": "mail", "customer": "K-1", "subject": "Bill"}).encode()
    told = [await send(crm, body) for _ in range(3)]

    assert [201, 200, 200] == [status for status, _ in told]
    assert [False, True, True] == [answer["duplicate"] for _, answer in told]
    assert 1 == len({answer["contact"]["id"] for _, answer in told})
    assert {("id",)} == {
        tuple(answer["contact"]) for _, answer in told
    }  # not what staff made of it
    assert 1 == len(await kept(crm))
    status, answer = await send(crm, body.replace(b"Bill", b"Bills"))

    assert (409, "conflict") == (status, answer["code"])
    assert ["Bill"] == [one.subject for one in await crm.store.contacts(ContactQuery())]
    assert 201 == (await send(crm, body, id_="msg-2"))[0]


async def test_what_is_not_signed_is_not_taken(crm: Running) -> None:
    """Another key, another source, an old message, a body that is no object, one that is far too long."""
    body = b'{"channel": "call"}'
    for how, status, code in [
        ({"key": b"x" * 32}, 401, "unauthorized"),
        ({"source": "erp"}, 401, "unauthorized"),
        ({"late_s": 400}, 401, "unauthorized"),
        ({"late_s": -400}, 401, "unauthorized"),
        ({"id_": ""}, 401, "unauthorized"),
    ]:
        answer = await send(crm, body, **how)  # type: ignore[arg-type] -- as send() takes them

        assert (status, code) == (answer[0], answer[1]["code"]), how
    unknown, known = await send(crm, body, source="erp"), await send(crm, body, key=b"x" * 32)
    assert unknown == known  # so strangers learn no names of sources
    assert 400 == (await send(crm, b"[]"))[0]
    assert 413 == (await send(crm, b" " * 300_000))[0]
    assert [] == await kept(crm)
    await crm.store.remove_contact_source("crm")

    assert 401 == (await send(crm, body))[0]


async def test_an_unknown_channel_is_told_which_there_are(console: Running) -> None:
    """The answer's code is of its own; its sentence lists every channel. A filter says the same."""
    status, answer = await post(console, channel="pigeon")

    assert (400, "unknown_channel") == (status, answer["code"])
    assert all(channel in answer["error"] for channel in CHANNELS)
    status, answer = await call(console, "/contacts?channel=pigeon")
    assert (400, "unknown_channel") == (status, answer["code"])


async def test_every_channel_posts_and_filters(console: Running) -> None:
    """Each is stored, and found by its name alone."""
    for channel in CHANNELS:
        assert 201 == (await post(console, channel=channel))[0]
    for channel in CHANNELS:
        _, answer = await call(console, f"/contacts?channel={channel}", "contacts")

        assert [channel] == [one["channel"] for one in answer["contacts"]]


async def test_whose_a_contact_is(console: Running) -> None:
    """By id, by e-mail address as it is kept, by spoken code; without any it waits to be given to somebody."""
    visit = Visit(console.store, "v1", identity={"id": "K-9", "hashed": False, "verified": True})
    await visit.send([{"t": 0, "type": "page"}])
    given = await console.store.give_code("v1", 86_400_000)
    assert given
    _, by_mail = await post(console, customer="Anna@Shop.example ", key="a")
    _, by_code = await post(console, code=given.code.lower(), key="b")
    _, nobody = await post(console, code="QQQQQQ", key="c")

    assert by_mail["contact"]["customer"].startswith("email:")
    assert "nna" not in str(by_mail)
    assert ("K-9", "v1") == (by_code["contact"]["customer"], by_code["contact"]["session"])
    assert (None, None) == (nobody["contact"]["customer"], nobody["contact"]["session"])
    _, found = await call(console, "/contacts?customer=anna@shop.example")
    assert [by_mail["contact"]["id"]] == [one["id"] for one in found["contacts"]]
    _, found = await call(console, "/contacts?unassigned=true")
    assert [nobody["contact"]["id"]] == [one["id"] for one in found["contacts"]]
    path = f"/contacts/{nobody['contact']['id']}"
    status, given_now = await call(console, path, "contacts", "PATCH", {"customer": "K-9"})

    assert (200, "K-9") == (status, given_now["contact"]["customer"])
    assert [("customer", None, "K-9")] == [
        (one["field"], one["before"], one["after"]) for one in given_now["contact"]["changes"]
    ]


async def test_changes_are_told_with_who_when_before_and_after(console: Running) -> None:
    """Of the contact and of its notes, oldest first; what is wrong changes nothing."""
    _, made = await post(
        console, started_at=AT, notes=[{"kind": "promise", "text": "Refund by Friday"}]
    )
    path = f"/contacts/{made['contact']['id']}"
    _, there = await call(console, path, "contacts")
    note = there["contact"]["notes"][0]["id"]
    ended = {"ended_at": "2026-09-21T13:05:00Z", "resolved": True}
    await call(console, path, "contacts", "PATCH", ended)
    await call(console, f"{path}/notes/{note}", "contacts", "PATCH", {"text": "By Monday"})
    _, told = await call(
        console, f"{path}/notes", "contacts", "POST", {"kind": "next", "text": "Call"}
    )

    assert [("promise", "By Monday"), ("next", "Call")] == [
        (one["kind"], one["text"]) for one in told["contact"]["notes"]
    ]
    assert [
        (None, "ended_at", None, "2026-09-21T13:05:00.000Z"),
        (None, "resolved", False, True),
        (note, "text", "Refund by Friday", "By Monday"),
    ] == [
        (one["note"], one["field"], one["before"], one["after"])
        for one in told["contact"]["changes"]
    ]
    assert all(one["who"].startswith("token ") for one in told["contact"]["changes"])
    for wrong in ({"ended_at": "2026-09-21T12:00:00Z"}, {"key": "x"}, {"channel": "pigeon"}):
        assert 400 == (await call(console, path, "contacts", "PATCH", wrong))[0]
    assert 404 == (await call(console, f"{path}/notes/none", "contacts", "PATCH", {}))[0]
    assert 3 == len((await call(console, path))[1]["contact"]["changes"])


async def test_a_token_for_contacts_does_nothing_else(console: Running) -> None:
    """It reads no session and no customer, and erases nothing; a token that reads writes no contact."""
    for path in ("/sessions", "/customers/K-1", "/sites"):
        status, answer = await call(console, path, "contacts")

        assert (403, "scope") == (status, answer["code"])
    assert 403 == (await post(console, "read"))[0]
    _, made = await post(console)
    path = f"/contacts/{made['contact']['id']}"
    assert 403 == (await call(console, path, "contacts", "DELETE"))[0]
    assert 200 == (await call(console, path, "admin", "DELETE"))[0]
    assert [] == await kept(console)


async def test_a_journey_of_visits_and_contacts(console: Running) -> None:
    """Three visits, a mail and a call are five entries, newest first, each with why it is the customer's."""
    for n, identity in enumerate((None, {"id": "K-1", "hashed": False, "verified": True}, None)):
        visit = Visit(
            console.store, f"v{n}", start=START + n * 3_600_000, identity=identity, visitor="b1"
        )
        await visit.send([{"t": 0, "type": "page"}])
    for channel, minute in (("mail", 30), ("call", 150)):
        at = f"2026-09-21T{12 + minute // 60}:{minute % 60:02}:00Z"
        await post(console, channel=channel, customer="K-1", started_at=at)
    _, told = await call(console, "/customers/K-1")

    assert (3, 2) == (told["customer"]["visits"], told["customer"]["contacts"])
    shown = [
        one.get("identified") or one["contact"]["channel"]
        for one in sorted(told["journey"], key=_at)
    ]
    assert 5 == len(told["journey"])
    assert {"before", "verified", "after", "mail", "call"} == set(shown)
    times = [_at(one) for one in told["journey"]]
    assert sorted(times, reverse=True) == times
    assert 404 == (await call(console, "/customers/K-2"))[0]


def _at(entry: Any) -> str:
    return str(entry[entry["kind"]]["started_at"])


async def test_lists_go_on_behind_the_last_one(console: Running) -> None:
    """Two at a time every contact is listed once."""
    for n in range(5):
        await post(console, started_at=f"2026-09-21T12:00:0{n % 3}Z", key=f"k{n}")
    seen: list[str] = []
    after = ""
    while True:
        _, told = await call(console, f"/contacts?limit=2{after}")
        seen += [one["id"] for one in told["contacts"]]
        if told["next"] is None:
            break
        after = f"&after={told['next']}"

    assert 5 == len(seen) == len(set(seen))
    assert 400 == (await call(console, "/contacts?after=x"))[0]
