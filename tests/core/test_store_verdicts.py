"""The contract of core/store.py on every implementation: flags, struggles, scores, rule versions."""

from __future__ import annotations

from core.model import (
    RuleVersion,
    Score,
    ScoreTerm,
    SessionQuery,
    Verdicts,
)
from core.store import Store
from tests.core.support import NOON, ManualClock, batch, flag, session_of, stored


async def test_flags_come_back_as_they_were(store: Store) -> None:
    """A flag survives with all its fields, and the session's row tells of it."""
    await stored(store, batch())
    low = flag("flag-2", rule="dead_click", severity="low", at_ms=NOON + 100.0, target=None)
    await store.commit_verdicts([Verdicts("session-a", 1, (flag(), low))])

    assert [low, flag()] == await store.flags("session-a")
    assert 1 == await store.checkpoint()
    session = await session_of(store)
    assert (2, "high", ("rage_click", "dead_click")) == (
        session.flags,
        session.top_severity,
        session.rules,
    )


async def test_writing_verdicts_again_changes_nothing(store: Store) -> None:
    """commit_verdicts is idempotent, and an old position never moves the checkpoint back."""
    await stored(store, batch())
    verdicts = [Verdicts("session-a", 9, (flag(),), replace=True, reason="r")]
    await store.commit_verdicts(verdicts)
    before = (await store.flags("session-a", withdrawn=True), await session_of(store))
    await store.commit_verdicts(verdicts)
    await store.commit_verdicts([Verdicts("session-a", 3, ()), Verdicts("session-a", 0, ())])

    assert before == (await store.flags("session-a", withdrawn=True), await session_of(store))
    assert 9 == await store.checkpoint()


async def test_a_final_judgement_withdraws_the_others(store: Store) -> None:
    """With replace, flags that are not repeated are withdrawn with the reason; and may return."""
    await stored(store, batch())
    await store.commit_verdicts([Verdicts("session-a", 1, (flag(), flag("flag-2")))])
    final = flag(provisional=False)
    await store.commit_verdicts([Verdicts("session-a", 2, (final,), True, "came late")])

    assert [final] == await store.flags("session-a")
    assert [final, flag("flag-2", withdrawn="came late")] == await store.flags(
        "session-a", withdrawn=True
    )
    assert 1 == (await session_of(store)).flags
    await store.commit_verdicts([Verdicts("session-a", 3, (final, flag("flag-2")), True, "")])
    assert [final, flag("flag-2")] == await store.flags("session-a")


async def test_withdrawing_all_flags_clears_the_session(store: Store) -> None:
    """A session whose flags are all withdrawn looks unflagged, and its struggle is gone."""
    await stored(store, batch())
    await store.commit_verdicts([Verdicts("session-a", 1, (flag(),))])
    await store.commit_verdicts([Verdicts("session-a", 1, (), True, "not repeated")])
    session = await session_of(store)

    assert (0, None, ()) == (session.flags, session.top_severity, session.rules)
    assert [] == await store.struggles()


async def test_struggles_group_by_rule_and_target_or_page(store: Store) -> None:
    """One struggle per rule and target key; without a target, per page; most sessions first."""
    for n in range(3):
        await stored(store, batch(f"s{n}"))
        at = float(NOON + n)
        await store.commit_verdicts(
            [
                Verdicts(
                    f"s{n}",
                    0,
                    (
                        flag(f"pay-{n}", f"s{n}", page=f"/checkout/{n}", at_ms=at),
                        flag(f"pay-{n}-b", f"s{n}", at_ms=at),
                        flag(f"page-{n}", f"s{n}", target=None, page=f"/{n % 2}", at_ms=at),
                    ),
                )
            ]
        )
    found = await store.struggles()

    assert [(3, 6), (2, 2), (1, 1)] == [(s.sessions, s.flags) for s in found]
    assert ["#pay", None, None] == [(s.target or {}).get("key") for s in found]
    assert [(NOON, NOON + 2), (NOON, NOON + 2), (NOON + 1, NOON + 1)] == [
        (s.first_ms, s.last_ms) for s in found
    ]
    assert "s2" == found[0].example_session
    assert found[0] == await store.struggle(found[0].key)
    assert None is await store.struggle("nothing")
    assert found[:1] == await store.struggles(limit=1)
    assert [] == await store.struggles(site="nobody")
    assert found == await store.struggles(site="shop")


async def test_a_trend_counts_sessions_in_14_buckets(store: Store, clock: ManualClock) -> None:
    """The buckets span since_ms to now; each session counts once in a bucket."""
    day = 86_400_000
    for n, days in enumerate((0, 0, 3, 13)):
        await stored(store, batch(f"s{n}"))
        at = float(NOON + days * day + 1)
        flags = (flag(f"a{n}", f"s{n}", at_ms=at), flag(f"b{n}", f"s{n}", at_ms=at + 1))
        await store.commit_verdicts([Verdicts(f"s{n}", 0, flags)])
    clock.advance(14 * day)
    (struggle,) = await store.struggles(since_ms=NOON)

    assert (2, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1) == struggle.trend
    (recent,) = await store.struggles(since_ms=NOON + day)
    assert 2 == recent.sessions == sum(recent.trend)


async def test_verdicts_on_an_unknown_session_leave_nothing(store: Store) -> None:
    """A flag of a session that is not there (any more) is not kept; the checkpoint moves."""
    await store.commit_verdicts([Verdicts("nobody", 4, (flag("f", "nobody"),))])

    assert [] == await store.flags("nobody")
    assert [] == await store.struggles()
    assert 4 == await store.checkpoint()


async def test_an_ended_session_waits_for_its_final_verdict(store: Store) -> None:
    """From its end until a final verdict; provisional ones do not count, a new end asks again."""
    await stored(store, batch("s1"), batch("s2", origin_ms=float(NOON)))

    async def waiting() -> list[str]:
        return [session.id for session in await store.unjudged_sessions()]

    assert [] == await waiting()
    for session in ("s2", "s1"):
        await store.end_session(session, "idle")
    assert ["s1", "s2"] == await waiting()
    await store.commit_verdicts([Verdicts("s1", 1, ()), Verdicts("s2", 2, (), True, final=True)])
    assert ["s1"] == await waiting()
    await stored(store, batch("s2", 1))
    assert ["s1"] == await waiting()
    await store.end_session("s2", "idle")
    assert ["s1", "s2"] == await waiting()


async def test_scores_are_kept_and_sessions_ordered_by_them(store: Store) -> None:
    """A score comes back with its terms; sessions are listed and counted by it."""
    term = ScoreTerm(
        "flag-1", "rage_click", "v1", "#pay", NOON + 0.5, 6.0, 1, 1.0, {"critical": 1.5}, 1.0, 9.0
    )
    for name, value in (("session-a", 53), ("session-b", 80), ("session-c", None)):
        await store.append(batch(name))
        if value is not None:
            score = Score(value, 9.0, (term,))
            await store.commit_verdicts([Verdicts(name, 0, (), score=score)])
    await store.commit_verdicts([Verdicts("session-a", 0, ())])  # says nothing of the score

    assert Score(53, 9.0, (term,)) == await store.score("session-a")
    assert None is await store.score("session-c")
    by_score = await store.sessions(SessionQuery(order="score"))
    assert [("session-b", 80), ("session-a", 53), ("session-c", None)] == [
        (session.id, session.score) for session in by_score
    ]
    high = SessionQuery(score_min=50, score_max=74)
    assert ["session-a"] == [session.id for session in await store.sessions(high)]
    assert 1 == await store.count_sessions(high)


async def test_rule_versions_are_a_history(store: Store) -> None:
    """A version is kept with author and reason when it comes in force, once; going off is, too."""

    def version(rule: str, hash_: str, at: int, reason: str = "") -> RuleVersion:
        return RuleVersion(rule, hash_, f"text of {hash_}", at, "owner", reason)

    first = [version("a", "v1", 1, "first"), version("b", "w1", 1)]
    await store.put_in_force(first, {"own.yaml": "1"})
    await store.put_in_force([version("a", "v1", 2, "again"), version("b", "w2", 2)], {})
    await store.put_in_force([version("b", "w1", 3, "back")], {"x.yaml": "3"})

    off = RuleVersion("a", "off", "", 3, "owner", "back")
    assert [off, first[0]] == await store.rule_versions("a")
    assert ["w1", "w2", "w1"] == [one.version for one in await store.rule_versions("b")]
    assert {"x.yaml": "3"} == await store.rule_files()


async def test_rule_uses_count_flags_and_sessions_of_a_span(store: Store) -> None:
    """Only sessions that began in the span, of that site, and flags that stand, count."""
    for name in ("session-a", "session-b"):
        await store.append(batch(name))
    flags = (flag("f1"), flag("f2", group="#x"), flag("f3", rule="dead_click", withdrawn="no"))
    await store.commit_verdicts([Verdicts("session-a", 0, flags)])

    assert ({"rage_click": (2, 1)}, 2) == await store.rule_uses(0)
    assert ({"rage_click": (2, 1)}, 2) == await store.rule_uses(0, site="shop")
    assert ({}, 0) == await store.rule_uses(0, site="other")
    assert ({}, 0) == await store.rule_uses(NOON + 1)


# Accounts, life
