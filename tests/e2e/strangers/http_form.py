"""Attacks on the form of HTTP: lengths, heads, methods, paths, hosts."""

from __future__ import annotations

from tests.collector.support import ORIGIN, SITE, body
from tests.e2e.strangers.attack import Attack, sent
from tests.e2e.strangers.victim import request

DATA = body()
INNER = request(body(), line="POST /i/smuggled HTTP/1.1")
CHUNKED = b"%x\r\n%s\r\n0\r\n\r\n" % (len(DATA), DATA)


def without_length(data: bytes) -> bytes:
    return b"\r\n".join(
        line for line in data.split(b"\r\n") if not line.startswith(b"Content-Length")
    )


def field(*fields: str) -> bytes:
    """Return a good request with further *fields*."""
    return request(DATA, *fields)


def at(path: str, method: str = "POST") -> bytes:
    return request(b"", line=f"{method} {path} HTTP/1.1")


FORM: list[Attack] = [
    sent("no HTTP at all", b"nonsense\r\n\r\n", "400, closed", "refused bad_http"),
    sent("TLS on a plain port", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(300), "400, closed", "refused bad_http"),
    sent("HTTP/2 without asking", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "400, closed", "refused bad_http"),
]  # fmt: skip

LENGTHS: list[Attack] = [
    sent("length too short", request(DATA).replace(b"Length: %d" % len(DATA), b"Length: 20"), ("400, closed", "400 bad_frame, 400, closed"), "refused bad_http"),
    sent("length negative", request(DATA).replace(b"Length: ", b"Length: -"), "400, closed", "refused bad_http"),
    sent("length with a sign", request(DATA).replace(b"Length: ", b"Length: +"), "400, closed", "refused bad_http"),
    sent("length in hexadecimal", request(DATA).replace(b"Length: ", b"Length: 0x"), "400, closed", "refused bad_http"),
    sent("two lengths", field("Content-Length: 3"), "400, closed", "refused bad_http"),
    sent("the same length twice", field(f"Content-Length: {len(DATA)}"), "400, closed", "refused bad_http"),
    sent("a list of lengths", request(DATA).replace(b"Length: ", b"Length: 3, "), "400, closed", "refused bad_http"),
    sent("length of 10^30", request(DATA).replace(b"Length: ", b"Length: " + b"9" * 30), "400, closed", "refused bad_http"),
    sent("smuggling: length and chunked", field("Transfer-Encoding: chunked") + INNER, "400, closed", "refused bad_http"),
    sent("smuggling: chunked, ended early", without_length(request(b"", "Transfer-Encoding: chunked")) + b"0\r\n\r\n" + INNER, "400 bad_frame, 404 unknown_site", "refused bad_frame"),
    sent("smuggling: chunked twice", without_length(request(b"", "Transfer-Encoding: chunked", "Transfer-Encoding: chunked")) + CHUNKED, "400, closed", "refused bad_http"),
    sent("smuggling: xchunked", without_length(request(b"", "Transfer-Encoding: xchunked")) + CHUNKED, "400, closed", "refused bad_http"),
    sent("smuggling: chunked, identity", without_length(request(b"", "Transfer-Encoding: chunked, identity")) + CHUNKED, "400, closed", "refused bad_http"),
    sent("smuggling: space before the colon", without_length(request(b"", "Transfer-Encoding : chunked")) + CHUNKED, "400, closed", "refused bad_http"),
    sent("smuggling: vertical tab", without_length(request(b"", "Transfer-Encoding: \x0bchunked")) + CHUNKED, "400, closed", "refused bad_http"),
    sent("smuggling: chunk size that is none", without_length(request(b"", "Transfer-Encoding: chunked")) + b"zz\r\nabc\r\n0\r\n\r\n", "400, closed", "refused bad_http"),
    sent("smuggling: chunk size of 2^70", without_length(request(b"", "Transfer-Encoding: chunked")) + b"4" + b"0" * 17 + b"\r\nabc\r\n0\r\n\r\n", "400, closed", "refused bad_http"),
    sent("smuggling: chunked in HTTP/1.0", without_length(request(b"", "Transfer-Encoding: chunked", line=f"POST /i/{SITE.key} HTTP/1.0")) + CHUNKED, "400, closed", "refused bad_http"),
    sent("smuggling: body of a GET", at(f"/s/{SITE.key}.json", "GET").replace(b"Length: 0", b"Length: %d" % len(INNER)) + INNER, "200", None),
]  # fmt: skip

HEADS: list[Attack] = [
    sent("head: one field of 20 KB", field("X-A: " + "a" * 20_000), "400, closed", "refused bad_http"),
    sent("head: address of 60 KB", at("/i/" + "a" * 60_000), "400, closed", "refused bad_http"),
    sent("head: 200 fields", field(*(f"X-{n}: a" for n in range(200))), "400, closed", "refused bad_http"),
    sent("head: 1 MB of fields", field(*(f"X-{n}: {'a' * 8000}" for n in range(126))), "400, closed", "refused bad_http"),
    sent("head: NUL", field("X-A: a\0b"), "400, closed", "refused bad_http"),
    sent("head: bare line feed", field("X-A: a\nX-B: b"), "400, closed", "refused bad_http"),
    sent("head: bare return", field("X-A: a\rX-B: b"), "400, closed", "refused bad_http"),
    sent("head: folded line", field("X-A: a\r\n b"), "400, closed", "refused bad_http"),
    sent("head: field without a name", field(": a"), "400, closed", "refused bad_http"),
    sent("head: name that is no ASCII", field("X-ä: a"), "400, closed", "refused bad_http"),
    sent("head: origin that is no ASCII", request(DATA, origin="https://shöp.example"), "403 origin", "refused origin"),
    sent("head: line feed in the origin", request(DATA, origin=f"{ORIGIN}\nX-Evil: 1"), "400, closed", "refused bad_http"),
    sent("head: a second origin", field("Origin: https://evil.test"), "200 stored", None),
    sent("head: a second host", field("Host: evil.test"), "400, closed", "refused bad_http"),
    sent("head: no host", request(DATA).replace(b"Host: rec.example\r\n", b""), "400, closed", "refused bad_http"),
    sent("host with a script in it", at(f"/s/{SITE.key}.js", "GET").replace(b"rec.example", b'a"</script><b'), "400 bad_host", "refused bad_host"),
    sent("expectation that nobody has", field("Expect: 200-nothing"), "417 http", "refused http"),
    sent("upgrade to another protocol", field("Connection: Upgrade", "Upgrade: h2c"), "200 duplicate, closed", None),
    sent("body said to be gzip, and is not", field("Content-Encoding: gzip"), "200 duplicate", None),
]  # fmt: skip

PATHS: list[Attack] = [
    *(
        sent(f"method {method}", at(f"/i/{SITE.key}", method), "405 http", "refused http")
        for method in ("PUT", "DELETE", "PATCH", "TRACE", "GET")
    ),
    sent("method that nobody knows", at(f"/i/{SITE.key}", "JEFF"), "400, closed", "refused bad_http"),
    sent("method CONNECT", b"CONNECT evil.test:443 HTTP/1.1\r\nHost: evil.test:443\r\n\r\n", "404 http", "refused http"),
    sent("method in small letters", request(DATA, line=f"post /i/{SITE.key} HTTP/1.1"), "400, closed", "refused bad_http"),
    sent("whole address of another host", request(DATA, line="POST http://evil.test/i/nobody HTTP/1.1"), "404 unknown_site", "refused unknown_site"),
    *(
        sent(f"key {shown}", at(f"/i/{path}"), "404 unknown_site", "refused unknown_site")
        for shown, path in (
            ("..%2f..", "..%2f..%2fstolper.db"),
            ("%00", f"{SITE.key}%00"),
            ("%0d%0aX-Evil:%201", f"{SITE.key}%0d%0aX-Evil:%201"),
            ("ü, escaped", "%C3%BC"),
            ("' OR 1=1", "'%20OR%201=1--"),
            ("of 5,000 characters", "k" * 5000),
            ("that is the site's name", SITE.name),
        )
    ),
    *(
        sent(f"GET {shown}", at(path, "GET"), "404 http", "refused http")
        for shown, path in (
            ("/s/../stolper.db", "/s/../stolper.db"),
            ("/s/..%2f..%2fstolper.db", "/s/..%2f..%2fstolper.db"),
            ("/s/%2e%2e/stolper.toml", "/s/%2e%2e/stolper.toml"),
            ("/s/recorder...%2f.js", "/s/recorder...%2f..%2fx.js"),
            ("/i/KEY/asset/..%2f..", f"/i/{SITE.key}/asset/..%2f..%2fstolper.db"),
            ("/api/v1/sessions", "/api/v1/sessions"),
            ("/.git/config", "/.git/config"),
        )
    ),
    sent("GET /s/recorder.OTHER.js", at("/s/recorder.0000000000000000.js", "GET"), "404 unknown_recorder", "refused unknown_recorder"),
    sent("GET //s/KEY.js", at(f"//s/{SITE.key}.js", "GET"), "404 http", "refused http"),
]  # fmt: skip
