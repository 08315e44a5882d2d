"""
The worked examples of the language's design, and what stands at its edges: derived events,
overrides for a place, warnings.

The examples are adapted only where the design's text leaves out what a test needs.
"""

from __future__ import annotations

import pytest

from detector.rule import RuleSet
from tests.detector.helpers import at, click, fired, issues, judge, rules, run_examples, text

WORKED = r"""version: 1
lists:
  repeats_are_fine: [".qty-plus", "[data-stolper-ignore~=rage_click]"]
macros:
  refused_submit: {event: form, where: {outcome: refused}}
processes:
  internal_demo: {steps: {begun: {event: page, where: {path: /demo}}, ended: {event: page, where: {path: /demo/end}}}}
  checkout:
    start: basket
    steps:
      basket:    {event: page, where: {path: {glob: "/basket*"}}}
      address:   {event: page, where: {path: /checkout/address}}
      payment:   {event: page, where: {path: /checkout/payment}}
      confirmed: {event: custom, where: {name: order_placed}}
rules:
  - id: rage_click                      # 1: many presses that are not each answered at once
    title: {en: Rage click, de: Wutklick}
    severity: high
    params: {presses: 4, span: 1s}
    match:
      event: click
      where: {target.editable: false, target.tag: {none_of: [canvas, video, audio, embed]}, selection_changed: false}
      times: $presses
      within: $span
      same: target
      near: 30px
      share: {where: {answered_ms: {lte: 300}}, lte: 0.59}     # else the burst is productive (stepper, carousel)
    except: {target: $repeats_are_fine}
    suppresses: [dead_click]
    thresholds:
      - {when: {answered_ms: {exists: false}}, set: {times: 3, within: 2s}}
      - {when: {target.disabled: true}, set: {times: 3, within: 2s}}
      - {when: {pointer: touch}, set: {within: 1200ms}}
      - {when: {path: {glob: "/game/*"}}, set: {times: 12}}
    flag: burst
    cooldown: 30s

  - id: dead_click                      # 2: one event tells it all: no near reaction, nothing pending
    title: {en: Click without an answer, de: Klick ohne Antwort}
    severity: low
    match: {event: click, where: {target.interactive: true, target.disabled: false, answered_ms: {exists: false}, pending: false, cut: {not: true}}}
    group: target.key

  - id: error_click                     # 3
    title: {en: Click followed by a script error, de: Klick mit Skriptfehler}
    severity: high
    sequence:
      - {event: click, as: c}
      - {event: error, as: e, within: 1s, where: {first_party: true}}
    group: c.target.key
    capture: {message: e.message}

  - id: validation_loop                 # 4
    title: {en: Same field refused again and again, de: Feld wird immer wieder abgelehnt}
    severity: high
    match: {event: field, where: {invalid: true}, times: 3, within: 5m, same: field}
    until: {event: form, where: {outcome: accepted}}
    capture: {form: last(field).form, flags: last(field).invalid_flags}

  - id: form_cleared                    # 5
    title: {en: Form cleared and filled in again, de: Formular geleert und neu ausgefüllt}
    severity: medium
    sequence:
      - {event: form, as: s, where: {outcome: refused}}
      - {event: field, within: 5m, where: {form: {same_as: s.form}, cleared: true}}
      - {event: field, within: 2m, where: {form: {same_as: s.form}, changed: true}}
    group: s.form

  - id: checkout_abandon                # 6
    title: {en: Checkout abandoned, de: Kauf abgebrochen}
    severity: high
    process: {use: checkout, reached: payment, not: confirmed, within: 30m, or_end: true}
    capture:
      last_step: process.last_step
      last_error: last(error).message
      last_invalid: last(field).field

  - id: checkout_abandon_after_struggle # 6b: rules on rules
    title: {en: Checkout abandoned after a struggle, de: Kauf nach Ärger abgebrochen}
    severity: critical
    sequence:
      - {event: flag, as: f, where: {severity: [medium, high, critical]}}
      - {event: flag, within: 31m, where: {rule: checkout_abandon}}
    suppresses: [checkout_abandon]

  - id: coupon_fail                     # 7
    title: {en: Coupons refused, de: Gutscheine abgelehnt}
    severity: medium
    match: {event: custom, where: {name: coupon, props.ok: false}, times: 2, within: 3m}

  - id: login_fail_loop                 # 8
    title: {en: Cannot sign in, de: Anmeldung scheitert}
    severity: high
    match: {event: custom, where: {name: login, props.result: failed}, times: 3, within: 5m}
    until: {event: custom, where: {name: login, props.result: ok}}

  - id: slow_page                       # 9
    title: {en: "Slow page, then left", de: "Langsame Seite, dann weg"}
    severity: medium
    sequence:
      - {event: vitals, as: v, where: {lcp_ms: {gt: 4000}}}
      - {event: session_end, within: 10s}
    until: page
    group: v.path

  - id: ping_pong                       # 10
    title: {en: Back and forth between two pages, de: Hin und her zwischen zwei Seiten}
    severity: low
    match: {event: page, alternates: path, times: 4, within: 2m}

  - id: search_no_result                # 11
    title: {en: Searches that find nothing, de: Suche ohne Treffer}
    severity: medium
    match: {event: custom, where: {name: search, props.results: 0}, times: 2, within: 5m, distinct: props.query_hash}
    until: {event: custom, where: {name: search, props.results: {gt: 0}}}

  - id: payment_decline                 # 12
    title: {en: "Payment refused, then left", de: "Zahlung abgelehnt, dann weg"}
    severity: critical
    sequence:
      - {event: custom, as: d, where: {name: payment, props.result: declined}, times: 2, within: 15m}
      - {absent: {event: custom, where: {name: order_placed}}, within: 15m, or_end: true}
    capture: {code: d.props.code}

  - id: big_quote_dropped               # 13: a site's own business event
    title: Large quote not sent
    severity: high
    scope: {segment: [business, reseller]}
    except: {target: ["#print-quote"], process: [internal_demo]}
    sequence:
      - {event: custom, as: q, where: {name: quote_built, props.total: {gte: 5000}, props.currency: [EUR, USD]}}
      - {absent: {event: custom, where: {name: quote_sent, props.quote_id: {same_as: q.props.quote_id}}}, within: 20m, or_end: true}
    capture: {total: q.props.total}

tests:
  - {rule: rage_click, name: four slow answers, events: [{at: 0s, event: click, target.key: a, target.tag: a, answered_ms: 900, x: 4, every: 250ms}], expect: [{at: 750ms, group: a, severity: high}]}
  - {rule: rage_click, name: a stepper, events: [{at: 0s, event: click, target.key: a, target.tag: a, answered_ms: 20, x: 6, every: 150ms}], expect: []}
  - {rule: rage_click, name: none answered, events: [{at: 0s, event: click, target.key: a, target.tag: a, x: 3, every: 900ms}], expect: [{at: 1800ms}]}
  - {rule: rage_click, name: where repeats are fine, events: [{at: 0s, event: click, target: {key: a, tag: a, path: [{tag: a, classes: [qty-plus]}]}, x: 4, every: 100ms}], expect: []}
  - {rule: dead_click, name: no answer, events: [{at: 0s, event: click, target: {key: a, interactive: true}}], expect: [{group: a}]}
  - {rule: dead_click, name: pending, events: [{at: 0s, event: click, target: {key: a, interactive: true}, pending: true}], expect: []}
  - {rule: error_click, name: at once, events: [{at: 0s, event: click, target.key: a}, {at: 1s, event: error, first_party: true, message: m}], expect: [{at: 1s, group: a, capture: {message: m}}]}
  - {rule: error_click, name: later, events: [{at: 0s, event: click, target.key: a}, {at: 1001ms, event: error, first_party: true}], expect: []}
  - {rule: validation_loop, name: three refusals flag the field, events: [{at: 0s, event: field, field: zip, invalid: true, form: f, x: 3, every: 2s}], expect: [{at: 4s, group: zip, severity: high, capture: {form: f}}]}
  - rule: validation_loop
    name: an accepted form starts over
    events:
      - {at: 0s, event: field, field: zip, invalid: true, x: 2, every: 2s}
      - {at: 5s, event: form, outcome: accepted}
      - {at: 9s, event: field, field: zip, invalid: true}
    expect: []
  - rule: form_cleared
    name: cleared and changed
    events: [{at: 0s, event: form, form: f, outcome: refused}, {at: 9s, event: field, form: f, cleared: true}, {at: 19s, event: field, form: f, changed: true}]
    expect: [{at: 19s, group: f}]
  - rule: form_cleared
    name: another form
    events: [{at: 0s, event: form, form: f, outcome: refused}, {at: 9s, event: field, form: g, cleared: true}, {at: 19s, event: field, form: g, changed: true}]
    expect: []
  - rule: checkout_abandon
    name: idle for half an hour
    events: [{at: 0s, event: page, path: /checkout/payment}, {at: 31m, tick: true}]
    expect: [{at: 30m, capture: {last_step: payment}}]
  - rule: checkout_abandon
    name: ordered
    events: [{at: 0s, event: page, path: /checkout/payment}, {at: 1m, event: custom, name: order_placed}, {at: 31m, tick: true}]
    expect: []
  - rule: checkout_abandon_after_struggle
    name: an error first
    events: [{at: 0s, event: page, path: /checkout/payment}, {at: 1s, event: click}, {at: 2s, event: error, first_party: true}, {at: 31m, tick: true}]
    expect: [{at: 30m, severity: critical}]
  - {rule: checkout_abandon_after_struggle, name: no struggle, events: [{at: 0s, event: page, path: /checkout/payment}, {at: 31m, tick: true}], expect: []}
  - {rule: coupon_fail, name: two, events: [{at: 0s, event: custom, name: coupon, props: {ok: false}, x: 2, every: 3m}], expect: [{at: 3m}]}
  - {rule: coupon_fail, name: one worked, events: [{at: 0s, event: custom, name: coupon, props: {ok: false}}, {at: 1s, event: custom, name: coupon, props: {ok: true}}], expect: []}
  - {rule: login_fail_loop, name: three, events: [{at: 0s, event: custom, name: login, props: {result: failed}, x: 3}], expect: [{at: 2s}]}
  - {rule: login_fail_loop, name: in at last, events: [{at: 0s, event: custom, name: login, props: {result: failed}, x: 2}, {at: 3s, event: custom, name: login, props: {result: ok}}, {at: 4s, event: custom, name: login, props: {result: failed}}], expect: []}
  - {rule: slow_page, name: left, events: [{at: 0s, event: vitals, path: /p, lcp_ms: 4001}, {at: 10s, event: session_end}], expect: [{at: 10s, group: /p}]}
  - {rule: slow_page, name: went on, events: [{at: 0s, event: vitals, lcp_ms: 4001}, {at: 5s, event: page}, {at: 10s, event: session_end}], expect: []}
  - {rule: ping_pong, name: A B A B, events: [{at: 0s, event: page, path: /a, x: 2, every: 20s}, {at: 10s, event: page, path: /b, x: 2, every: 20s}], expect: [{at: 30s}]}
  - {rule: ping_pong, name: A A B B, events: [{at: 0s, event: page, path: /a, x: 2}, {at: 10s, event: page, path: /b, x: 2}], expect: []}
  - {rule: search_no_result, name: two, events: [{at: 0s, event: custom, name: search, props: {results: 0, query_hash: a}}, {at: 5m, event: custom, name: search, props: {results: 0, query_hash: b}}], expect: [{at: 5m}]}
  - {rule: search_no_result, name: one twice, events: [{at: 0s, event: custom, name: search, props: {results: 0, query_hash: a}, x: 2}], expect: []}
  - {rule: payment_decline, name: gone, events: [{at: 0s, event: custom, name: payment, props: {result: declined, code: c5}, x: 2}, {at: 9s, event: session_end}], expect: [{at: 9s, capture: {code: c5}}]}
  - {rule: payment_decline, name: paid, events: [{at: 0s, event: custom, name: payment, props: {result: declined}, x: 2}, {at: 9s, event: custom, name: order_placed}, {at: 1h, tick: true}], expect: []}
  - {rule: big_quote_dropped, name: dropped, session: {segment: business}, events: [{at: 0s, event: custom, name: quote_built, props: {total: 5000, currency: EUR, quote_id: q}}, {at: 1m, event: custom, name: quote_sent, props: {quote_id: p}}, {at: 1h, tick: true}], expect: [{at: 20m, capture: {total: 5000}}]}
  - {rule: big_quote_dropped, name: sent, session: {segment: business}, events: [{at: 0s, event: custom, name: quote_built, props: {total: 5000, currency: EUR, quote_id: q}}, {at: 20m, event: custom, name: quote_sent, props: {quote_id: q}}, {at: 1h, tick: true}], expect: []}
  - {rule: big_quote_dropped, name: while it is shown, session: {segment: business}, events: [{at: 0s, event: page, path: /demo}, {at: 1s, event: custom, name: quote_built, props: {total: 5000, currency: EUR, quote_id: q}}, {at: 1h, tick: true}], expect: []}
"""


def test_worked_examples_do_what_they_say() -> None:
    """
    All examples of the design load, and each fires and stays silent as told.

    One exception of example 13 cannot do anything, which is a warning.
    """
    set_ = rules(WORKED)
    outcomes = run_examples(set_)

    assert ["'target' does nothing here: no event of the rule (custom) has a target."] == [
        issue.message.removesuffix(" Use path or process.") for issue in issues(WORKED)
    ]
    assert [] == [(o.example.rule, o.example.name, o.failure) for o in outcomes if o.failure]
    assert {rule.id for rule in set_.rules} == {o.example.rule for o in outcomes if o.fires}
    assert {rule.id for rule in set_.rules} == {o.example.rule for o in outcomes if not o.fires}


def mapped(mapping: str, where: str = "{}") -> RuleSet:
    """Return the set of a rule on `custom` events and one *mapping*."""
    return rules(
        text(
            f"match: {{event: custom, where: {where}}}\nflag: every\ncooldown: 1ms\n"
            "capture: {name: name, a: props.a, b: props.b}",
            top=f"mappings:\n  - {mapping}",
        )
    )


def test_mapping_copies_fields_of_its_source() -> None:
    """A prop is copied as it is; an absent field is left out, an absent bool is false."""
    set_ = mapped(
        "{from: request, to: {name: n, props: {a: {from: status}, b: {from: aborted}, c: 1}}}"
    )

    first, second = judge(set_, [at(0, "request", status=402, aborted=True), at(1, "request")])

    assert {"name": "n", "a": 402, "b": True} == first.captures
    assert {"name": "n", "a": None, "b": False} == {
        key: second.captures.get(key) for key in ("name", "a", "b")
    }


def test_mapping_of_custom_events_never_feeds_itself() -> None:
    """A mapping from `custom` to `custom` derives one event for each that was sent, and ends."""
    set_ = mapped("{from: custom, to: {name: n}}")

    found = judge(set_, [at(0, "custom", name="sent"), at(5, "custom", name="sent")])

    assert [2, 2] == [flag.hits for flag in found]


@pytest.mark.parametrize(
    ("on", "event", "fits"),
    [
        ("{path: '/thanks*'}", at(0, "page", path="/thanks/1"), True),
        ("{path: '/thanks*'}", at(0, "page", path="/"), False),
        ("{url: /api/pay}", at(0, "request", url="/api/pay"), True),
        ("{message: '*declined*'}", at(0, "error", message="card declined!"), True),
        ("{message: '*declined*'}", at(0, "message", words="card declined!"), True),
        ("{message: '*declined*'}", at(0, "console", text="card declined!"), True),
        ("{message: '*declined*'}", at(0, "console", text="paid"), False),
        ("{target: '#pay'}", click(0, target_path=[{"tag": "a", "id": "pay"}]), True),
        ("{target: '#pay', path: /x}", click(0, target_path=[{"tag": "a", "id": "pay"}]), False),
    ],
)
def test_patterns_of_a_mapping(on: str, event: dict[str, object], fits: bool) -> None:
    """`on` looks at path, url, the text of errors, messages and console, and at targets."""
    set_ = mapped(f"{{from: {event['type']}, on: {on}, to: {{name: n}}}}")

    assert fits == bool(fired(set_, [event]))


PLACES = """version: 1
rules:
  - id: x
    title: X
    severity: medium
    sequence:
      - {event: click}
      - {event: [error, click], within: 5s}
overrides:
  - {rule: x, for: {path: "/a*", target: "#b"}, severity: info}
"""


@pytest.mark.parametrize(
    ("path", "id_", "severity"),
    [("/a1", "b", "info"), ("/a1", "c", "medium"), ("/z", "b", "medium"), ("/z", "c", "medium")],
)
def test_override_for_a_place_takes_each_hit_once(path: str, id_: str, severity: str) -> None:
    """Where a hit begins says which severity it has; its other events may lie anywhere."""
    events = [
        click(0, path=path, target_path=[{"tag": "a", "id": id_}]),
        at(1000, "error", path="/a2"),
    ]

    assert [severity] == [flag.severity for flag in judge(rules(PLACES), events)]


WARNED = {
    "an until that clears what is counted": (
        text("match: {event: click, where: {trusted: true}, times: 3}\nuntil: click"),
        "7:5 this rule can never fire: 'until' takes every event that is counted",
    ),
    "more distinct values than there are": (
        text("match: {event: click, times: 5, distinct: pointer}"),
        "6:37 this rule can never fire: 'pointer' has only 4 values, but 5 different",
    ),
    "a share that is none": (
        text(
            "match: {event: click, times: 5, share: {where: {pending: true}, gte: 0.6, lte: 0.4}}"
        ),
        "6:37 this rule can never fire: no share is above gte and below lte at once.",
    ),
    "a step after the end": (
        text("sequence:\n  - session_end\n  - click"),
        "7:9 this rule can never fire: nothing comes after session_end.",
    ),
    "a step that is forbidden": (
        text("sequence:\n  - click\n  - {absent: page, within: 9s}\n  - {event: page, within: 9s}"),
        "9:9 this step can never come: the 'absent' before it forbids it",
    ),
    "a threshold behind its like": (
        text(
            "match: {event: click, times: 3}\nthresholds:\n"
            "  - {when: {pending: true}, set: {times: 2}}\n"
            "  - {when: {pending: true}, set: {times: 4}}"
        ),
        "9:9 this threshold is never reached: one above it fits the same events.",
    ),
    "a threshold that sets nothing": (
        text("match: {event: click, times: 3}\nthresholds:\n  - {when: {pending: true}, set: {}}"),
        "8:9 this threshold sets nothing.",
    ),
    "limits that exclude one another": (
        text("match: {event: click, where: {answered_ms: {gt: 5s, lt: 3s}}}"),
        "no value of 'answered_ms' meets all of this. Swap the limits.",
    ),
    "an exception that cannot be told": (
        text("match: error\nexcept: {target: '#a'}"),
        "7:14 'target' does nothing here: no event of the rule (error) has a target.",
    ),
    "flags of no rule": (
        text("match: {event: flag, where: {rule: rage_klick}}"),
        "rule 'x' waits for flags of 'rage_klick', which raises none.",
    ),
    "suppressing itself": (
        text("match: click\nsuppresses: [x]"),
        "a rule does not suppress its own flags.",
    ),
    "an override that changes nothing": (
        text("match: click") + "overrides:\n  - {rule: x}\n",
        "8:5 this override changes nothing. Add one of enabled,",
    ),
    "an override to the same severity": (
        text("match: click\nseverity: low") + "overrides:\n  - {rule: x, severity: low}\n",
        "this override changes nothing: the rule has severity low already.",
    ),
    "an override for a place that cannot be told": (
        text("match: error") + "overrides:\n  - {rule: x, for: {target: '#a'}, severity: low}\n",
        "this override changes nothing: rule 'x' begins with error, which cannot tell that place.",
    ),
}


@pytest.mark.parametrize("case", WARNED)
def test_what_never_works_is_a_warning(case: str) -> None:
    """What can be loaded but cannot do what its author hopes is told, at its place."""
    source, expected = WARNED[case]
    found = issues(source)

    assert {"warning"} == {issue.level for issue in found}, found
    assert any(expected in f"{i.line}:{i.column} {i.message}" for i in found), [
        str(i) for i in found
    ]


def test_ids_that_mean_something_else_are_refused() -> None:
    """A rule `all` could not be told from all rules, `edit` would have no page."""
    found = [issues(text("match: click", name=name)) for name in ("all", "edit")]

    assert ["Write e.g. my_all.", "Write e.g. my_edit."] == [
        str(issue.message).partition(" already. ")[2] for [issue] in found
    ]


SILENT = (
    text("match: {event: click, times: 3}\nuntil: {event: click, where: {trusted: false}}"),
    text("sequence:\n  - click\n  - {absent: page, within: 9s}\n  - {event: page, within: 10s}"),
    text("sequence:\n  - click\n  - {absent: click, within: 9s}"),
    text("match: {event: click, times: 4, distinct: pointer}"),
    text("match: {event: [click, error]}\nexcept: {target: '#a'}"),
    text("match: {event: click, where: {x: {gte: 3, lte: 3}}}"),
)


@pytest.mark.parametrize("source", SILENT)
def test_what_works_is_no_warning(source: str) -> None:
    """What looks like a mistake and is none stays without a word."""
    assert [] == [str(issue) for issue in issues(source)]
