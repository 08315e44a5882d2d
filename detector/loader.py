"""
Loads rule files: finds them, reads them all, applies overrides, checks them together.

Owns what concerns more than one file (ids, overrides, layers, examples without a rule).
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator, Sequence
from collections.abc import Mapping as AbstractMapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from core.events import EventSchema, load_schema
from detector.errors import Issue, Problems, SourceFile, did_you_mean
from detector.layers import layered
from detector.nodes import Map, Node, Scalar, shown
from detector.read_file import RuleFile, changed_lists, read_file, read_mapping, read_process
from detector.read_rule import Change, only_there, read_rule, rule_id
from detector.read_score import read_score
from detector.read_tests import read_example
from detector.rule import Declared, Example, Mapping, Process, Rule, RuleSet
from detector.scope import Scope, as_map, as_text
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


def rule_files(path: Path) -> list[Path]:
    """Return the rule files that *path* names: itself, or those in the folder, by name."""
    if path.is_dir():
        return sorted([*path.glob("*.yaml"), *path.glob("*.yml")])
    return [path]


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
            at = Node(_no_source(str(path)), 1, 1)
            self._problems.error(at, "there is no rule file here. Name a .yaml file or a folder.")
            return
        for file in files:
            try:
                text = file.read_text(encoding="utf-8")
            except (OSError, UnicodeDecodeError) as error:
                at = Node(_no_source(_shown(file)), 1, 1)
                self._problems.error(at, f"the file cannot be read: {error}. Save it as UTF-8.")
                continue
            self.add_text(_shown(file), text, group=group)

    def add_text(self, name: str, text: str, *, group: int = 0) -> None:
        """Read a file's *text*; *name* is what messages call it."""
        read = read_file(name, text, group, self._problems, self._bare_scope())
        if read is not None:
            read.reference = group < 0
            self._files.append(read)

    def _bare_scope(self) -> Scope:
        return Scope(self._problems, self._schema, regex=self._regex)

    def _scope(self, file: RuleFile, processes: dict[str, Process]) -> Scope:
        return Scope(
            self._problems, self._schema, file.lists, file.macros, {}, processes, regex=self._regex
        )

    def rule_set(self) -> RuleSet:
        """Return everything together. Problems were noted, not raised."""
        processes = self._processes()
        targets = self._targets()
        self._attach_overrides(targets)
        rules: list[Rule] = []
        off: set[str] = set()
        for name, target in targets.items():
            found = [rule for rule in self._read(target, processes) if rule.enabled]
            rules.extend(found)
            if not found:
                off.add(name)
        self._check_together(targets, rules)
        ordered = layered(rules, self._problems)
        return RuleSet(
            rules=ordered,
            processes=tuple(processes.values()),
            mappings=tuple(self._mappings(processes)),
            examples=tuple(self._examples(targets, off)),
            schema=self._schema,
            warnings=tuple(str(i) for i in self._problems.issues if i.level == "warning"),
            sources={name: target.file.text for name, target in targets.items()},
            scoring=read_score(
                [(self._scope(f, processes), f.score) for f in self._files if f.score is not None],
                processes,
                targets,
            ),
            declared=tuple(self._declared),
            texts={file.name: file.text for file in self._files},
        )

    def _processes(self) -> dict[str, Process]:
        found: dict[str, Process] = {}
        for file in self._files:
            for name, node in file.processes.items():
                process = read_process(self._scope(file, {}), name, node)
                if process is not None:
                    found[name] = process
        return found

    def _mappings(self, processes: dict[str, Process]) -> Iterator[Mapping]:
        for file in self._files:
            for node in file.mappings:
                mapping = read_mapping(self._scope(file, processes), node)
                if mapping is not None:
                    yield mapping

    def _targets(self) -> dict[str, _Target]:
        found: dict[str, _Target] = {}
        for file in self._files:
            for node in file.rules:
                name = rule_id(self._bare_scope(), node)
                if name is None:
                    continue
                first = found.get(name)
                if first is not None and not first.file.reference:
                    self._duplicate(node, name, first)
                    continue
                found[name] = _Target(file, node)
        return found

    def _duplicate(self, node: Map, name: str, first: _Target) -> None:
        at = first.node.key("id") or first.node
        self._problems.error(
            node.get("id") or node,
            f"rule id '{name}' is already used at {first.file.name}:{at.line}. "
            "To change that rule, use 'overrides:'.",
        )

    def _attach_overrides(self, targets: dict[str, _Target]) -> None:
        for file in self._files:
            for node in file.overrides:
                at = node.get("rule")
                name = as_text(self._bare_scope(), at, "'rule'") if at else None
                if name is None or at is None:
                    continue
                if name not in targets:
                    hint = did_you_mean(name, targets, label="Rules")
                    self._problems.error(at, f"there is no rule '{name}' to override. {hint}")
                    continue
                targets[name].changes.append((file, node))

    def _read(self, target: _Target, processes: dict[str, Process]) -> Iterator[Rule]:
        """Yield the rule, and a variant for each override that holds only in some places."""
        general = [change for change in target.changes if change[1].get("for") is None]
        special = [change for change in target.changes if change[1].get("for") is not None]
        base = self._one(target, general, processes)
        self._declare(target, base, bool(special))
        for change in special:
            scope = self._scope(change[0], processes)
            where = change[1].get("for")
            assert where is not None
            variant = self._one(target, [*general, change], processes)
            base = only_there(scope, base, where, inside=False)
            yield only_there(scope, variant, where, inside=True)
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
        scope = self._scope(target.file, processes)
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

    def _check_together(self, targets: dict[str, _Target], rules: Sequence[Rule]) -> None:
        for target in targets.values():
            node = target.node.get("suppresses")
            for item in getattr(node, "items", ()):
                if isinstance(item, Scalar) and item.text not in targets:
                    hint = did_you_mean(item.text, targets, label="Rules")
                    self._problems.warn(item, f"there is no rule '{item.text}' here. {hint}")
        if len(rules) > MAX_RULES and self._files:
            at = Node(_no_source(self._files[-1].name), 1, 1)
            self._problems.error(at, f"more than {MAX_RULES} rules. Switch some off.")

    def _examples(self, targets: dict[str, _Target], off: set[str]) -> Iterator[Example]:
        tested: dict[str, set[bool]] = {}
        for file in self._files:
            for node in file.tests:
                example = read_example(self._bare_scope(), node)
                if example is None:
                    continue
                if example.rule not in targets:
                    hint = did_you_mean(example.rule, targets, label="Rules")
                    at = node.get("rule") if isinstance(node, Map) else None
                    self._problems.error(at or node, f"there is no rule '{example.rule}'. {hint}")
                    continue
                tested.setdefault(example.rule, set()).add(bool(example.expect))
                if not file.reference and example.rule not in off:
                    yield example
        for name, target in targets.items():
            if tested.get(name) != {True, False} and not target.file.reference:
                self._problems.warn(
                    target.node.get("id") or target.node,
                    f"rule '{name}' has no test that expects a flag and one that expects silence. "
                    "Add both under 'tests:'.",
                )


def _collect(change: Change, node: Map) -> None:
    change.enabled = node.get("enabled") or change.enabled
    change.severity = node.get("severity") or change.severity
    change.weight = node.get("weight") or change.weight
    thresholds, excepts = node.get("thresholds"), node.get("except")
    if thresholds is not None:
        change.thresholds.insert(0, thresholds)
    if excepts is not None:
        change.excepts.append(excepts)


def _shown(path: Path) -> str:
    """Return *path* as messages call it: relative to the working directory if it lies there."""
    try:
        return str(path.resolve().relative_to(Path.cwd()))
    except ValueError:
        return str(path)


def _no_source(name: str) -> SourceFile:
    return SourceFile(name, ())
