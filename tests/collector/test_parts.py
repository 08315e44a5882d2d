"""The collector's small parts: masking, limits, user agents, proxies, identities."""

from __future__ import annotations

import hashlib
import hmac
import json
import time

import orjson
import pytest
from aiohttp.test_utils import make_mocked_request
from hypothesis import given
from hypothesis import strategies as st

from collector import identity
from collector.agent import attributes_of
from collector.limits import KEY_LIFE_MS, Addresses, Buckets
from collector.proxies import Proxies
from collector.scrub import scrub_recording, scrubbed, suspicious
from tests.collector.support import Collector, body, head, session_id
from tests.core.support import ManualClock

# Masking


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("mail ann.b+c@mail.example.org now", "mail [email] now"),
        ("/u/ann%40example.org/x", "/u/[email]/x"),
        ("jürgen@müller.de", "[email]"),
        ("DE89370400440532013000", "[iban]"),
        ("de89 3704 0044 0532 0130 00.", "[iban]."),
        ("NL91 ABNA 0417 1643 00", "[iban]"),
        ("GB82WEST12345698765432", "[iban]"),
        ("4111 1111 1111 1111", "[card]"),
        ("x5500-0000-0000-0004x", "x[card]x"),
        ("378282246310005", "[card]"),
        ("a@b.de and c@d.de", "[email] and [email]"),
    ],
)
def test_secrets_are_masked(text: str, masked: str) -> None:
    """Each shape is replaced by its kind, and the quick look sees it in JSON."""
    assert masked == scrubbed(text)[0]
    assert suspicious(json.dumps({"a": text}, ensure_ascii=False).encode())
    assert suspicious(json.dumps({"a": text}).encode())


@pytest.mark.parametrize(
    "text",
    [
        "",
        "@media (min-width: 3px)",
        "user@localhost",
        "DE89370400440532013001",  # wrong check digits
        "4111111111111112",  # wrong last digit
        "1800000000000",  # a timestamp
        "01933333-0000-7000-8000-000000000001",
        "order 2026-11-22 12:30",
    ],
)
def test_harmless_texts_stay(text: str) -> None:
    """What merely looks a bit like it is kept."""
    assert (text, 0) == scrubbed(text)


SHAPES = st.sampled_from(
    [
        "a@b.de",
        "NL91 ABNA 0417 1643 00",
        "DE89370400440532013000",
        "4111 1111 1111 1111",
        "5500-0000-0000-0004",
    ]
)


@given(st.text(max_size=12), SHAPES, st.text(max_size=12))
def test_the_quick_look_misses_nothing(before: str, shape: str, after: str) -> None:
    """Whatever scrubbed() would mask, suspicious() sees in the JSON, escaped or not."""
    text = before + shape + after
    for escape in (True, False):
        try:
            raw = json.dumps(text, ensure_ascii=escape).encode()
        except UnicodeEncodeError:
            continue
        if scrubbed(text)[1]:
            assert suspicious(raw)


@given(st.text(max_size=12), SHAPES, st.text(max_size=12))
def test_recordings_are_masked_as_texts_are(before: str, shape: str, after: str) -> None:
    """Whatever scrubbed() would mask in a text, scrub_recording() masks where it stands in a page."""
    text = before + shape + after
    node = {"type": 3, "id": 1, "textContent": text}
    events = [{"type": 2, "data": {"node": {"type": 0, "id": 2, "childNodes": [node]}}}]
    try:
        raw = orjson.dumps(events)
    except TypeError:  # half a character
        return
    hits = scrub_recording(events, raw)

    assert (scrubbed(text)[0], scrubbed(text)[1]) == (node["textContent"], hits.total())


@pytest.mark.parametrize("name", ["class", "style", "d", "id", "_cssText"])
def test_what_draws_a_page_is_left_alone(name: str) -> None:
    """Names, styles and drawings keep what only looks like a card number or an address."""
    node = {
        "type": 2,
        "id": 1,
        "tagName": "p",
        "attributes": {name: "4111111111111111 a@b.example"},
    }
    events = [{"type": 2, "data": {"node": {**node, "childNodes": []}}}]
    before = orjson.dumps(events)

    assert 0 == scrub_recording(events, before).total()
    assert before == orjson.dumps(events)


@pytest.mark.parametrize(
    "text", ["a" * 1024, "a." * 512, "@" * 1024, "AB12" * 256, "4" * 1024, "4 " * 512]
)
def test_masking_takes_linear_time(text: str) -> None:
    """Texts made to be slow take well under 20 ms of the processor."""
    began = time.process_time()
    scrubbed(text)

    assert 0.02 > time.process_time() - began


# Limits


def test_a_bucket_gives_its_burst_then_its_rate() -> None:
    """After the burst one token comes back per 1/rate seconds; never more than the burst."""
    clock = ManualClock()
    bucket = Buckets(clock, rate=2, burst=4)

    assert [0, 0, 0, 0, 1, 1] == [bucket.take("a") for _ in range(6)]
    clock.advance(500)
    assert [0, 1] == [bucket.take("a") for _ in range(2)]
    clock.advance(3_600_000)
    assert [0, 0, 0, 0, 1] == [bucket.take("a") for _ in range(5)]
    clock.advance(3_600_000)
    assert [0, 1, 2, 0] == [bucket.take("a", 3), bucket.take("a", 2), bucket.take("a", 9),
                            bucket.wait_s("a")]  # fmt: skip
    assert 0 == bucket.take("b")


def test_a_clock_that_goes_back_gives_nothing() -> None:
    """No tokens are made of negative time, and none are lost."""
    clock = ManualClock()
    bucket = Buckets(clock, rate=1, burst=1)
    bucket.take("a")
    clock.advance(-10_000)

    assert 1 == bucket.take("a")


def test_addresses_are_hashed_by_network() -> None:
    """IPv4 addresses each, IPv6 by /64; another start, and another day, gives other hashes."""
    clock = ManualClock()
    addresses = Addresses(clock)
    hashed = addresses.hashed

    assert hashed("192.0.2.1") != hashed("192.0.2.2")
    assert hashed("2001:db8::1") == hashed("2001:db8::ffff")
    assert hashed("2001:db8::1") != hashed("2001:db8:0:1::1")
    assert hashed("::ffff:192.0.2.1") == hashed("192.0.2.1") != hashed("::ffff:192.0.2.2")
    assert hashed("::::") == hashed("::::")
    first = hashed("192.0.2.1")
    assert first != Addresses(clock).hashed("192.0.2.1")
    clock.advance(KEY_LIFE_MS - 1)
    assert first == hashed("192.0.2.1")
    clock.advance(1)
    assert first != hashed("192.0.2.1")


# User agents

CHROME = "AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0"


@pytest.mark.parametrize(
    ("text", "device", "browser", "os"),
    [
        (f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {CHROME} Safari/537.36", "desktop", "Chrome", "Windows"),
        (f"Mozilla/5.0 (Windows NT 10.0) {CHROME} Safari/537.36 Edg/141.0", "desktop", "Edge", "Windows"),
        (f"Mozilla/5.0 (Linux; Android 10; K) {CHROME} Mobile Safari/537.36", "mobile", "Chrome", "Android"),
        (f"Mozilla/5.0 (Linux; Android 13; SM-X200) {CHROME} Safari/537.36", "tablet", "Chrome", "Android"),
        (f"Mozilla/5.0 (Linux; Android 14) SamsungBrowser/28.0 {CHROME} Mobile Safari/537.36", "mobile", "Samsung Internet", "Android"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 Version/18.0 Mobile/15E148 Safari/604.1", "mobile", "Safari", "iOS"),
        ("Mozilla/5.0 (iPad; CPU OS 17_0 like Mac OS X) AppleWebKit/605.1.15 CriOS/141.0 Mobile/15E148 Safari/604.1", "tablet", "Chrome", "iOS"),
        ("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 Version/18.0 Safari/605.1.15", "desktop", "Safari", "macOS"),
        ("Mozilla/5.0 (Android 14; Mobile; rv:140.0) Gecko/140.0 Firefox/140.0", "mobile", "Firefox", "Android"),
        (f"Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) {CHROME} Safari/537.36", "desktop", "Chrome", "ChromeOS"),
        (f"Mozilla/5.0 (X11; Linux x86_64) {CHROME} Safari/537.36 OPR/120.0", "desktop", "Opera", "Linux"),
    ],
)  # fmt: skip
def test_common_browsers_are_recognised(text: str, device: str, browser: str, os: str) -> None:
    """Device, browser family and operating system; no bot."""
    assert {"device": device, "browser": browser, "os": os} == attributes_of(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
        f"Mozilla/5.0 (X11; Linux x86_64) {CHROME.replace('Chrome', 'HeadlessChrome')} Safari/537.36",
        "Mozilla/5.0 (compatible; Pingdom.com_bot_version_1.4)",
        "curl/8.5.0",
        "python-requests/2.32",
    ],
)
def test_bots_are_marked(text: str) -> None:
    """Crawlers, headless browsers, monitors and those that do not say who they are."""
    assert True is attributes_of(text)["bot"]


@given(st.text(max_size=1000))
def test_any_user_agent_gives_attributes(text: str) -> None:
    """Nothing crashes the parser; what it says is of the schema's values."""
    assert attributes_of(text)["device"] in ("desktop", "mobile", "tablet")


# Proxies


class Transport:
    """The connection that a request came by."""

    def __init__(self, peer: str) -> None:
        self.peer = peer

    def get_extra_info(self, name: str, default: object = None) -> object:
        """Return the peer's address."""
        return (self.peer, 1234) if name == "peername" else default

    def is_closing(self) -> bool:
        """Return False."""
        return False


def request(peer: str, **headers: str) -> object:
    """Return a request from *peer*; underscores in header names are dashes."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return make_mocked_request("GET", "/", headers=named, transport=Transport(peer))


@pytest.mark.parametrize(
    ("peer", "forwarded", "client"),
    [
        ("10.0.0.1", "198.51.100.7", "198.51.100.7"),
        ("::ffff:10.0.0.1", "198.51.100.7", "198.51.100.7"),
        ("10.0.0.1", "6.6.6.6, 198.51.100.7, 10.0.0.2", "198.51.100.7"),
        ("203.0.113.9", "198.51.100.7", "203.0.113.9"),
        ("10.0.0.1", "10.0.0.3", "10.0.0.3"),
        ("10.0.0.1", " , ", "10.0.0.1"),
        ("10.0.0.1", "junk", "junk"),
    ],
)
def test_only_trusted_proxies_say_who_the_client_is(peer: str, forwarded: str, client: str) -> None:
    """The last untrusted hop counts; a forged beginning of the chain does not."""
    asked = request(peer, X_Forwarded_For=forwarded)

    assert client == Proxies(["10.0.0.0/8"]).client(asked)  # type: ignore[arg-type] -- mocked
    assert peer == Proxies([]).client(asked)  # type: ignore[arg-type] -- mocked


@pytest.mark.parametrize(
    ("peer", "headers", "base"),
    [
        ("1.1.1.1", {"Host": "a.example:8000"}, "http://a.example:8000"),
        ("1.1.1.1", {"Host": "[::1]:8000"}, "http://[::1]:8000"),
        ("1.1.1.1", {"Host": "a.example", "X_Forwarded_Host": "evil.example"}, "http://a.example"),
        ("10.0.0.1", {"Host": "a.example", "X_Forwarded_Host": "evil.example", "X_Forwarded_Proto": "https"}, "https://a.example"),
        ("10.0.0.1", {"Host": "a", "X_Forwarded_Proto": "javascript"}, None),
        ("1.1.1.1", {"Host": 'a"><script>'}, None),
        ("1.1.1.1", {"Host": "a/b"}, None),
        ("1.1.1.1", {"Host": ""}, None),
    ],
)  # fmt: skip
def test_the_own_url_follows_from_the_request(
    peer: str, headers: dict[str, str], base: str | None
) -> None:
    """Scheme and host of the request, or of a trusted proxy; nonsense gives None."""
    assert base == Proxies(["10.0.0.0/8"]).base_url(request(peer, **headers))  # type: ignore[arg-type]


# Identities

KEY = bytes(range(32))


def test_a_signature_is_what_any_language_makes() -> None:
    """hex HMAC-SHA256 of the id, with the hexadecimal key text as it was printed."""
    expected = hmac.new(KEY.hex().encode(), b"customer 7", hashlib.sha256).hexdigest()

    assert expected == identity.sign(KEY, "customer 7")


@pytest.mark.parametrize(
    ("signature", "verified"),
    [
        (identity.sign(KEY, "u1"), True),
        (identity.sign(KEY, "u1").upper(), True),
        (identity.sign(KEY, "u2"), False),
        ("", False),
        ("ü" * 64, False),
        (None, False),
    ],
)
def test_only_a_right_signature_verifies(signature: str | None, verified: bool) -> None:
    """Another id's signature, none, or nonsense leaves the identity unverified."""
    kept = identity.checked("u1", signature, signing_key=KEY, hash_key=KEY)

    assert {"id": "u1", "hashed": False, "verified": verified} == kept


def test_an_e_mail_is_kept_as_its_hash() -> None:
    """Case, blanks and the name beside it do not matter; the address itself is gone; another key, another hash."""
    one, two, named = (
        identity.checked(mail, None, signing_key=KEY, hash_key=KEY)
        for mail in ("Ann@Example.org", " ann@example.org ", "Ann Lee <Ann@example.org>")
    )
    other = identity.checked("ann@example.org", None, signing_key=KEY, hash_key=b"x" * 32)

    assert one == two == named != other
    assert one["hashed"] is True
    assert one["id"].startswith("email:")
    assert "ann" not in json.dumps(one)
    for text in (
        "ann@example.org, bob@example.org",
        "customer ann@example.org",
        "mailto:ann@example.org",
    ):
        assert identity.kept_id(text, KEY)[0].startswith("email:")
    for text in ("K-1", "@ann", "ann@", "ann@home", "ann @example.org", ".@.", "a@b."):
        assert (text, False) == identity.kept_id(text, KEY)


@pytest.mark.parametrize("id_", [" ", "a\0b", "a\nb", "\u202ea"])
async def test_what_is_no_line_of_text_names_nobody(collector: Collector, id_: str) -> None:
    """A blank would be nobody's name, SQLite would cut an id at its NUL: neither could be found to be erased."""
    assert 200 == (await collector.post(body(head(identity={"id": id_})))).status
    session = await collector.store.session(session_id())

    assert session is not None and session.identity is None
    assert [] == await collector.store.customers(limit=9)


async def test_an_identity_reaches_the_session(collector: Collector) -> None:
    """Signed with the site's key it is verified; the session says identified; traits are not kept."""
    key = await collector.store.server_key(identity.key_name("siteKey1"))
    given = {"id": "u1", "signature": identity.sign(key, "u1"), "traits": {"name": "Ann"}}
    assert 200 == (await collector.post(body(head(identity=given)))).status
    session = await collector.store.session(session_id())

    assert session is not None
    assert {"id": "u1", "hashed": False, "verified": True} == session.identity
    assert True is session.attributes["identified"]
