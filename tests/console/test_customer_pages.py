"""The pages of customers and contacts: the journey, what came before a contact, the handover card, who may write."""

from __future__ import annotations

import re
from dataclasses import replace
from html import unescape
from typing import Any

import aiohttp
import pytest
from yarl import URL

from core.contacts import Contact, ContactNote, ContactQuery
from core.erasing import Whom
from core.model import User
from core.search import Document
from tests.console.support import PASSWORD, START, Running, Visit, form_token
from tests.console.test_api import call as program

MINUTE = 60_000
KNOWN = {"id": "K-1", "hashed": False, "verified": True}


async def get(http: aiohttp.ClientSession, console: Running, path: str, status: int = 200) -> str:
    """Return the text of a page, without marks and with single blanks."""
    async with http.get(URL(f"{console.url}{path}", encoded=True)) as answer:
        assert status == answer.status
        return await answer.text()


def words(html: str) -> str:
    """Return what a page says in its main part."""
    main = html.replace("<wbr>", "").partition("<main")[2]
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", main)))


async def post(
    http: aiohttp.ClientSession, console: Running, path: str, form: dict[str, Any]
) -> tuple[int, str, str]:
    """Send a form as a page does; return status, where it leads, and the page."""
    token = form_token(await get(http, console, "/customers"))
    async with http.post(
        f"{console.url}{path}", data={**form, "form_token": token}, allow_redirects=False
    ) as answer:
        return answer.status, answer.headers.get("Location", ""), await answer.text()


async def visit(
    console: Running, name: str, minute: int, events: list[dict[str, Any]], **how: Any
) -> Visit:
    """Store a visit that begins *minute* minutes after the start."""
    made = Visit(console.store, name, start=START + minute * MINUTE, visitor="b1", **how)
    await made.send(events)
    return made


def page(minute: float, path: str) -> dict[str, Any]:
    return {"t": minute * MINUTE, "type": "page", "nav": "load", "path": path}


def press(minute: float, label: str, path: str) -> dict[str, Any]:
    target = {"key": label.lower(), "label": label, "tag": "button"}
    return {"t": minute * MINUTE, "type": "click", "path": path, "target": target}


async def call(console: Running, minute: int, id_: str = "c1", **changes: Any) -> Contact:
    made = Contact(id_, "call", START + minute * MINUTE, START, "owner", customer="K-1")
    made = replace(made, **changes)
    await console.store.put_contact(made, b"")
    return made


@pytest.fixture
async def customer(console: Running, http: aiohttp.ClientSession) -> Running:
    """Three visits of one browser, the middle one signed and with a struggle, a mail and a call."""
    await visit(console, "first", 0, [page(0, "/")])
    signed = await visit(
        console, "signed", 60, [page(0, "/checkout"), press(5, "Pay", "/checkout")], identity=KNOWN
    )
    await signed.flag(at=5 * MINUTE, page="/checkout")
    await visit(console, "last", 240, [page(0, "/item")])
    await call(console, 120, "m1", channel="mail", subject="Cannot pay")
    await call(console, 250, "c1", subject="Still cannot pay")
    await console.sign_in(http)
    return console


async def test_a_journey_has_all_entries_newest_first(
    customer: Running, http: aiohttp.ClientSession
) -> None:
    """Three visits, a mail and a call: five, ordered; each says why it is theirs; a visit opens at its struggle."""
    html = await get(http, customer, "/customers/K-1")
    entries = re.findall(r'<li class="card entry is-(\w+)">(.*?)</li>', html, re.S)
    links = [re.search(r'class="entry-title" href="([^"]+)"', text)[1] for _, text in entries]  # type: ignore[index] -- each has one

    assert ["contact", "visit", "contact", "visit", "visit"] == [kind for kind, _ in entries]
    assert ["/contacts/c1", "/contacts/m1"] == [links[0], links[2]]
    assert "/sessions/signed?flag=rage_click-signed-300000" == links[3]
    hows = [re.search(r'class="how[^"]*">([^<]+)', text) for _, text in entries]
    assert [None, "same browser, not signed in", None, "signed in, verified", "same browser, before signing in"] == [
        one and one[1] for one in hows
    ]  # fmt: skip
    for link in links:
        await get(http, customer, unescape(link))
    audited = [(one.action, one.subject) for one in await customer.store.audited(50)]
    assert ("customer", "K-1") in audited
    assert ("contact", "c1") in audited


async def test_each_number_opens_what_it_counts(
    customer: Running, http: aiohttp.ClientSession
) -> None:
    """Visits, those with struggles, and contacts, on the customer's page and in the list: what opens has as many rows."""
    await customer.store.index(
        [
            Document(name, "sshop", START, 0, terms, "")
            for name, terms in [
                ("first", ()), ("signed", (("has", "struggle"),)), ("last", ()),
            ]
        ]
    )  # fmt: skip
    await call(customer, 260, "c2", customer="K-2")
    for path in ("/customers/K-1", "/customers"):
        html = await get(http, customer, path)
        figures = re.findall(
            r'<a href="(/(?:sessions|contacts)\?customer=K-1[^"]*)">(\d+)</a>', html
        )

        assert ["3", "1", "2"] == [count for _, count in figures], path
        for link, count in figures:
            listed = await get(http, customer, unescape(link))

            assert int(count) == len(re.findall(r'<th scope="row" class="main-cell"', listed)), link
    assert 'value="K-1"' in await get(http, customer, "/contacts?customer=K-1")


async def test_a_long_journey_goes_on(customer: Running, http: aiohttp.ClientSession) -> None:
    """Page by page every entry is shown once, also those of one moment; a channel shows its own alone."""
    for n in range(45):
        await call(customer, 300 + n // 7, f"x{n}", channel="chat")
    for n in range(60):  # a file that tells days, and no times
        await call(customer, 400, f"y{n}", channel="sms")
    path, seen = "/customers/K-1", []
    while path:
        html = await get(http, customer, path)
        seen += re.findall(r'class="entry-title" href="([^"]+)"', html)
        after = re.search(r'rel="next" href="([^"]+)"', html)
        path = unescape(after[1]) if after else ""

    assert 110 == len(seen) == len(set(seen))
    mails = await get(http, customer, "/customers/K-1?channel=mail")
    assert ["/contacts/m1"] == re.findall(r'class="entry-title" href="([^"]+)"', mails)
    visits = await get(http, customer, "/customers/K-1?channel=web")
    assert 3 == len(re.findall(r'class="entry-title" href="/sessions', visits))


async def test_unverified_and_shared_are_said(
    console: Running, http: aiohttp.ClientSession
) -> None:
    """Of an unsigned id the page warns; of a browser that two signed in with it says why visits are not there."""
    await console.sign_in(http)
    await visit(
        console, "claimed", 0, [page(0, "/")], identity={**KNOWN, "id": "K-7", "verified": False}
    )
    told = words(await get(http, console, "/customers/K-7"))

    assert "not verified" in told
    assert "anybody could have claimed the id" in told
    assert "identity not verified" in told
    await visit(console, "one", 10, [page(0, "/")], identity=KNOWN)
    await visit(console, "two", 20, [page(0, "/")], identity={**KNOWN, "id": "K-2"})

    assert "1 other customer signed in" in words(await get(http, console, "/customers/K-1"))
    assert "Another customer signed in with the same browser before" in words(
        await get(http, console, "/customers/K-2")
    )


@pytest.mark.parametrize("asked", ["K-1", "code", "anna@shop.example"])
async def test_the_field_leads_to_the_customer(
    customer: Running, http: aiohttp.ClientSession, asked: str
) -> None:
    """An id, a spoken code, an e-mail address as it was given; how an id begins lists those that begin so."""
    given = await customer.store.give_code("last", 86_400_000)
    assert given
    async with aiohttp.ClientSession(
        headers={"Authorization": f"Bearer {customer.tokens['contacts']}"}
    ) as api:
        body = {"channel": "sms", "customer": "Anna@shop.example"}
        await api.post(f"{customer.url}/api/v1/contacts", json=body)
    text = given.code if asked == "code" else asked
    async with http.get(
        f"{customer.url}/customers", params={"q": text}, allow_redirects=False
    ) as answer:
        assert 303 == answer.status
        link = answer.headers["Location"]

    assert (link == "/customers/K-1") == ("@" not in asked)
    assert "SMS" in words(await get(http, customer, link)) or "@" not in asked
    assert "K-1" in words(await get(http, customer, "/customers?q=K-"))
    assert "No customer is known by that" in await get(http, customer, "/customers?q=X")


async def test_before_a_contact_exactly_the_steps_of_the_hour(
    customer: Running, http: aiohttp.ClientSession
) -> None:
    """A call 70 minutes into a visit: what came in the first ten is not told, nor what came after it."""
    events = [
        page(0, "/early"), press(5, "Early", "/early"),
        page(20, "/item"), page(30, "/help/payment"), press(40, "Ask", "/help/payment"),
        page(50, "/item"), press(65, "Inside", "/item"), press(72, "After", "/item"),
    ]  # fmt: skip
    await visit(customer, "long", 1000, events)
    await call(customer, 1070, "c2")
    html = await get(http, customer, "/contacts/c2")
    told = words(html)

    for part in ("/help/payment", "“Ask”", "“Inside”", "On the page /early"):
        assert part in told
    for part in ("“Early”", "“After”"):
        assert part not in told
    assert "Time spent searching 40:00" in told  # from the help page at 30 to the call at 70
    assert "opened /help/payment" in told
    assert "Pages opened again /item 2 times" in told


async def test_the_card_says_what_is_known_and_what_is_missing(
    customer: Running, http: aiohttp.ClientSession
) -> None:
    """Before anything is noted three fields are known; with a promise and a next step all five are."""
    before = await get(http, customer, "/customers/K-1/handover")

    assert 3 == before.count('class="is-known"')
    assert "No promise was noted." in before
    for kind, text in (
        ("promise", "Refund by Friday"),
        ("next", "Call back"),
        ("tried", "Other card"),
    ):
        note = ContactNote(kind, "m1", kind, text, "owner", START)
        await customer.store.add_contact_note(note)
    after = await get(http, customer, "/customers/K-1/handover")
    told = words(after)

    assert 5 == after.count('class="is-known"')
    for part in (
        "K-1",
        "Cannot pay",
        "Still cannot pay",
        "Rage click",
        "Refund by Friday",
        "Call back",
        "Other card",
    ):
        assert part in told
    german = await get(http, customer, "/customers/K-1/handover?lang=de")
    assert "Was versprochen wurde" in german
    for number in range(100):
        await call(customer, 1, f"old{number}")
    assert "102 Kontakte" in words(await get(http, customer, "/customers/K-1/handover"))


async def test_a_contact_is_written_down_and_changed(
    customer: Running, http: aiohttp.ClientSession
) -> None:
    """By a form, at a time of the reader's zone; changes are told with before and after; what is wrong is said."""
    given = await customer.store.give_code("first", 86_400_000)
    assert given
    form = {
        "channel": "chat", "direction": "out", "customer": "", "code": given.code, "subject": "Hello",
        "started_at": "2026-09-21T15:00", "tz": "Europe/Berlin", "kind": "promise", "note": "By Friday",
    }  # fmt: skip
    status, link, _ = await post(http, customer, "/contacts", form)
    [made] = await customer.store.contacts(ContactQuery(channel="chat"))

    assert (303, f"/contacts/{made.id}") == (status, link)
    assert ("K-1", "first", "out") == (made.customer, made.session, made.direction)
    assert 1_789_995_600_000 == made.started_ms  # 13:00 UTC
    same = {
        "started_at": "2026-09-21T15:00",
        "tz": "Europe/Berlin",
        "whole": "1",
        "resolved": "yes",
    }
    await post(http, customer, link, {**same, "subject": "Hello again"})
    changed = [
        (one.field, one.before, one.after) for one in await customer.store.contact_changes(made.id)
    ]

    assert [("subject", "Hello", "Hello again"), ("resolved", False, True)] == changed
    told = words(await get(http, customer, link))
    for part in ("By Friday", "Hello again", "settled", "What was promised"):
        assert part in told
    [note] = (await customer.store.contact_notes([made.id]))[made.id]
    await post(http, customer, f"{link}/notes/{note.id}", {"kind": "promise", "text": "By Monday"})
    await post(http, customer, f"{link}/notes", {"kind": "next", "text": "Call"})

    assert ["By Monday", "Call"] == [
        one.text for one in (await customer.store.contact_notes([made.id]))[made.id]
    ]
    for wrong, sentence in [
        ({"code": "QQQQQQ"}, "No visit has this code"),
        ({"channel": "pigeon"}, "Choose one of these channels"),
        ({"started_at": "2099-01-01T00:00"}, "lies ahead"),
        ({"started_at": "0001-01-01T00:00", "tz": "Europe/Berlin"}, "is no time"),
    ]:
        status, _, html = await post(http, customer, "/contacts", {**form, **wrong})

        assert (400, True) == (status, sentence in html)
    status, _, html = await post(http, customer, f"{link}/notes", {"kind": "note", "text": " "})
    assert (400, True) == (status, "A note has 1 to" in html)


async def test_owners_erase_a_contact(customer: Running, http: aiohttp.ClientSession) -> None:
    """Once they say that they are sure; the audit names it by a hash."""
    assert 200 == (await post(http, customer, "/contacts/m1/erase", {}))[0]
    assert await customer.store.contact("m1")
    assert 303 == (await post(http, customer, "/contacts/m1/erase", {"sure": "yes"}))[0]

    assert None is await customer.store.contact("m1")
    last = (await customer.store.audited(1))[0]
    assert ("erased", True) == (last.action, last.subject.startswith("contact #"))


async def test_what_was_erased_meanwhile_is_not_written(
    customer: Running, http: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever writes at a contact that somebody erases at that moment is told, and the audit does not name it."""
    store = customer.store
    note = ContactNote("n1", "c1", "note", "Secret", "owner", START)
    await store.add_contact_note(note)
    contact = await store.contact("c1")
    await store.erase(Whom("contact", "c1"))

    async def there(_: str) -> Any:  # as it was read a moment before
        return contact

    async def noted(_: str) -> Any:
        return note

    monkeypatch.setattr(store, "contact", there)
    monkeypatch.setattr(store, "contact_note", noted)
    text = {"kind": "note", "text": "Hello"}
    for path, form in (("", {"outcome": "sent"}), ("/notes", text), ("/notes/n1", text)):
        assert 404 == (await post(http, customer, f"/contacts/c1{path}", form))[0], path
    for method, path, told in (
        ("PATCH", "", {"outcome": "sent"}), ("POST", "/notes", text), ("PATCH", "/notes/n1", text),
    ):  # fmt: skip
        assert 404 == (await program(customer, f"/contacts/c1{path}", "contacts", method, told))[0]
    assert "c1" not in [one.subject for one in await store.audited(20)]


async def test_a_file_comes_in_by_the_page(customer: Running, http: aiohttp.ClientSession) -> None:
    """Wrong rows are named by line and none is kept; then all are, and the same file brings nothing new."""
    good = "channel,started_at,customer\nsms,2026-09-21,K-1\n"

    async def send(text: str) -> tuple[int, str]:
        form = aiohttp.FormData()
        form.add_field("form_token", form_token(await get(http, customer, "/customers")))
        form.add_field("file", text.encode(), filename="c.csv", content_type="text/csv")
        async with http.post(f"{customer.url}/contacts/import", data=form) as answer:
            return answer.status, words(await answer.text())

    status, told = await send(good + "pigeon,2026-09-21,K-1\n")

    assert 400 == status
    assert "Nothing was kept: 1 row is wrong." in told
    assert "Line 3: Choose one of these channels: call, chat" in told
    assert 0 == await customer.store.count_contacts(ContactQuery(channel="sms"))
    assert "1 contact was kept." in (await send(good))[1]
    assert "0 contacts were kept. 1 was there already." in (await send(good))[1]
    assert "cannot be read as contacts" in (await send("a,b\n"))[1]


async def test_viewers_read_and_support_writes(
    customer: Running, http: aiohttp.ClientSession
) -> None:
    """A viewer sees a contact without a form to write in; support has them."""
    owner = await customer.store.user("owner")
    assert owner
    for role in ("viewer", "support"):
        await customer.store.add_user(User(role, role, owner.password_hash))
        async with aiohttp.ClientSession(
            cookie_jar=aiohttp.CookieJar(unsafe=True), headers={"Accept": "text/html"}
        ) as other:
            token = form_token(await get(other, customer, "/sign-in"))
            form = {"name": role, "password": PASSWORD, "form_token": token}
            await other.post(f"{customer.url}/sign-in", data=form)
            html = await get(other, customer, "/contacts/c1")

            assert (role == "support") == ('action="/contacts/c1/notes"' in html)
            assert "Still cannot pay" in html
            assert (
                'href="/contacts/new' in await get(other, customer, "/customers")
                or role == "viewer"
            )


@pytest.mark.parametrize("strange", ["a/b c?d#é", "<img src=x>", "%2e", "new"])
async def test_strange_ids_have_pages(
    console: Running, http: aiohttp.ClientSession, strange: str
) -> None:
    """Whatever a site calls its customers: the list leads to the page, which leads to the card."""
    await console.sign_in(http)
    await call(console, 0, customer=strange)
    listed = await get(http, console, "/customers")
    link = unescape(re.findall(r'class="main-cell"><a href="([^"]+)"', listed)[0])
    page = await get(http, console, link)

    assert strange in words(page).replace("\xa0", " ") or "<" in strange
    assert "<img" not in page
    card = unescape(re.findall(r'href="(/customers/[^"]+/handover)"', page)[0])
    assert "No promise was noted." in await get(http, console, card)
