"""What may come in as a contact, and what is said of what may not."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from core.contacts import CHANNELS
from core.errors import UserError
from desk.contacts import ContactError, UnknownChannel, channels_of, read_contact
from desk.table import WrongRows, read_table
from desk.webhooks import Unsigned, check, secret_text, sign

NOW = 1_800_000_000_000
AT = "2027-01-15T08:00:00Z"
CHOICE = channels_of(["fax"])


def read(**given: Any) -> Any:
    return read_contact({"channel": "call", **given}, CHOICE, NOW)


@pytest.mark.parametrize("channel", [*CHANNELS, "fax"])
def test_each_channel_is_known(channel: str) -> None:
    """Those that every installation has, and those that are named in the settings."""
    assert channel == read(channel=channel.upper()).values["channel"]


def test_an_unknown_channel_is_told_which_there_are() -> None:
    """The sentence names the one that was given and all that there are."""
    with pytest.raises(UnknownChannel) as told:
        read(channel="carrier pigeon")

    assert "'carrier pigeon'" in str(told.value)
    assert all(channel in str(told.value) for channel in (*CHANNELS, "fax"))


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"chanel": "call"}, "did you mean channel?"),
        ({"started_at": "yesterday"}, "started_at is a time like"),
        ({"started_at": "2027-01-17T08:00:00Z"}, "more than a day ahead"),
        ({"started_at": AT, "ended_at": "2027-01-15T07:59:59Z"}, "before started_at"),
        ({"direction": "up"}, "direction is in"),
        ({"subject": "x" * 201}, "at most 200 characters"),
        ({"subject": "two\nlines"}, "one line"),
        ({"subject": "two\u2028lines"}, "one line"),
        ({"outcome": "a\0b"}, "one line"),
        ({"customer": "K\u00a01"}, "one line"),
        ({"resolved": "perhaps"}, "true or false"),
        ({"customer": ["K-1"]}, "customer is a text"),
        ({"notes": [{"kind": "secret", "text": "x"}]}, "kind is one of note, tried, promise, next"),
        ({"notes": [{"kind": "note", "text": " "}]}, "1 to 4000"),
        ({"notes": [{"kind": "note", "text": "\0"}]}, "1 to 4000"),
        ({"notes": ["text"]}, "a note is like"),
        ({"channel": ""}, "there is no channel ''"),
    ],
    ids=lambda one: str(one)[:40],
)
def test_what_is_wrong_is_said(given: dict[str, Any], told: str) -> None:
    """Each wrong field has a sentence that says what may stand there."""
    with pytest.raises(ContactError, match=told.replace("?", r"\?").replace("'", ".")):
        read(**given)


@pytest.mark.parametrize(
    "text", ["Prix\u00a0?", "Re: \U0001f469\u200d\U0001f4bb", "\u05d0\u200f 1", "soft\u00adhyphen"]
)
def test_subjects_of_mails_are_taken_as_they_are(text: str) -> None:
    """Blanks that do not break, signs made of several and marks of direction stand in what people write."""
    assert text == read(subject=text, outcome=text, agent=text).values["subject"]


def test_the_channel_has_to_be_told() -> None:
    """Without a channel nothing is taken."""
    with pytest.raises(ContactError, match="channel is missing: one of call"):
        read_contact({}, CHOICE, NOW)


def test_times_without_a_zone_are_utc() -> None:
    """ISO 8601 with a zone, or without one; nothing is now."""
    for text in ("2027-01-15T08:00:00", AT, "2027-01-15 09:00:00+01:00"):
        assert NOW == read(started_at=text).values["started_ms"]
    assert NOW == read().values["started_ms"]


def test_the_same_content_has_the_same_digest() -> None:
    """Whatever the order of fields; another content has another."""
    one = read(subject="a", customer="K-1", key="k")
    same = read_contact(
        {"key": "k", "customer": "K-1", "subject": "a", "channel": "call"}, CHOICE, NOW
    )

    assert one.digest == same.digest
    assert one.digest != read(subject="b", customer="K-1", key="k").digest


HEADS = "channel;started_at;customer;subject;resolved;note\n"


def test_a_table_is_read_by_its_heads() -> None:
    """Semicolons, a mark of UTF-8, quotes with line ends, empty rows; the same row has the same key."""
    text = (
        "\ufeff" + HEADS + f'call;{AT};K-1;"Bill; twice";yes;"first\nsecond"\n\n  \n'
        f"fax;{AT};anna@shop.example;;;\n"
    )
    first, second = read_table(text.encode(), CHOICE, NOW)

    assert ("Bill; twice", True) == (first.values["subject"], first.values["resolved"])
    assert (("note", "first\nsecond"),) == first.notes
    assert ("anna@shop.example", "fax") == (second.customer, second.values["channel"])
    assert [first.key, second.key] == [one.key for one in read_table(text.encode(), CHOICE, NOW)]
    assert first.key != second.key


def test_every_wrong_row_is_told_by_its_line() -> None:
    """A row of a wrong channel, one without a time, one with too few values: none is taken, all are named."""
    text = HEADS + f"pigeon;{AT};;;;\ncall;;K-1;;;\ncall;{AT};K-2;;;\ncall;{AT}\n"
    with pytest.raises(WrongRows) as told:
        read_table(text.encode(), CHOICE, NOW)

    assert [2, 3, 5] == [one.line for one in told.value.rows]
    assert "there is no channel 'pigeon'" in told.value.rows[0].reason
    assert "started_at is missing" == told.value.rows[1].reason
    assert "6 columns, but 2 values" in told.value.rows[2].reason


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"channel,colour\n", "no column 'colour'"),
        (b"channel\n", "started_at is missing"),
        (b"channel,started_at,note,notes\n", "notes is there twice"),
        (b"", "channel is missing"),
        ("channel,started_at,subject\ncall,2027-01-15,ä".encode("latin-1"), "not UTF-8"),
        (b'channel,started_at\n"call,x', "is no CSV"),
    ],
    ids=["unknown", "missing", "twice", "empty", "latin-1", "torn"],
)
def test_what_is_no_table_is_said(content: bytes, told: str) -> None:
    """A file that cannot be read at all says why."""
    with pytest.raises(UserError, match=told):
        read_table(content, CHOICE, NOW)


KEY = bytes(range(32))
AT_S = NOW // 1000


def test_a_signature_holds_for_id_time_and_body() -> None:
    """As Standard Webhooks' own example has it; one of several is enough; any other byte is refused."""
    # https://github.com/standard-webhooks/standard-webhooks: the specification's test vector.
    key = base64.b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    body = b'{"test": 2432232314}'
    signed = sign(key, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, body)

    assert "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=" == signed
    assert "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw" == secret_text(key)
    good = sign(KEY, "m1", AT_S, b"{}")
    check(KEY, "m1", str(AT_S), f"v1,AAAA {good}", b"{}", NOW)
    for id_, at, body, signature in [
        ("m2", AT_S, b"{}", good),
        ("m1", AT_S + 1, b"{}", good),
        ("m1", AT_S, b"{} ", good),
        ("m1", AT_S, b"{}", good[:-2]),
        ("m1", AT_S, b"{}", ""),
        ("m1", AT_S, b"{}", "v1,ü"),
    ]:
        with pytest.raises(Unsigned, match="signature"):
            check(KEY, id_, str(at), signature, body, NOW)


@pytest.mark.parametrize("off_s", [301, -301])
def test_an_old_message_is_not_taken(off_s: int) -> None:
    """Signed, but more than five minutes from now."""
    at = AT_S + off_s
    with pytest.raises(Unsigned, match="more than 300 seconds"):
        check(KEY, "m", str(at), sign(KEY, "m", at, b""), b"", NOW)


@pytest.mark.parametrize(("id_", "at"), [("", "1"), ("x" * 201, "1"), ("m", "soon"), ("m", "-1")])
def test_a_message_without_its_heads_is_not_taken(id_: str, at: str) -> None:
    """An id and a time in seconds have to be there."""
    with pytest.raises(Unsigned, match=r"webhook-(id|timestamp)"):
        check(KEY, id_, at, "v1,x", b"", NOW)
