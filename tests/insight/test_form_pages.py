"""The page of a process's forms: each number opens exactly the sessions that it counted."""

from __future__ import annotations

import csv
import html
import io
from collections.abc import AsyncIterator

import aiohttp
import pytest
import pytest_asyncio
from yarl import URL

from core.form_use import LEFT, USED
from stolper.indexer import Indexer
from tests.console.support import Running, running_console, shop
from tests.insight.form_generator import Filler, fillers, stored_fillers
from tests.insight.generator import PROCESS
from tests.insight.test_form_uses import having
from tests.insight.test_process_pages import listed, numbers, page
from tests.insight.test_walks import everything, rules

pytestmark = pytest.mark.asyncio(loop_scope="module")

TRUTHS = fillers(31, 160)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shown(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Running]:
    """A console with visits that filled in forms in its index."""
    path = tmp_path_factory.mktemp("forms")
    file = path / "process.yaml"
    file.write_text(PROCESS)
    async with running_console(path / "data", shipped=(file,)) as console:
        await console.store.add_site(shop())
        await stored_fillers(console.store, TRUTHS)
        declared = rules()
        indexer = Indexer(console.store, console.clock, rules=lambda: declared)
        for one in TRUTHS:
            indexer.changed(one.id)
        await everything(indexer)
        yield console


@pytest_asyncio.fixture(loop_scope="module")
async def http(shown: Running) -> AsyncIterator[aiohttp.ClientSession]:
    jar = aiohttp.CookieJar(unsafe=True)
    async with aiohttp.ClientSession(cookie_jar=jar, headers={"Accept": "text/html"}) as session:
        await shown.sign_in(session)
        yield session


async def test_each_number_of_a_form_opens_the_sessions_it_counts(
    http: aiohttp.ClientSession, shown: Running
) -> None:
    """Of those who completed and those who left, of those who left without it; narrowed by a filter, too."""
    phones = [one for one in TRUTHS if one.device == "mobile"]
    for address, truths in (
        ("/processes/order/forms?step=address&form=address", TRUTHS),
        ("/processes/order/forms?step=pay&form=payment&device=mobile", phones),
        ("/processes/order/forms?step=basket&form=-", TRUTHS),
    ):
        found = numbers(await page(http, shown, address))
        step, form = (URL(address).query[name] for name in ("step", "form"))
        told = of_fields(found)
        for (use, name, group), number in told.items():
            there = having(in_group(truths, group, step), use, (step, form, name))
            assert len(there) == number, (address, use, name, group)
        assert len(told) > 8, address
        for link, number in found.items():
            assert number == await listed(http, shown, link), (address, link)
    assert any(use == LEFT for use, _, _ in told)


def of_fields(found: dict[str, int]) -> dict[tuple[str, str, str], int]:
    """Return the numbers of fields by what is counted, the field, and the group of sessions."""
    told = {}
    for link, number in found.items():
        query = URL(link).query
        use = next((name for name in query if name.startswith("field_")), None)
        if use is not None:
            group = "completed" if "completed" in query else "left"
            told[use, query[use].partition(" > ")[2], group] = number
    return told


def in_group(truths: list[Filler], group: str, step: str) -> list[Filler]:
    if group == "completed":
        return [one for one in truths if one.completed]
    return [one for one in truths if one.left == step]


async def test_the_worst_field_is_named(http: aiohttp.ClientSession, shown: Running) -> None:
    """The one that most of those who left had used last; and how many left without the form."""
    address = "/processes/order/forms?step=pay&form=payment&lang=en"
    text = await page(http, shown, address)
    gone = [one for one in TRUTHS if one.left == "pay"]
    used = [one for one in gone if ("pay", "payment") in one.forms]
    last = {
        name: len(having(gone, LEFT, ("pay", "payment", name)))
        for name in ("owner", "iban", "note > gift")
    }
    worst = max(last, key=lambda name: last[name])

    told = f"“Your {html.escape(worst)}” is the field that most of those who left had used last:"
    assert f"{told} {last[worst]} of {len(used)} (" in text
    assert "left here and used nothing of it" in text
    first = await page(http, shown, "/processes/order/forms?lang=de")
    assert "Formulare" in first and "Zuletzt benutzt" in first


async def test_what_is_not_there_is_said(http: aiohttp.ClientSession, shown: Running) -> None:
    """A process that there is none of is not found; a form that there is none of gives way to another."""
    await page(http, shown, "/processes/nothing/forms", 404)
    other = await page(http, shown, "/processes/order/forms?step=pay&form=nothing&lang=en")
    assert "Payment: form payment" in other
    none = await page(http, shown, "/processes/order/forms?browser=Lynx&lang=en")
    assert "No form was used" in none


async def test_a_filter_by_a_field_is_told_in_words(
    http: aiohttp.ClientSession, shown: Running
) -> None:
    """In the list that a number opens."""
    address = URL("/sessions").with_query({USED: "order/basket - > voucher", "lang": "en"})
    text = await page(http, shown, str(address))

    assert "Field used: Order: basket, voucher" in text


async def test_programs_read_the_same_numbers(shown: Running) -> None:
    """As JSON and as CSV, in which no name of a field is a formula."""
    token = {"Authorization": f"Bearer {shown.tokens['read']}"}
    base = shown.url + "/api/v1/processes/order/forms"
    of_form = f"{base}?step=basket&form=-"
    async with aiohttp.ClientSession(headers=token) as http:
        async with http.get(base) as answer:
            met = (await answer.json())["forms"]
        async with http.get(of_form + "&device=mobile") as answer:
            found = (await answer.json())["form"]
        async with http.get(of_form + "&format=csv") as answer:
            text = (await answer.read()).decode("utf-8-sig")
        for wrong, status in (
            ("?step=basket", 400),
            ("?format=csv", 400),
            ("?step=basket&form=other", 404),
        ):
            async with http.get(base + wrong) as answer:
                assert status == answer.status
    key = ("basket", "-", "voucher")
    gone = [one for one in TRUTHS if one.left == "basket" and one.device == "mobile"]
    used = [one for one in gone if key in one.fields]
    [row] = csv.DictReader(io.StringIO(text))

    assert ["basket", "address", "address", "pay"] == [one["step"] for one in met]
    assert len(used) == found["left"] == found["fields"][0]["field_used"]["left"]
    assert len(gone) - len(used) == found["left_without"]
    refilled = having(gone, "field_refilled", key)
    assert len(refilled) == found["fields"][0]["field_refilled"]["left"]
    assert ("'-", "voucher") == (row["form"], row["field"])
    assert sum(one.completed and key in one.fields for one in TRUTHS) == int(
        row["field_used.completed"]
    )
    assert float(row["spent.left.median_ms"]) > 0
