"""
Loads rule files: finds them, reads them all, applies overrides, checks them together.

Owns what concerns more than one file (ids, overrides, layers, examples without a rule).
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator, Sequence
from collections.abc import Mapping as AbstractMapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from core.events import EventSchema, load_schema
from detector import lints
from detector.errors import Issue, Problems, did_you_mean
from detector.files import named, read_text, rule_files, shown_name
from detector.layers import layered
from detector.nodes import Map, Node, Scalar, shown
from detector.read_file import RuleFile, changed_lists, read_file, read_mapping, read_process
from detector.read_rule import Change, only_there, read_rule, rule_id
from detector.read_score import read_score
from detector.read_tests import read_example
from detector.rule import Declared, Example, Mapping, Process, Rule, RuleSet, Scoring
from detector.scope import COST_OF_RULE, Budget, Exhausted, Scope, as_map, as_text
from detector.spec import MAX_RULES


def shipped_rules() -> Path:
    """Return the folder of the rules that come with Stolper."""
    found = importlib.util.find_spec("rules")
    if found is None or not found.submodule_search_locations:
        raise FileNotFoundError("the shipped rules are not installed (package 'rules')")
    return Path(next(iter(found.submodule_search_locations)))


def load_rules(
    paths: Sequence[Path],
    *,
    schema: EventSchema | None = None,
    reference: Sequence[Path] = (),
) -> RuleSet:
    """
    Return the rules of *paths*: files, or folders of `*.yaml` files; later ones may override.

    Rules of *reference* can be overridden and referred to, and give way to rules of the
    same id. Raise RuleErrors with every error of every file.
    """
    problems = Problems()
    library = Library(problems, schema or load_schema())
    for path in reference:
        library.add(path, group=-1)
    for group, path in enumerate(paths):
        library.add(path, group=group)
    rules = library.rule_set()
    problems.raise_if_failed()
    return rules


def read_rules(
    base: Sequence[Path], texts: AbstractMapping[str, str], *, schema: EventSchema | None = None
) -> tuple[RuleSet, tuple[Issue, ...]]:
    """
    Return the rules of *base* and, after them, of the *texts* (file name to text), with all issues.

    Nothing is raised: a set with errors among its issues must not be judged by.
    """
    problems = Problems()
    library = Library(problems, schema or load_schema())
    for group, path in enumerate(base):
        library.add(path, group=group)
    for name in sorted(texts):
        library.add_text(name, texts[name], group=len(base))
    rules = library.rule_set()
    return rules, tuple(sorted(problems.issues, key=lambda i: (i.file, i.line, i.column)))


@dataclass(slots=True)
class _Target:
    """A rule's node with all that changes it."""

    file: RuleFile
    node: Map
    changes: list[tuple[RuleFile, Map]] = field(default_factory=list)


class Library:
    """All files that were added, and what they come to together."""

    def __init__(self, problems: Problems, schema: EventSchema) -> None:
        self._problems = problems
        self._schema = schema
        self._files: list[RuleFile] = []
        self._declared: list[Declared] = []
        self._regex = importlib.util.find_spec("re2") is not None

    def add(self, path: Path, *, group: int) -> None:
        """Read the file or folder *path*."""
        files = rule_files(path)
        if not files or not path.exists():
            self._problems.error(
                named(str(path)), "there is no rule file here. Name a .yaml file or a folder."
            )
            return
        for file in files:
            text = read_text(file, self._problems)
            if text is not None:
                self.add_text(shown_name(file), text, group=group)

    def add_text(self, name: str, text: str, *, group: int = 0) -> None:
        """Read a file's *text*; *name* is what messages call it."""
        with bounded():
            scope = self._bare_scope(Budget())
            read = read_file(name, text, group, self._problems, scope)
            if read is not None:
                read.reference = group < 0
                self._files.append(read)

    def _bare_scope(self, budget: Budget) -> Scope:
        return Scope(self._problems, self._schema, regex=self._regex, budget=budget)

    def _scope(
        self, file: RuleFile, processes: dict[str, Process], budget: Budget | None = None
    ) -> Scope:
        return Scope(
            self._problems, self._schema, file.lists, file.macros, {}, processes,
            regex=self._regex, budget=budget or file.budget,
        )  # fmt: skip

    def rule_set(self) -> RuleSet:
        """Return everything together. Problems were noted, not raised."""
        processes = self._processes()
        targets = self._targets()
        self._attach_overrides(targets)
        rules, off = self._rules(targets, processes)
        self._check_together(targets, rules, off)
        ordered = layered(rules, self._problems)
        scores = [(self._scope(f, processes), f.score) for f in self._files]
        scoring: Scoring | None = None
        with bounded():
            scoring = read_score([(s, n) for s, n in scores if n is not None], processes, targets)
        return RuleSet(
            rules=ordered,
            processes=tuple(processes.values()),
            mappings=tuple(self._mappings(processes)),
            examples=tuple(self._examples(targets, off)),
            schema=self._schema,
            warnings=tuple(str(i) for i in self._problems.issues if i.level == "warning"),
            sources={name: target.file.text for name, target in targets.items()},
            scoring=scoring,
            declared=tuple(self._declared),
            texts={file.name: file.text for file in self._files},
        )

    def _rules(
        self, targets: dict[str, _Target], processes: dict[str, Process]
    ) -> tuple[list[Rule], set[str]]:
        """Return the rules in force, and the ids of those that are not."""
        rules: list[Rule] = []
        off: set[str] = set()
        for name, target in targets.items():
            found: list[Rule] = []
            with bounded():
                for rule in self._read(target, processes):
                    if not rule.enabled:
                        continue
                    found.append(rule)
                    if len(rules) + len(found) > MAX_RULES:
                        at = target.node.get("id") or target.node
                        self._problems.error(
                            at, f"this is one of more than {MAX_RULES} rules. Switch some off."
                        )
                        return rules, off
            rules.extend(found)
            if not found:
                off.add(name)
            elif not target.file.reference:
                lints.check_rule(self._problems, found[-1], target.node, self._schema)
        return rules, off

    def _processes(self) -> dict[str, Process]:
        found: dict[str, Process] = {}
        for file in self._files:
            for name, node in file.processes.items():
                with bounded():
                    process = read_process(self._scope(file, {}), name, node)
                    if process is not None:
                        found[name] = process
        return found

    def _mappings(self, processes: dict[str, Process]) -> Iterator[Mapping]:
        for file in self._files:
            for node in file.mappings:
                with bounded():
                    mapping = read_mapping(self._scope(file, processes), node)
                    if mapping is not None:
                        yield mapping

    def _targets(self) -> dict[str, _Target]:
        found: dict[str, _Target] = {}
        for file in self._files:
            for node in file.rules:
                with bounded():
                    self._add_target(found, file, node)
        return found

    def _add_target(self, found: dict[str, _Target], file: RuleFile, node: Map) -> None:
        scope = self._bare_scope(file.budget)
        scope.spend(node, COST_OF_RULE)
        name = rule_id(scope, node)
        if name is None:
            return
        first = found.get(name)
        if first is None or first.file.reference:
            found[name] = _Target(file, node)
            return
        at = first.node.key("id") or first.node
        scope.error(
            node.get("id") or node,
            f"rule id '{name}' is already used at {first.file.name}:{at.line}. "
            "To change that rule, use 'overrides:'.",
        )

    def _attach_overrides(self, targets: dict[str, _Target]) -> None:
        for file in self._files:
            for node in file.overrides:
                with bounded():
                    self._attach_override(targets, file, node)

    def _attach_override(self, targets: dict[str, _Target], file: RuleFile, node: Map) -> None:
        scope = self._bare_scope(file.budget)
        scope.spend(node, COST_OF_RULE)
        at = node.get("rule")
        name = as_text(scope, at, "'rule'") if at else None
        if name is None or at is None:
            return
        if name in targets:
            lints.check_override(self._problems, node, targets[name].node)
            targets[name].changes.append((file, node))
        elif name not in self._problems.unread:
            hint = did_you_mean(name, targets, label="Rules")
            scope.error(at, f"there is no rule '{name}' to override. {hint}")

    def _read(self, target: _Target, processes: dict[str, Process]) -> Iterator[Rule]:
        """Yield the rule, and a variant for each override that holds only in some places."""
        general = [change for change in target.changes if change[1].get("for") is None]
        special = [change for change in target.changes if change[1].get("for") is not None]
        base = self._one(target, general, processes)
        self._declare(target, base, bool(special))
        for change in special:
            where = change[1].get("for")
            scope = self._scope(change[0], processes)
            variant = self._one(target, [*general, change], processes)
            if where is None or not base.steps or not base.steps[0].matcher.cases:
                continue
            there = only_there(scope, variant, where, inside=True)
            elsewhere = only_there(scope, base, where, inside=False)
            if there is None or elsewhere is None:
                lints.without_place(self._problems, where, base)
                continue
            yield there
            base = elsewhere
        yield base

    def _declare(self, target: _Target, base: Rule, varies: bool) -> None:
        """Note *base* as people see it; where it *varies* it is on wherever one of it is."""
        node = target.node.get("params")
        known = {key.text: value for key, value in node.entries} if isinstance(node, Map) else {}
        for _, change in target.changes:
            changed = change.get("params")
            if change.get("for") is None and isinstance(changed, Map):
                known.update({key.text: value for key, value in changed.entries})
        if varies:
            known_on = [c[1].get("enabled") for c in target.changes if c[1].get("for") is not None]
            on = any(isinstance(n, Scalar) and n.value is True for n in known_on)
            base = replace(base, enabled=base.enabled or on)
        self._declared.append(
            Declared(
                base,
                target.file.group > 0,
                tuple(dict.fromkeys(file.name for file, _ in target.changes)),
                tuple((name, shown(value)) for name, value in known.items()),
            )
        )

    def _one(
        self,
        target: _Target,
        changes: Sequence[tuple[RuleFile, Map]],
        processes: dict[str, Process],
    ) -> Rule:
        """Return the rule with *changes*; reading it again is charged to who wants them."""
        budget = changes[-1][0].budget if changes else target.file.budget
        scope = self._scope(target.file, processes, budget)
        scope.spend(target.node, COST_OF_RULE * (1 + len(changes)))
        params = target.node.get("params")
        block = as_map(scope, params, "'params'") if params else None
        known = {key.text: value for key, value in block.entries} if block else {}
        change = Change()
        for file, node in changes:
            outer = self._scope(file, processes)
            known.update(self._params(outer, node, known))
            lists = node.get("lists")
            if lists is not None:
                scope.lists = changed_lists(outer, scope.lists, lists)
            _collect(change, node)
        scope.params = known
        return read_rule(scope, target.node, change)

    def _params(self, scope: Scope, node: Map, known: dict[str, Node]) -> dict[str, Node]:
        at = node.get("params")
        block = as_map(scope, at, "'params'") if at else None
        found: dict[str, Node] = {}
        for key, value in block.entries if block else ():
            if key.text not in known:
                hint = did_you_mean(key.text, known, label="Params")
                scope.error(key, f"the rule has no param '{key.text}'. {hint or 'Remove it.'}")
            else:
                found[key.text] = value
        return found

    def _check_together(
        self, targets: dict[str, _Target], rules: Sequence[Rule], off: set[str]
    ) -> None:
        for rule in rules:
            for name in sorted(set(lints.asked_rules(rule))):
                if (name in targets and name not in off) or name in self._problems.unread:
                    continue
                own = targets[rule.id].node
                hint = (
                    "It is switched off."
                    if name in off
                    else did_you_mean(name, targets, label="Rules")
                )
                self._problems.warn(
                    own.get("id") or own,
                    f"rule '{rule.id}' waits for flags of '{name}', which raises none. {hint}",
                )
        for target in targets.values():
            node = target.node.get("suppresses")
            for item in getattr(node, "items", ()):
                if isinstance(item, Scalar) and item.text not in targets:
                    hint = did_you_mean(item.text, targets, label="Rules")
                    self._problems.warn(item, f"there is no rule '{item.text}' here. {hint}")

    def _examples(self, targets: dict[str, _Target], off: set[str]) -> Iterator[Example]:
        tested: dict[str, set[bool]] = {}
        for file in self._files:
            for node in file.tests:
                example = None
                with bounded():
                    example = self._example(file, node, targets)
                if example is None:
                    continue
                tested.setdefault(example.rule, set()).add(bool(example.expect))
                if not file.reference and example.rule not in off:
                    yield example
        for name, target in targets.items():
            if name in off or target.file.reference:
                continue
            if tested.get(name) != {True, False}:
                self._problems.warn(
                    target.node.get("id") or target.node,
                    f"rule '{name}' has no test that expects a flag and one that expects silence. "
                    "Add both under 'tests:'.",
                )

    def _example(self, file: RuleFile, node: Node, targets: dict[str, _Target]) -> Example | None:
        scope = self._bare_scope(file.budget)
        example = read_example(scope, node)
        if example is None or example.rule in targets:
            return example
        if example.rule not in self._problems.unread:
            hint = did_you_mean(example.rule, targets, label="Rules")
            at = node.get("rule") if isinstance(node, Map) else None
            scope.error(at or node, f"there is no rule '{example.rule}'. {hint}")
        return None


@contextmanager
def bounded() -> Iterator[None]:
    """Leave off reading something when its file's budget is spent; that has been noted."""
    with suppress(Exhausted):
        yield


def _collect(change: Change, node: Map) -> None:
    change.enabled = node.get("enabled") or change.enabled
    change.severity = node.get("severity") or change.severity
    change.weight = node.get("weight") or change.weight
    thresholds, excepts = node.get("thresholds"), node.get("except")
    if thresholds is not None:
        change.thresholds.insert(0, thresholds)
    if excepts is not None:
        change.excepts.append(excepts)
