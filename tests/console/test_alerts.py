"""The pages of alerts: who may make one, what is refused, and that a number opens what it counted."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from html import unescape
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio

from core.alerts import HOUR_MS, Alert, Firing
from core.model import User
from core.settings import load_settings
from stolper.alerting.service import AlertService
from tests.console.support import START, Running, Visit, form_token, running_console, shop
from tests.stolper.receiving import Hook, receiving_hook

NOBODY_LISTENS = "http://127.0.0.1:9/hooks/secretkey"
FORM = {
    "kind": "count",
    "rule": "rage_click",
    "page": "/pay*",
    "threshold": "2",
    "window": str(HOUR_MS),
}


@pytest_asyncio.fixture
async def hook() -> AsyncIterator[Hook]:
    async with receiving_hook() as made:
        yield made


@pytest_asyncio.fixture
async def desk(tmp_path: Path, hook: Hook) -> AsyncIterator[Running]:
    """A console whose settings name two destinations; at one of them nobody listens."""
    settings = load_settings(
        tmp_path,
        env={},
        overrides={
            "alerts.to": f"ops={hook.url}/hooks/secretkey,gone={NOBODY_LISTENS}",
            "alerts.secret": "a key of the tests",
        },
    )
    base = "https://console.example"
    async with running_console(
        tmp_path / "data",
        settings=settings,
        alerting=lambda store, clock: AlertService(store, clock, settings, lambda: base),
    ) as running:
        await running.store.add_site(shop())
        yield running


async def text_of(desk: Running, http: aiohttp.ClientSession, path: str) -> str:
    async with http.get(desk.url + path) as answer:
        assert 200 == answer.status
        return unescape(await answer.text())


async def post(
    desk: Running, http: aiohttp.ClientSession, path: str, form: dict[str, object]
) -> tuple[int, str]:
    token = form_token(await text_of(desk, http, "/sites"))
    data = [
        (name, str(one))
        for name, value in form.items()
        for one in (value if isinstance(value, list) else [value])
    ]
    async with http.post(
        desk.url + path, data=[("form_token", token), *data], allow_redirects=False
    ) as answer:
        return answer.status, answer.headers.get("Location", "") or unescape(await answer.text())


async def test_an_alert_is_made_changed_and_removed(
    desk: Running, http: aiohttp.ClientSession
) -> None:
    """What the form says is what is kept, with who said so; each change is in the audit."""
    await desk.sign_in(http)

    assert (303, "/alerts") == await post(
        desk,
        http,
        "/alerts/new",
        {**FORM, "to": ["ops", "nobody"], "factor": "2.0", "site": "sshop"},
    )
    [state] = await desk.store.alert_states()
    alert = state.alert
    assert Alert(
        id=alert.id, kind="count", name="Many sessions: rage_click /pay*", to=("ops",), site="sshop",
        rule="rage_click", page="/pay*", threshold=2, factor=2.0, changed_ms=START, author="owner",
    ) == alert  # fmt: skip
    page = await text_of(desk, http, "/alerts")
    assert "from 2 sessions (span: 60 minutes), at least 2 times the usual" in page
    await post(
        desk, http, f"/alerts/{alert.id}", {**FORM, "to": "ops", "threshold": "5", "name": "Mine"}
    )
    [state] = await desk.store.alert_states()
    assert (5, "Mine", alert.id) == (state.alert.threshold, state.alert.name, state.alert.id)
    await post(desk, http, f"/alerts/{alert.id}/remove", {})
    assert [] == await desk.store.alert_states()
    done = [(one.action, one.subject) for one in await desk.store.audited(3)]
    assert [
        ("removed", "alert Mine"),
        ("saved_alert", "Mine"),
        ("saved_alert", "Many sessions: rage_click /pay*"),
    ] == done


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"to": []}, "Choose at least one destination."),
        ({"to": ["nobody"]}, "Choose at least one destination."),
        ({"page": "pay"}, "A page is a path and begins with /"),
        ({"page": "/p*/x"}, "The star stands at the end of a path only."),
    ],
)
async def test_a_form_that_cannot_be_is_shown_again(
    desk: Running, http: aiohttp.ClientSession, change: dict[str, object], says: str
) -> None:
    """What is wrong is said beside what was entered, and nothing is kept."""
    await desk.sign_in(http)
    status, page = await post(
        desk, http, "/alerts/new", {**FORM, "to": "ops", "name": "Kept", **change}
    )

    assert 400 == status
    assert says in page
    assert 'value="Kept"' in page
    assert [] == await desk.store.alert_states()


async def test_numbers_outside_of_what_can_be_are_bounded(
    desk: Running, http: aiohttp.ClientSession
) -> None:
    """A hand-made form cannot ask for windows, factors or days that there are not."""
    await desk.sign_in(http)
    odd = {
        "threshold": "0",
        "window": "5",
        "factor": "nan",
        "weekday": "9",
        "hour": "9" * 5000,  # more digits than Python reads
        "severity": "x",
        "kind": "x",
    }
    await post(desk, http, "/alerts/new", {**FORM, "to": "ops", **odd})
    [state] = await desk.store.alert_states()
    alert = state.alert

    assert ("count", 1, HOUR_MS, 0.0, 6, 7, "info") == (
        alert.kind, alert.threshold, alert.window_ms, alert.factor, alert.weekday, alert.hour, alert.severity,
    )  # fmt: skip


async def test_a_test_says_at_once_what_came_of_it(
    desk: Running, http: aiohttp.ClientSession, hook: Hook
) -> None:
    """A test arrives, or the page says why not; no page shows an address with its key."""
    await desk.sign_in(http)
    status, link = await post(desk, http, "/alerts/test", {"destination": "ops"})
    page = await text_of(desk, http, link)

    assert 303 == status
    assert "The test message to “ops” has arrived." in page
    assert "messages to 'ops' arrive" in hook.json()["text"]
    _, link = await post(desk, http, "/alerts/test", {"destination": "gone"})
    page = await text_of(desk, http, link)
    assert "The test message to “gone” did not arrive. no connection" in page
    assert "secretkey" not in page
    assert 404 == (await post(desk, http, "/alerts/test", {"destination": "other"}))[0]
    assert 1 == len(hook.requests)


async def test_a_threshold_is_tried_before_it_is_saved(
    desk: Running, http: aiohttp.ClientSession
) -> None:
    """Trying tells when it would have been told; each number opens as many sessions; nothing is saved."""
    day = 24 * HOUR_MS
    for number, ago in enumerate([2 * day, 2 * day, 2 * day, 4 * day, 4 * day, 5 * day]):
        visit = Visit(desk.store, f"v{number}", start=START - ago - HOUR_MS // 2)
        await visit.send([{"t": 0, "type": "page"}])
        await visit.flag(at=7, page="/pay")
        await visit.flag(at=8, page="/pay")
    await desk.sign_in(http)
    _, page = await post(desk, http, "/alerts/new", {**FORM, "do": "try"})
    counts = []
    for link, text in re.findall(r'<a href="(/counted[^"]*)">(?:At most )?(\d+) session', page):
        rows = re.findall(r"<tr id=", await text_of(desk, http, link))
        counts.append((int(text), len(rows)))

    assert "It would have been told 2 times." in page
    assert [(3, 3), (2, 2), (3, 3)] == counts
    assert [] == await desk.store.alert_states()
    _, page = await post(desk, http, "/alerts/new", {**FORM, "threshold": "4", "do": "try"})
    assert "It would not have been told." in page


async def test_a_digest_can_be_sent_at_once(desk: Running, http: aiohttp.ClientSession) -> None:
    """Sending it by hand leaves one message; that of its day comes all the same."""
    await desk.sign_in(http)
    await post(desk, http, "/alerts/new", {"kind": "digest", "to": "ops"})
    [state] = await desk.store.alert_states()
    await post(desk, http, f"/alerts/{state.alert.id}/send", {})
    [waiting] = await desk.store.due_deliveries(START, 9)

    assert ("digest", "ops") == (waiting.kind, waiting.destination)
    [after] = await desk.store.alert_states()
    assert after.told_ms is None


async def test_a_number_opens_exactly_the_sessions_it_counts(
    desk: Running, http: aiohttp.ClientSession
) -> None:
    """The page behind a message lists the counted sessions, each at its first flag that counts."""
    for number, page in enumerate(["/pay", "/pay/card", "/cart"]):
        visit = Visit(desk.store, f"v{number}", start=START - 5000)
        await visit.send([{"t": 0, "type": "page"}])
        await visit.flag(at=7, page=page)
        await visit.flag(at=9, page=page)
    await Visit(desk.store, "calm", start=START - 4000).send([{"t": 0, "type": "page"}])
    await desk.sign_in(http)

    def rows(text: str) -> set[str]:
        return set(re.findall(r'<tr id="s-(\w+)"', text))

    span = f"from={START - 6000}&until={START}"
    page = await text_of(desk, http, f"/counted?{span}&rule=rage_click&page=/pay*")
    assert {"v0", "v1"} == rows(page)
    assert "/sessions/v0?flag=rage_click-v0-7" in page
    assert "2 sessions" in page
    assert set() == rows(await text_of(desk, http, f"/counted?{span}&rule=dead_click"))
    assert {"v0", "v1", "v2"} == rows(await text_of(desk, http, f"/counted?{span}&visits=flagged"))
    assert {"v0", "v1", "v2", "calm"} == rows(
        await text_of(desk, http, f"/counted?{span}&visits=all")
    )
    for odd in ("from=x&until=-1", "from=" + "9" * 40, "severity=x&offset=abc&site=none"):
        await text_of(desk, http, f"/counted?{odd}")


async def test_a_silence_has_a_form_of_its_own(desk: Running, http: aiohttp.ClientSession) -> None:
    """The alert on a recording that stopped asks for a site, a span and what is usual, and for nothing else."""
    await desk.sign_in(http)
    form = await text_of(desk, http, "/alerts/new?kind=silent")
    odd = {"kind": "silent", "threshold": "7", "site": "sshop", "to": "ops"}
    for window in (12 * HOUR_MS, 168 * HOUR_MS):
        await post(desk, http, "/alerts/new", {**odd, "window": window, "name": f"{window}"})
    first, second = (state.alert for state in await desk.store.alert_states())
    facts = {
        "silent": [{"site": "sshop", "last": START, "usual": 3.5}],
        "threshold": 3,
        "window": HOUR_MS,
    }
    await desk.store.fire(first.id, Firing(START, facts))
    listed = await text_of(desk, http, "/alerts")

    assert ("silent", 7, "sshop", 12 * HOUR_MS, 3 * HOUR_MS) == (
        first.kind, first.threshold, first.site, first.window_ms, second.window_ms,
    )  # fmt: skip
    assert ['name="rule"' in form, 'name="severity"' in form, 'name="window"' in form] == [
        False, False, True,
    ]  # fmt: skip
    assert (
        "Recording stopped: nothing for 12 hours, where 7 sessions or more are usual · shop"
        in listed
    )
    assert '<a href="/sites/sshop/health">' in listed


async def test_times_of_no_calendar_are_none(desk: Running, http: aiohttp.ClientSession) -> None:
    """Whatever stands in an address, the pages that messages lead to are shown."""
    await desk.sign_in(http)
    for path in (
        "/counted?from=999999999999999",
        "/counted?until=999999999999999",
        "/digest?until=0",
    ):
        async with http.get(desk.url + path) as answer:
            assert 200 == answer.status, path


async def test_the_sums_of_a_week_open_what_they_count(
    desk: Running, http: aiohttp.ClientSession
) -> None:
    """Each sum of the week leads to a list of as many sessions."""
    day = 24 * HOUR_MS
    for number in range(5):
        visit = Visit(desk.store, f"v{number}", start=START - (number + 1) * day)
        await visit.send([{"t": 0, "type": "page"}])
        if number % 2:
            await visit.flag(at=7)
    await desk.sign_in(http)
    page = await text_of(desk, http, "/digest")
    counts = []
    for link, text in re.findall(r'<a href="(/counted[^"]*)">(\d+)', page):
        rows = re.findall(r"<tr id=", await text_of(desk, http, link))
        counts.append((int(text), len(rows)))

    assert [(5, 5), (2, 2), (2, 2)] == counts
    assert "40% of the sessions met a struggle." in page


async def test_without_destinations_the_page_teaches(
    console: Running, http: aiohttp.ClientSession
) -> None:
    """Where nothing is set the page says what to write where, and leads to the week in numbers."""
    await console.sign_in(http)
    page = await text_of(console, http, "/alerts")

    assert "Nothing is sent until you say where to" in page
    assert "alerts/new" not in page
    assert 'href="/digest"' in page


async def test_viewers_look_and_make_none(desk: Running, http: aiohttp.ClientSession) -> None:
    """Support and viewers see the alerts, and no way to change one."""
    owner = await desk.store.user("owner")
    assert owner
    await desk.store.put_alert(Alert(id="a", kind="new", name="Seen by all", to=("ops",)))
    await desk.sign_in(http)
    assert "/alerts/a" in await text_of(desk, http, "/alerts")
    await desk.store.add_user(User("owner", "viewer", owner.password_hash))
    page = await text_of(desk, http, "/alerts")

    assert "Seen by all" in page
    assert "/alerts/a" not in page
    assert "Send a test" not in page
    assert 403 == (await post(desk, http, "/alerts/a", {**FORM, "to": "ops"}))[0]
