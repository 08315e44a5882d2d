"""The page for what people may ask for: what is stored of them, an export of it, and that it be erased."""

from __future__ import annotations

import io
import json
import zipfile
from typing import Any

import aiohttp
import pytest

from core.model import NewAsset, User
from tests.console.support import START, Running, Visit, form_token, rrweb_page, shop
from tests.console.test_api import call

ANNA = {"id": "anna-17", "hashed": False, "verified": True}


@pytest.fixture
async def anna(console: Running) -> Visit:
    """A visit of a customer, with a flag and a picture, and one of somebody else."""
    if await console.store.site("sshop") is None:
        await console.store.add_site(shop())
    other = Visit(console.store, "other")
    if await console.store.session("other") is None:
        await other.send([{"t": 1, "type": "page"}], recording=rrweb_page())
    visit = Visit(console.store, "visit-of-anna", identity=ANNA)
    if await console.store.session(visit.id) is None:
        await visit.send(
            [{"t": 1, "type": "page"}, {"t": 2, "type": "click"}], recording=rrweb_page("Hi")
        )
        await visit.flag()
    return visit


async def post(
    http: aiohttp.ClientSession,
    console: Running,
    path: str,
    form: dict[str, str],
    language: str = "en",
) -> tuple[int, bytes]:
    """Send a form of the page, as a browser does."""
    async with http.get(f"{console.url}/people?lang={language}") as page:
        token = form_token(await page.text())
    data = {"kind": "customer", "id": "anna-17", "site": "", **form, "form_token": token}
    async with http.post(f"{console.url}{path}?lang={language}", data=data) as answer:
        return answer.status, await answer.read()


async def audit(console: Running) -> list[tuple[str, str, str]]:
    """Return who did what on whom."""
    read = console.store._readers
    return await read.run(
        lambda db: db.execute("SELECT who, action, subject FROM audit ORDER BY rowid").fetchall()
    )


async def test_the_page_finds_and_hands_out(
    console: Running, http: aiohttp.ClientSession, anna: Visit
) -> None:
    """
    What is stored of a customer is listed, and comes as a zip file whose parts belong together; a
    picture that could run scripts when it is opened comes as text.
    """
    await console.sign_in(http)
    status, found = await post(http, console, "/people/find", {})

    assert 200 == status
    assert b"1 session is stored" in found
    assert b"/sessions/visit-of-anna" in found
    assert b"/sessions/other" not in found
    assert b"1 Sitzung ist gespeichert" in (await post(http, console, "/people/find", {}, "de"))[1]
    name = await console.store.put_asset(
        NewAsset("sshop", "image", "image/svg+xml", b"<svg>hi</svg>", START, 10**6, anna.id)
    )
    status, body = await post(http, console, "/people/export", {})
    file = zipfile.ZipFile(io.BytesIO(body))
    manifest: dict[str, Any] = json.loads(file.read("manifest.json"))
    sessions = json.loads(file.read("sessions.json"))
    folder = sessions[0]["folder"]

    assert None is file.testzip()
    assert ["visit-of-anna"] == manifest["sessions"] == [one["id"] for one in sessions]
    assert sorted(manifest["files"]) == sorted(
        set(file.namelist()) - {"manifest.json", "README.txt"}
    )
    assert ANNA == sessions[0]["identity"]
    events = [json.loads(line) for line in file.read(f"{folder}/events.jsonl").splitlines()]
    assert ["page", "click"] == [one["type"] for one in events]
    assert 2 in [one["type"] for one in json.loads(file.read(f"{folder}/recording.json"))]
    assert ["rage_click"] == [one["rule"] for one in json.loads(file.read(f"{folder}/flags.json"))]
    assert b"<svg>hi</svg>" == file.read(f"assets/{name}.svg.txt")


async def test_the_page_erases_after_a_second_look(
    console: Running, http: aiohttp.ClientSession, anna: Visit
) -> None:
    """The id has to be entered again; then the session is gone, and the audit names nobody."""
    await console.sign_in(http)
    _, refused = await post(http, console, "/people/erase", {"again": "somebody"})

    assert b"Nothing was erased" in refused
    assert None is not await console.store.session(anna.id)
    _, done = await post(http, console, "/people/erase", {"again": "anna-17"})

    assert b"1 session is gone for good" in done
    assert None is await console.store.session(anna.id)
    assert None is not await console.store.session("other")
    told = [one for one in await audit(console) if one[1] in ("exported", "erased")]

    assert ("owner", "erased") == told[-1][:2]
    assert told[-1][2].startswith("customer #")
    assert "anna" not in str(await audit(console))


async def test_the_api_does_the_same(console: Running, anna: Visit) -> None:
    """A dry run says what would go; what is asked wrongly is refused; then it goes."""
    asked = {"kind": "customer", "id": "anna-17"}
    status, told = await call(console, "/erase", "admin", "POST", json={**asked, "dry_run": True})

    assert (200, ["visit-of-anna"]) == (status, told["sessions"])
    for wrong in (
        {"kind": "person", "id": "x"},
        {"kind": "session", "id": ""},
        {"kind": "session"},
        ["x"],
    ):
        assert 400 == (await call(console, "/erase", "admin", "POST", json=wrong))[0], wrong
    missing = {**asked, "site": "nowhere"}

    assert 404 == (await call(console, "/erase", "admin", "POST", json=missing))[0]
    assert 403 == (await call(console, "/erase", "read", "POST", json=asked))[0]
    status, told = await call(console, "/erase", "admin", "POST", json=asked)

    assert (200, 1) == (status, told["erased"]["sessions"])
    assert None is await console.store.session(anna.id)


async def test_health_says_what_was_removed(
    console: Running, http: aiohttp.ClientSession, anna: Visit
) -> None:
    """By which limit, how long is kept, and since when there are records."""
    await console.sign_in(http)
    await call(console, "/erase", "admin", "POST", json={"kind": "session", "id": anna.id})
    async with http.get(f"{console.url}/sites/sshop/health?lang=en") as page:
        text = await page.text()

    for words in ("Sessions removed", "erased on request", "30 days", "Oldest session stored"):
        assert words in text, words
    _, told = await call(console, "/sites/shop/health")

    assert {"erased"} <= told["health"]["removed"].keys()
    assert told["health"]["oldest_session_at"].startswith("2026-")


async def test_only_owners_see_the_way_there(console: Running, http: aiohttp.ClientSession) -> None:
    """An analyst's list of sites has no link to the page."""
    await console.sign_in(http)
    async with http.get(f"{console.url}/sites?lang=en") as page:
        assert "/people" in await page.text()
    owner = await console.store.user("owner")
    assert owner
    await console.store.add_user(User("owner", "analyst", owner.password_hash))
    async with http.get(f"{console.url}/sites?lang=en") as page:
        assert "/people" not in await page.text()
    await console.store.add_user(owner)
