"""Visits as the snippet reports them, for the shipped rules: seeded, mostly without trouble."""

from __future__ import annotations

import random
from typing import Any

PATHS = ("/", "/list", "/item/1", "/item/2", "/basket", "/checkout/address", "/checkout/payment")
BODY = [{"tag": "main", "id": "content"}, {"tag": "body"}, {"tag": "html"}]
TARGETS = [
    {
        "key": f"{tag}-{number}", "tag": tag, "interactive": tag != "p", "node": number,
        "path": [{"tag": tag, "id": f"n{number}", "classes": ["btn", "big"]}, {"tag": "section"}, *BODY],
    }
    for number, tag in enumerate(["button", "a", "button", "p", "a", "button", "div", "button"] * 4)
]  # fmt: skip
FIELDS = ("email", "zip", "street", "city", "name")


def visit(number: int, length: int = 60) -> list[dict[str, Any]]:
    """Return the events of visit *number*, in order: presses, requests, fields, scrolling."""
    rnd = random.Random(number)
    load, t, path = f"load-{number:016d}", 0.0, "/"
    found: list[dict[str, Any]] = []

    def put(wait_ms: float, type_: str, **fields: Any) -> int:
        nonlocal t
        t += rnd.expovariate(1 / wait_ms)
        event = {
            "i": len(found), "t": t, "ts": 1.7e12 + number * 1000 + t, "type": type_,
            "page_load": load, "tab": load, "view": 0, "path": path, **fields,
        }  # fmt: skip
        found.append(event)
        return len(found) - 1

    put(1, "page", nav="load", visible=True, referrer="none")
    put(900, "vitals", kind="lcp", lcp_ms=rnd.uniform(600, 3000))
    while len(found) < length:
        what = rnd.random()
        if what < 0.34:
            answered = {"answered_ms": rnd.uniform(10, 300), "answer": "mutation"}
            press = put(
                3000, "click", target=rnd.choice(TARGETS), trusted=True, pointer="mouse", button=0,
                x=rnd.uniform(0, 1200), y=rnd.uniform(0, 800), **(answered if rnd.random() < 0.93 else {}),
            )  # fmt: skip
            if rnd.random() < 0.5:
                put(60, "request", kind="fetch", method="GET", url="/api/items/:id", click=press,
                    since_action_ms=40.0, status=200 if rnd.random() < 0.98 else 500,
                    duration_ms=120.0, first_party=True)  # fmt: skip
        elif what < 0.52:
            put(1500, "scroll", direction=rnd.choice(("up", "down")), px=rnd.uniform(60, 900),
                screens=rnd.uniform(0.1, 1), depth=0.5, pages=3.0)  # fmt: skip
        elif what < 0.66:
            put(4000, "field", form="checkout", field=rnd.choice(FIELDS), input_type="text",
                changed=True, keys=9, length=9, focus_ms=4000.0, invalid=rnd.random() < 0.05,
                cause="blur", target=rnd.choice(TARGETS))  # fmt: skip
        elif what < 0.80:
            dwell = rnd.uniform(3000, 60_000)
            put(200, "leave", kind="route", visible_ms=dwell)
            before, path = path, rnd.choice(PATHS)
            put(
                30,
                "page",
                nav="route",
                visible=True,
                referrer="same",
                from_path=before,
                dwell_ms=dwell,
            )
        elif what < 0.88:
            put(8000, "visibility", state=rnd.choice(("hidden", "visible")))
        elif what < 0.93:
            put(900, "message", kind="alert", severity="error", hash="h1")
        else:
            put(
                3000,
                "custom",
                name=rnd.choice(("cart", "search", "step")),
                props={"op": "add", "item": 7},
            )
    put(3000, "leave", kind="close", visible_ms=9000.0)
    return found
