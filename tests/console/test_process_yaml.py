"""Processes as forms change them: what is kept to the byte, what is written, what is refused."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from console.process_form import (
    MOST_STEPS,
    FormStep,
    ProcessForm,
    arranged,
    knows,
    posted,
    read,
    values,
)
from console.process_yaml import declared, shown, with_process, without_process
from console.rule_yaml import NotSimple

FILE = """\
# Ours; ask Ina before you change it.
version: 1
macros:
  shown: {event: page, where: {visible: true}}
processes:
  # The way to an order.
  order:
    title: {en: Order, de: Bestellung}  # as on the page
    labels:
      pay: Pay   # short
    steps:
      # where it begins
      basket: {event: page, where: {path: {glob: "/*/basket"}}}
      terms:
        event: $shown   # a macro
      pay: {event: click, where: {target: "#pay"}}  # the button
      placed: {event: custom, where: {name: order_placed}}
    value: props.total
    time_limit: 1h  # patience

  # Another one.
  other:
    steps: {a: {event: page, where: {path: /a}}, b: {event: page, where: {path: /b}}}
rules: []  # none yet
"""


def form(name: str = "order", text: str = FILE) -> ProcessForm:
    """Return the form of the process *name*."""
    return read(declared(text)[name])


def saved(changed: ProcessForm, name: str = "order", text: str = FILE) -> str:
    """Return the file with the process *name* as *changed*."""
    return with_process(text, name, values(changed, declared(text).get(name, {})))


def diff(after: str, before: str = FILE) -> tuple[list[str], list[str]]:
    """Return the lines that went, and those that came."""
    old, new = before.splitlines(), after.splitlines()
    gone = [line.strip() for line in old if line not in new]
    return gone, [line.strip() for line in new if line not in old]


def test_what_is_not_changed_stays_to_the_byte() -> None:
    """Opening and saving a form writes the file that was read."""
    assert FILE == saved(form())


def test_lines_end_as_those_of_the_file_do() -> None:
    """A file that was written on Windows has no lines of two kinds after a change."""
    text = FILE.replace("\n", "\r\n")
    after = saved(replace(form(text=text), en="Purchase", limit="2h"), text=text)

    assert saved(replace(form(), en="Purchase", limit="2h")).replace("\n", "\r\n") == after


def test_a_tab_before_a_comment_is_no_hindrance() -> None:
    """Rules are read with it, so the process is shown and changed, too; the tab stays."""
    text = FILE.replace("  # the button", "\t# the button").replace("   # short", "\t# short")

    assert "\t# the button" in shown(text, "order")
    assert "\t# the button" in saved(replace(form(text=text), en="Purchase"), text=text)
    assert "\t# the button" not in without_process(text, "order")
    assert FILE == saved(form("other"), "other")


def test_a_form_shows_what_is_declared() -> None:
    """Paths, selectors and events have fields; a matcher of another shape is kept and shown as it is."""
    found = form()

    assert ("Order", "Bestellung", None, "props.total", "1h") == (
        found.en, found.de, found.goal, found.value, found.limit,
    )  # fmt: skip
    assert [
        ("page", "/*/basket", "basket"),
        ("other", "{event: $shown}", "terms"),
        ("click", "#pay", "pay"),
        ("custom", "order_placed", "placed"),
    ] == [(one.kind, one.what, one.origin) for one in found.steps]


def test_a_changed_step_keeps_its_comments_and_the_rest() -> None:
    """Another element for a step is one other line."""
    found = form()
    steps = list(found.steps)
    steps[2] = replace(steps[2], what="button.buy")

    assert (
        ['pay: {event: click, where: {target: "#pay"}}  # the button'],
        ["pay: {event: click, where: {target: button.buy}}  # the button"],
    ) == diff(saved(replace(found, steps=tuple(steps))))


def test_steps_move_with_their_comments() -> None:
    """Up and down change the order of lines and nothing else."""
    moved = arranged(form(), "down-0")
    assert moved is not None
    text = saved(moved)

    assert sorted(FILE.splitlines()) == sorted(text.splitlines())
    assert ["terms", "basket", "pay", "placed"] == list(declared(text)["order"]["steps"])
    assert "      # where it begins\n      basket:" in text


def test_steps_come_and_go() -> None:
    """A step that is removed takes its label along; a new one is called by an id made of its title."""
    fewer = arranged(form(), "remove-2")
    assert fewer is not None
    steps = (*fewer.steps[:2], FormStep("page", "/a /b", "Überblick", "", True), fewer.steps[2])
    text = saved(replace(fewer, steps=steps))

    process = declared(text)["order"]
    assert ["basket", "terms", "ueberblick", "placed"] == list(process["steps"])
    assert {"event": "page", "where": {"path": ["/a", "/b"]}} == process["steps"]["ueberblick"]
    assert ({"ueberblick": "Überblick"}, ["ueberblick"]) == (process["labels"], process["optional"])
    assert "# short" not in text and "# a macro" in text and "# patience" in text


def test_all_that_the_form_has_is_written_and_read_back() -> None:
    """What a form says is what the form of the saved file says."""
    made = ProcessForm(
        "Sign-up", "Anmeldung",
        (
            FormStep("page", "/join/*", "Start", "Beginn"),
            FormStep("click", 'button[type="submit"]', "Sent", "", True),
            FormStep("custom", "joined: now", "", "Fertig"),
        ),
        1, "props.fee", True, "30m", ("shop", "blog"),
    )  # fmt: skip

    for text, name in (
        ("", "new"),
        (FILE, "joined"),
        ("# empty\n", "n"),
        ("version: 1\nprocesses:\n", "n"),
    ):
        after = saved(made, name, text)
        ids = made.ids()
        steps = tuple(replace(one, origin=id_) for one, id_ in zip(made.steps, ids, strict=True))
        assert replace(made, steps=steps) == form(name, after)
        assert after.startswith(text.partition("\n")[0])
    nothing = replace(form(), limit="", value="", en="", de="")
    assert {"labels", "steps"} == set(declared(saved(nothing))["order"])


def test_a_process_in_braces_is_written_on_lines() -> None:
    """Where it has no comments that would be lost."""
    found = form("other")
    text = saved(replace(found, strict=True), "other")

    assert {"strict": True, **declared(FILE)["other"]} == declared(text)["other"]
    commented = FILE.replace("{a: {event", "{  # both\n      a: {event")
    with pytest.raises(NotSimple):
        saved(arranged(form("other", commented), "down-0") or found, "other", commented)


def test_a_process_is_taken_out_with_its_comment() -> None:
    """The last one takes the section along; of a file of nothing else nothing is left."""
    text = without_process(FILE, "order")

    assert ["other"] == list(declared(text))
    assert "The way to" not in text and "# Another one." in text and "# Ours" in text
    alone = without_process(text, "other")
    assert "processes" not in alone and "rules: []  # none yet" in alone
    assert "" == without_process("version: 1\nprocesses:\n  a:\n    steps: {b: click}\n", "a")


def test_a_file_in_braces_is_left_to_the_editor() -> None:
    """It is read, and shown as a whole in the history; no form writes into it."""
    text = "{version: 1, processes: {a: {steps: {b: click}}}}\n"

    assert ["a"] == list(declared(text)) and text == shown(text, "a")
    with pytest.raises(NotSimple):
        with_process(text, "a", {"steps": {"b": "page"}})
    with pytest.raises(NotSimple):
        without_process(text, "a")
    assert "  order:\n" in shown(FILE, "order") and "other" not in shown(FILE, "order")


def test_what_would_be_lost_is_not_shown_as_a_form() -> None:
    """Names that stand for lists are for the editor, and so are more steps than the form sends back."""
    assert not knows({"steps": {"a": "page"}, "optional": "$some"})
    many = {f"s{number}": "page" for number in range(MOST_STEPS)}
    assert knows({"steps": many}) and not knows({"steps": {**many, "more": "page"}})
    assert knows(declared(FILE)["order"])


@pytest.mark.parametrize("odd", [5, "text", ["a"], [{"a": 1}], {"a": {"b": 1}}])
@pytest.mark.parametrize("key", ["steps", "labels", "optional", "title", "goal", "site", "value"])
def test_a_declaration_with_mistakes_can_be_looked_at(key: str, odd: Any) -> None:
    """A file is not in force while it is wrong, but its processes have their pages: these lead to the editor."""
    wrong = {**declared(FILE)["order"], key: odd}
    form = read(wrong)

    assert (4 if key != "steps" else len(odd) if isinstance(odd, dict) else 0) == len(form.steps)
    if knows(wrong):
        values(form, wrong)


def test_a_form_is_read_as_it_was_sent() -> None:
    """Numbers that are none, and steps behind a gap, are left out; the goal goes with its step."""
    sent = {
        "en": " A ", "order": "strict", "goal": "0", "limit": "2h",
        "step-0-kind": "click", "step-0-what": "#x", "step-0-optional": "1",
        "step-1-kind": "nonsense", "step-1-what": "/y", "step-1-en": "Pay\u2028now ", "step-3-kind": "page",
    }  # fmt: skip
    found = posted(sent, ["shop"])

    assert ["", "Pay now"] == [one.en for one in found.steps]

    assert ("A", 0, True, "2h", ("shop",)) == (
        found.en, found.goal, found.strict, found.limit, found.sites,
    )  # fmt: skip
    assert [("click", True), ("page", False)] == [(one.kind, one.optional) for one in found.steps]
    moved = arranged(found, "down-0")
    assert moved is not None and moved.goal is None
    assert arranged(found, "up-99") is None and arranged(found, "save") is None
    assert 3 == len((arranged(found, "add") or found).steps)
