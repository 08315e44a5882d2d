"""`stolper rules backtest` and `explain` on stored sessions, in threads and in processes."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from core.clock import SystemClock
from core.model import NewBatch, SessionQuery, Site
from core.sqlite import SqliteStore
from detector.drafts import read_texts
from detector.loader import shipped_rules
from stolper.cli import main
from stolper.history import backtest, draft_of
from tests.detector.helpers import Event, click, text

HOUR = 3_600_000
SESSIONS = 30

DRAFT = text(
    "match: {event: click, where: {target.key: pay, answered_ms: {exists: false}}, times: 2, within: 1s}",
    name="pay_twice",
)
SILENT = "version: 1\noverrides:\n  - {rule: rage_click, enabled: false}\n"


def presses(count: int) -> list[Event]:
    """Return presses on a dead button, as the collector hands them to the store."""
    found = []
    for n in range(count):
        event = {**click(n * 150, "pay", target={"interactive": True}), "i": n}
        found.append({k: v for k, v in event.items() if k not in ("ts", "page_load", "tab")})
    return found


def new_batch(session: str, events: Sequence[Event], seq: int = 0) -> NewBatch:
    """Return a batch of an hour ago."""
    now = SystemClock().now_ms()
    return NewBatch(
        "site", session, b"secret", f"load-{session}", "tab", seq, f"{session}{seq}".encode(), now,
        float(now - HOUR), list(events), (), {}, None, None, {"path": "/"}, (), b"", None,
    )  # fmt: skip


async def fill(store: SqliteStore) -> None:
    """Store sessions of 0 to 5 presses, all ended, and one that is open."""
    await store.add_site(Site("site", "shop", (), "full", "standard", 30 * 60_000, 0))
    for number in range(SESSIONS):
        await store.append(new_batch(f"s{number}", presses(number % 6)))
        await store.end_session(f"s{number}", "left")
    await store.append(new_batch("open", presses(5)))


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Return a data folder with sessions."""

    async def make() -> None:
        store = SqliteStore(tmp_path / "data", SystemClock())
        await store.open()
        await fill(store)
        await store.close()

    asyncio.run(make())
    return tmp_path / "data"


def run(*words: str | Path) -> Result:
    """Run `stolper rules` with *words*."""
    return CliRunner().invoke(main, ["rules", *(str(word) for word in words)])


def written(folder: Path, name: str, body: str) -> Path:
    """Write a file and return its path."""
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(body)
    return folder / name


def test_backtest_prints_what_a_new_rule_finds(data: Path, tmp_path: Path) -> None:
    """Every ended session with two presses or more is gained; the open one does not count."""
    result = run("backtest", written(tmp_path, "own.yaml", DRAFT), "--data", data)

    assert 0 == result.exit_code, result.output
    assert "own.yaml against the rules in force\n30 ended sessions, 75 events\n" in result.output
    assert ["pay_twice", "20", "0", "0"] == next(
        line.split() for line in result.output.splitlines() if line.startswith("pay_twice")
    )
    assert "the draft flags 20 of 30 sessions" in result.output
    assert " UTC  /  session s" in result.output
    assert not (data / "rules").exists()


def test_backtest_tells_programs_everything(data: Path, tmp_path: Path) -> None:
    """As JSON there are counts and examples per rule, also of rules that were replaced before."""
    file = written(tmp_path, "own.yaml", SILENT)

    found = json.loads(run("backtest", file, "--json", "--jobs", "1", "--data", data).output)

    assert (30, 0, 15) == (
        found["sessions"], found["rules"]["rage_click"]["gained"], found["rules"]["rage_click"]["lost"],
    )  # fmt: skip
    assert found["gained"] >= 15  # what it replaced stands by itself again
    example = found["rules"]["rage_click"]["examples"][0]
    assert ("lost", "rage_click", "pay", "/") == (
        example["change"], example["rule"], example["group"], example["page"],
    )  # fmt: skip


def test_backtest_replaces_the_file_of_the_same_name(data: Path, tmp_path: Path) -> None:
    """Against the own file in force, the draft of its name loses what only that one finds."""
    written(data / "rules", "own.yaml", DRAFT)
    other = DRAFT.replace("times: 2", "times: 4")

    result = run("backtest", written(tmp_path / "new", "own.yaml", other), "--data", data)

    # 10 sessions have 2 or 3 presses; the other 10 are flagged at a later press.
    assert ["pay_twice", "0", "10", "10"] == next(
        line.split()[:4] for line in result.output.splitlines() if line.startswith("pay_twice")
    )
    assert "(10 at another moment)" in result.output


def test_backtest_refuses_what_cannot_be(data: Path, tmp_path: Path) -> None:
    """A wrong draft, folder or site is one sentence and a bad exit."""
    good = written(tmp_path, "own.yaml", DRAFT)
    bad = written(tmp_path, "bad.yaml", DRAFT.replace("event: click", "event: clik"))

    for words, message in (
        ((bad, "--data", data), "unknown event 'clik'. Did you mean 'click'?"),
        ((good, "--data", tmp_path), "holds no Stolper data"),
        ((good, "--data", data, "--site", "nobody"), "there is no site 'nobody'"),
        ((tmp_path / "none.yaml", "--data", data), "cannot be read"),
    ):
        result = run("backtest", *words)
        assert (1, True) == (result.exit_code, message in result.output), result.output


async def test_processes_find_what_one_thread_finds(tmp_path: Path) -> None:
    """Judged here or by two workers, history comes to the same; progress ends with all of it."""
    store = SqliteStore(tmp_path, SystemClock())
    await store.open()
    await fill(store)
    draft = draft_of(read_texts([shipped_rules()]), "own.yaml", SILENT)
    told: list[tuple[int, int]] = []

    here, there = [
        await backtest(
            store, draft, SessionQuery(), data=tmp_path, flush_ms=5000, jobs=jobs,
            little_events=0, progress=lambda done, total: told.append((done, total)),
        )
        for jobs in (0, 2)
    ]  # fmt: skip
    await store.close()

    assert here.rules["rage_click"].lost > 0
    assert here == there
    assert (SESSIONS + 1, SESSIONS + 1) == told[-1]


KILLED = """
import asyncio, multiprocessing, os, signal, sys
from pathlib import Path

from core.clock import SystemClock
from core.model import SessionQuery
from core.sqlite import SqliteStore
from detector.drafts import read_texts
from detector.loader import shipped_rules
from stolper.history import backtest, draft_of


def killed(done, total):
    print(*(child.pid for child in multiprocessing.active_children()), flush=True)
    os.kill(os.getpid(), signal.SIGKILL)


async def main(data):
    store = SqliteStore(data, SystemClock())
    await store.open()
    draft = draft_of(read_texts([shipped_rules()]), "own.yaml", sys.argv[2])
    await backtest(
        store, draft, SessionQuery(), data=data, flush_ms=5000, jobs=2, little_events=0,
        progress=killed,
    )


asyncio.run(main(Path(sys.argv[1])))
"""


async def test_workers_end_with_their_server(data: Path) -> None:
    """A server that is killed in the middle of a draft leaves no process behind."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", KILLED, str(data), SILENT, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    workers = [int(word) for word in (await process.stdout.readline()).split()]
    await process.wait()
    for _ in range(100):
        left = [pid for pid in workers if _runs(pid)]
        if not left:
            break
        await asyncio.sleep(0.1)

    assert workers
    assert [] == left


def _runs(pid: int) -> bool:
    """Say whether *pid* is a process that has not ended; one that waits to be buried has."""
    try:
        return ") Z " not in Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False


async def test_command_works_while_the_folder_is_written_to(tmp_path: Path) -> None:
    """A second process with two workers reads beside the one that stores; nothing is lost."""
    store = SqliteStore(tmp_path / "data", SystemClock())
    await store.open()
    await fill(store)
    file = written(tmp_path, "own.yaml", DRAFT)
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "stolper.cli", "rules", "backtest", str(file), "--jobs", "2", "--json",
        "--data", str(tmp_path / "data"),
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    answers = []
    while process.returncode is None and len(answers) < 200:
        answers.append((await store.append(new_batch("busy", presses(1), len(answers)))).status)
        await asyncio.sleep(0.02)
    out, err = await process.communicate()
    stored = len(await store.batches("busy"))
    await store.close()

    assert (0, b"") == (process.returncode, err)
    assert 20 == json.loads(out)["gained"]
    assert {"stored"} == set(answers)
    assert len(answers) == stored


def test_explain_says_what_a_rule_waits_for_and_where_its_values_stand(data: Path) -> None:
    """Sentences from the form that is judged; an override is named with file and line."""
    written(
        data / "rules", "own.yaml",
        "version: 1\noverrides:\n  - rule: rage_click\n    params: {presses: 7}\n",
    )  # fmt: skip

    result = run("explain", "rage_click", "--data", data)

    assert 0 == result.exit_code
    assert "Fires at 7 × click where trusted: true" in result.output
    assert "presses: 4  (" in result.output
    assert "rules/own.yaml:4)" in result.output.split("presses: 7", 1)[1].splitlines()[0]
    assert "rage_click.yaml" in result.output


def test_explain_of_a_session_names_flag_or_nearest_miss(data: Path) -> None:
    """Five presses: the flag and its events. Two presses: how many of how many came."""
    flagged = run("explain", "rage_click", "--session", "s5", "--data", data)
    missed = run("explain", "rage_click", "--session", "s2", "--data", data)
    replaced = run("explain", "dead_click", "--session", "s5", "--json", "--data", data)

    assert "rage_click flags session s5 once\nat +0.3 s on 'pay' (high, 3 hits): " in flagged.output
    assert "✓ +0 s click 'pay' (load-s5:0): trusted: true (is true); " in flagged.output
    assert "rage_click does not flag session s2:\nat most 2 of 4 came within 1s" in missed.output
    assert "replaced by rage_click" in json.loads(replaced.output)["miss"]["text"]


def test_explain_of_what_is_not_there(data: Path) -> None:
    """An unknown rule gets the nearest name, a session or a rule that is off one sentence."""
    written(data / "rules", "own.yaml", SILENT)

    for words, message in (
        (("rage_clik",), "Did you mean 'rage_click'?"),
        (("dead_click", "--session", "nobody"), "there is no session 'nobody'"),
        (("rage_click", "--session", "s5"), "the rule 'rage_click' is switched off"),
    ):
        result = run("explain", *words, "--data", data)
        assert (1, True) == (result.exit_code, message in result.output), result.output
    assert "It is switched off." in run("explain", "rage_click", "--data", data).output


def test_what_browsers_sent_does_not_steer_the_terminal(data: Path) -> None:
    """A key with escape sequences, as anyone can send, is printed as text."""
    key = "pay\x1b]0;owned\x07\x1b[2J\x9b31m\u202e"

    async def visit() -> None:
        store = SqliteStore(data, SystemClock())
        await store.open()
        events = [{**event, "target": {**event["target"], "key": key}} for event in presses(5)]
        await store.append(new_batch("hostile", events))
        await store.end_session("hostile", "left")
        await store.close()

    asyncio.run(visit())
    outputs = [
        run("explain", "rage_click", "--session", "hostile", "--data", data).output,
        run(
            "backtest",
            written(data.parent / "d", "off.yaml", SILENT),
            "--examples",
            "20",
            "--data",
            data,
        ).output,
    ]

    for output in outputs:
        assert "pay\\u001b]0;owned\\u0007" in output, output
        assert not {"\x1b", "\x07", "\x9b", "\u202e"} & set(output)
