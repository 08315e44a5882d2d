"""
Random rule files over a small vocabulary, so that the rules do fire.

What the text leaves open (see `known_disagreements.md`) is left out here, with the place named.
"""

from __future__ import annotations

import random
from typing import Any

import yaml

# Spans of windows; `random_streams` makes gaps that land on them and 1 ms beside them.
SPANS = ("100ms", "500ms", "1s", "2s", "5s", "10s")
KEYS = ("a", "b", "c")
PATHS = ("/a", "/b", "/shop/c")
SEVERITIES = ("info", "low", "medium", "high", "critical")
COMMON = ("click", "page", "form", "custom")
TYPES = (*COMMON, "field", "error", "message")

Node = dict[str, Any]


class _Plain(yaml.CSafeDumper):
    """Writes no anchors: the language refuses them."""

    def ignore_aliases(self, data: Any) -> bool:
        """Return that nothing is to be an alias."""
        return True


def rule_file(seed: int) -> Node:
    """Return the rule file of *seed*, as YAML would read it."""
    return _Maker(random.Random(f"rules {seed}"), random.Random(f"later {seed}")).file()


def text_of(file: Node) -> str:
    """Return *file* as YAML."""
    return str(yaml.dump(file, Dumper=_Plain, sort_keys=False, width=1000))


class _Maker:
    def __init__(self, rng: random.Random, later: random.Random) -> None:
        """*later* chooses what the language learnt later, so that seeds go on meaning the rest."""
        self.rng = rng
        self.later = later

    def chance(self, share: float) -> bool:
        """Return True in *share* of the cases."""
        return self.rng.random() < share

    def some(self, items: Any, least: int = 1) -> list[Any]:
        """Return a few of *items*."""
        return self.rng.sample(list(items), self.rng.randint(least, min(len(items), least + 1)))

    # --- files -------------------------------------------------------------

    def file(self) -> Node:
        """Return a file with one to four rules and what they refer to."""
        rng = self.rng
        self.lists = {"keys": self.some(KEYS), "paths": self.some(PATHS)}
        one, other, third = rng.sample(TYPES, 3)
        self.macros = {"m": self.matcher(rng.choice([[one], [one, other]])), "n": third}
        self.processes = {"p": self.process()}
        body: Node = {"version": 1, "lists": self.lists, "macros": self.macros}
        body["processes"] = self.processes
        if self.chance(0.2):
            body["mappings"] = [self.mapping()]
        rules = [self.rule(f"r{n}") for n in range(rng.randint(1, 4))]
        self.suppress(rules)
        if self.chance(0.25):
            rules.append(self.on_flags(rules))
        rng.shuffle(rules)
        body["rules"] = rules
        if self.chance(0.2):
            body["overrides"] = [self.override(rng.choice(rules))]
        return body

    def suppress(self, rules: list[Node]) -> None:
        """Let a rule replace another; never in a chain."""
        if len(rules) > 1 and self.chance(0.3):
            one, other = self.rng.sample(rules, 2)
            one["suppresses"] = [other["id"]]

    def process(self) -> Node:
        """Return a process of three steps, of which no event fills two."""
        names = ("one", "two", "three")
        values = self.rng.sample(PATHS, 3)
        steps: Node = {
            name: {"event": "page", "where": {"path": path}}
            for name, path in zip(names, values, strict=True)
        }
        if self.chance(0.4):
            steps["three"] = {"event": "custom", "where": {"name": self.rng.choice(KEYS)}}
        found: Node = {"steps": steps}
        if self.chance(0.3):
            found["strict"] = True
            if self.chance(0.3):
                found["optional"] = ["two"]
            if self.chance(0.5):
                found["time_limit"] = self.rng.choice(SPANS)
        if "strict" not in found and self.later.random() < 0.3:
            found["time_limit"] = self.later.choice(SPANS)
        if self.later.random() < 0.2:
            found["site"] = self.later.choice(["shop", "other", ["other", "sh*"]])
        return found

    def mapping(self) -> Node:
        """Return a mapping to a custom event that rules look for."""
        sources = [t for t in TYPES if t != "custom"]
        found: Node = {
            "to": {"name": self.rng.choice(KEYS), "props": {"n": self.rng.randint(0, 2)}},
            "from": self.matcher(self.some(sources)),
        }
        if self.chance(0.5):
            found["on"] = {"path": self.rng.choice([*PATHS, "/*", "/shop/*"])}
        return found

    def override(self, body: Node) -> Node:
        """Return a change to the rule of *body*; one place is left out of a `match` only (D9)."""
        rule = body["id"]
        kind = self.rng.randrange(6 if "match" in body else 5)
        if kind == 0:
            return {"rule": rule, "severity": self.rng.choice(SEVERITIES)}
        if kind == 1:
            return {"rule": rule, "enabled": False}
        if kind == 2:
            return {"rule": rule, "except": {"path": self.rng.choice(["/a", "/shop*"])}}
        if kind == 3:
            return {"rule": rule, "lists": {"keys": {"append": ["a"]}}}
        if kind == 4:
            return {"rule": rule, "lists": {"paths": {"remove": ["/a"], "append": ["/zzz"]}}}
        return {"rule": rule, "for": {"path": "/shop*"}, "enabled": False}

    # --- matchers and where ------------------------------------------------

    def matcher(self, types: list[str], share: float = 0.6) -> Any:
        """Return a matcher of *types*, in one of the forms."""
        if len(types) == 1 and self.chance(1 - share):
            return types[0] if self.chance(0.5) else {"event": types[0]}
        where = self.where(types) if self.chance(share) else {}
        event: Any = types[0] if len(types) == 1 else types
        return {"event": event, "where": where} if where else {"event": event}

    def where(self, types: list[str], depth: int = 0) -> Node:
        """Return a block of tests of fields that all *types* have."""
        found: Node = {}
        for _ in range(self.rng.choice([1, 1, 1, 2])):
            found.update(self.line(types))
        if depth == 0 and self.chance(0.15):
            found["any"] = [self.where(types, 1), self.where(types, 1)]
        if depth == 0 and self.chance(0.15):
            found["not"] = self.where(types, 1)
        return found

    def line(self, types: list[str]) -> Node:
        """Return one line `field: test`."""
        rng = self.rng
        if len(types) > 1 or self.chance(0.25):
            return {"path": self.text_test(PATHS, "paths")}
        kind = types[0]
        if kind == "click":
            return rng.choice([
                {"target.key": self.text_test(KEYS, "keys")},
                {"answered_ms": self.number_test([0, 100, 200], unit="ms")},
                {"target.disabled": rng.choice([True, False])},
                {"cut": {"not": True}},
                {"target": rng.choice([".c", "div > .c", "#d button", ["form", ".c"]])},
                {"modifiers": rng.choice(["alt", {"any_of": ["alt", "ct*"]}])},
                {"device": rng.choice(["mobile", {"not": "mobile"}, ["desktop", "mobile"]])},
            ])  # fmt: skip
        if kind == "page":
            return rng.choice([
                {"nav": rng.choice(["load", ["reload", "route"], {"not": "reload"}])},
                {"path": self.text_test(PATHS, "paths")},
            ])  # fmt: skip
        if kind == "form":
            return rng.choice([
                {"form": self.text_test(KEYS, "keys")},
                {"outcome": rng.choice(["refused", {"not": "refused"}, ["accepted", "refused"]])},
                {"cut": rng.choice([True, False])},
            ])  # fmt: skip
        if kind == "field":
            return rng.choice([
                {"field": self.text_test(KEYS, "keys")},
                {"invalid": rng.choice([True, False])},
                {"keys": self.number_test([0, 1, 2])},
                {"bot": rng.choice([True, False])},
            ])  # fmt: skip
        if kind == "error":
            return rng.choice([
                {"message": self.text_test(("abc", "abd", "xyz"), None)},
                {"first_party": rng.choice([True, False])},
            ])  # fmt: skip
        if kind == "message":
            return {"severity": rng.choice(["error", {"not": ["error", "info"]}])}
        return rng.choice([
            {"name": self.text_test(KEYS, "keys")},
            {"props.n": self.number_test([0, 1, 2])},
            {"props.ok": rng.choice([True, False, {"exists": False}, {"not": True}])},
            {"props.s": self.text_test(KEYS, None)},
        ])  # fmt: skip

    def text_test(self, words: tuple[str, ...], name: str | None) -> Any:
        """Return a test of a text."""
        rng, word = self.rng, self.rng.choice(words)
        forms = [
            word, self.some(words), {"not": word}, {"not": self.some(words)}, {"exists": True},
            {"exists": False}, {"glob": rng.choice(["*", "/*", "?", "*a", "*b*", "/shop/?"])},
            {"glob": [word, "/shop*"]}, {"starts": word[:2]}, {"ends": word[-1]},
            {"contains": [word[-1], "zz"]}, {"any_of": [word, "*b"]}, {"none_of": [word, "*b"]},
            {"regex": f"^{word[0]}.*[ab]?$"}, {"not": {"starts": word[:2]}},
            {"starts": word[0], "not": {"ends": word[-1]}},
        ]  # fmt: skip
        if name:
            forms += [f"${name}", {"not": f"${name}"}, {"any_of": f"${name}"}] * 2
        return rng.choice(forms)

    def number_test(self, numbers: list[int], unit: str = "") -> Any:
        """Return a test of a number."""
        rng = self.rng
        low, high = sorted(rng.sample(numbers, 2))
        one: Any = rng.choice(numbers)
        limit: Any = f"{one}ms" if unit and self.chance(0.5) else one
        return rng.choice([
            one, [low, high], {"gt": limit}, {"gte": limit}, {"lt": limit}, {"lte": limit},
            {"between": [low, high]}, {"not": {"gte": limit}}, {"exists": False}, {"exists": True},
            {"gte": low, "lt": high},
        ])  # fmt: skip

    def anything(self, share: float = 0.6) -> Any:
        """Return a matcher of any form, macros too."""
        if self.chance(0.1):
            return self.rng.choice(["$m", {"event": ["$m", "$n"]}, {"event": "$n"}])
        types = [self.rng.choice(COMMON if self.chance(0.7) else TYPES)]
        if self.chance(0.15):
            types = self.some(TYPES, 2)
        return self.matcher(types, share)

    def as_node(self, matcher: Any) -> Node:
        """Return *matcher* as a mapping that can take further keys."""
        return dict(matcher) if isinstance(matcher, dict) else {"event": matcher}

    # --- rules -------------------------------------------------------------

    def rule(self, name: str) -> Node:
        """Return a rule."""
        rng = self.rng
        found: Node = {"id": name, "title": name.upper()}
        if self.chance(0.5):
            found["severity"] = rng.choice(SEVERITIES)
        kind = rng.random()
        if kind < 0.45:
            self.counted(found)
        elif kind < 0.9:
            self.ordered(found)
        else:
            self.processed(found)
        if "until" not in found and self.chance(0.25):
            found["until"] = self.anything()
        if self.chance(0.1):
            found["scope"] = rng.choice([
                {"device": "mobile"}, {"device": {"not": "mobile"}}, {"language": "de"},
                {"bot": False}, {"path": {"glob": "/*"}}, {"path": ["/a", "/b"]},
            ])  # fmt: skip
        if self.chance(0.15):
            found["except"] = rng.choice([
                {"path": "/shop*"}, {"path": ["/a", "/b"]}, {"target": [".c"]},
                {"process": ["p"]},
                {"page": "/b"},
            ])  # fmt: skip
        if self.chance(0.5):
            found["flag"] = rng.choice(["burst", "every", "every", "once"])
            if found["flag"] != "once" and self.chance(0.8):
                found["cooldown"] = rng.choice([*SPANS, "1ms"])
        if self.chance(0.12):
            found["clock"] = "visible"
        return found

    def counted(self, rule: Node) -> None:
        """Give *rule* a `match`."""
        rng = self.rng
        kind = rng.random()
        if kind < 0.1:
            self.alternating(rule)
            return
        types = [rng.choice(COMMON if self.chance(0.7) else TYPES)]
        if self.chance(0.15):
            types = self.some(TYPES, 2)
        match = self.as_node(self.matcher(types))
        times = rng.choice([1, 1, 2, 2, 2, 3, 3, 4])
        if times > 1:
            match["times"] = times
            if self.chance(0.75):
                match["within"] = rng.choice(SPANS)
            if self.chance(0.4):
                match["same"] = self.same_field(types)
        if kind < 0.25 and times > 1:
            match["distinct"] = "path" if len(types) > 1 else self.own_field(types[0])
        elif kind < 0.4 and times > 1:
            way = rng.choice(["lte", "gte"])
            match["share"] = {
                "where": self.where(types, 1),
                way: rng.choice([0, 0.4, 0.5, 0.59, 1]),
            }
        rule["match"] = match
        if kind > 0.4 and self.chance(0.25):
            rule["thresholds"] = [self.threshold(types, times > 1) for _ in self.some("ab")]
        if self.chance(0.3) and times > 1 and "within" not in match:
            rule["within"] = rng.choice(SPANS)
        if "same" not in match and self.chance(0.3):
            rule["group"] = "path" if len(types) > 1 else self.own_field(types[0])
        if self.chance(0.3):
            rule["capture"] = self.captures(["path", "last(page).path"])

    def same_field(self, types: list[str]) -> str:
        if types == ["click"]:
            return self.rng.choice(["target", "target", "path"])
        return "path" if len(types) > 1 else self.own_field(types[0])

    def own_field(self, kind: str) -> str:
        """Return a text field of events of *kind*."""
        own = {"click": "target.key", "form": "form", "field": "field", "error": "message",
               "custom": "name", "message": "hash", "page": "path"}  # fmt: skip
        return self.rng.choice(["path", own[kind], own[kind]])

    def alternating(self, rule: Node) -> None:
        match: Node = {"event": "page", "alternates": "path", "times": self.rng.choice([4, 4, 5])}
        if self.chance(0.6):
            match["within"] = "10s"
        rule["match"] = match

    def threshold(self, types: list[str], counts: bool) -> Node:
        """Return a threshold; spans and counts only where the rule has a count."""
        change: Node = {}
        if counts and self.chance(0.5):
            change["times"] = self.rng.randint(2, 4)
        if counts and self.chance(0.4):
            change["within"] = self.rng.choice(SPANS)
        if not change or self.chance(0.5):
            change["severity"] = self.rng.choice(SEVERITIES)
        return {"when": self.where(types, 1), "set": change}

    def captures(self, forms: list[str]) -> Node:
        """Return some captures, *forms* among them."""
        more = ["count(click)", "first(page).path", "last(form).outcome", "last($m).path",
                "last(custom).props.n", "count($n)", "last(click).target.key"]  # fmt: skip
        return {f"c{n}": form for n, form in enumerate(self.some([*forms, *more], 2))}

    def ordered(self, rule: Node) -> None:
        """Give *rule* a sequence of two to four steps, perhaps with an absence."""
        rng = self.rng
        count = rng.choice([2, 2, 2, 3, 3, 4])
        compare = rng.choice(["path", "page_load", "form"]) if self.chance(0.25) else ""
        steps: list[Node] = []
        for n in range(count):
            step = self.step(n, compare)
            if n == count - 1 and self.chance(0.4):
                steps.append(self.absence(compare, last=True))
                break
            if 0 < n < count - 1 and self.chance(0.3):
                steps.append(self.absence(compare, last=False))
            steps.append(step)
        if compare == "" and "absent" not in steps[-1] and self.chance(0.1):
            end: Node = {"event": "session_end"}
            if self.chance(0.7):
                end["within"] = rng.choice(SPANS)
            steps.append(end)
        rule["sequence"] = steps
        if self.chance(0.25):
            rule["within"] = rng.choice(SPANS)
        # Another group than the compared field: T2, undecided.
        if not compare and self.chance(0.4) and "times" not in steps[0]:
            rule["group"] = rng.choice(["s0.path", "path", "s0.page_load"])
        if compare and self.chance(0.5) and "times" not in steps[0]:
            rule["group"] = f"s0.{compare}"
        if self.chance(0.4):
            rule["capture"] = self.captures(["s0.path", "s0.path"])
        at_end = "absent" in steps[-1] or steps[-1].get("event") == "session_end"
        if not at_end and self.chance(0.2):
            when = {"path": self.text_test(PATHS, "paths")}
            rule["thresholds"] = [{"when": when, "set": {"severity": rng.choice(SEVERITIES)}}]

    def step(self, n: int, compare: str) -> Node:
        """Return step *n*; with *compare* it must equal the first step's field."""
        node = self.as_node(self.anything() if compare != "form" else self.form_like())
        if n == 0:
            node["as"] = "s0"
        elif self.chance(0.7):
            node["within"] = self.rng.choice(SPANS)
        if self.chance(0.2):
            node["times"] = self.rng.choice([2, 2, 3])
            if self.chance(0.7):
                node["within"] = self.rng.choice(SPANS)
        if n and compare:
            node["where"] = {**node.get("where", {}), compare: {"same_as": f"s0.{compare}"}}
        return node

    def form_like(self) -> Any:
        return self.matcher([self.rng.choice(["form", "field"])], 0.3)

    def absence(self, compare: str, *, last: bool) -> Node:
        """Return a step that says what must not come."""
        matcher = self.as_node(self.form_like() if compare == "form" else self.anything(0.4))
        if compare:
            same_as = {compare: {"same_as": f"s0.{compare}"}}
            matcher["where"] = {**matcher.get("where", {}), **same_as}
        node: Node = {"absent": matcher}
        if last and self.chance(0.5):
            node["or_end"] = True
        if "or_end" not in node or self.chance(0.7):
            node["within"] = self.rng.choice(SPANS)
        return node

    def processed(self, rule: Node) -> None:
        """Give *rule* the use of a process."""
        use: Node = {"use": "p", "reached": self.rng.choice(["one", "two"]), "not": "three"}
        if self.processes["p"].get("strict"):
            use["reached"] = "two"
        if self.chance(0.5):
            use["or_end"] = True
        if "or_end" not in use or self.chance(0.7):
            use["within"] = self.rng.choice(SPANS)
        rule["process"] = use
        if self.chance(0.5):
            rule["capture"] = {"last": "process.last_step", "n": "count(page)"}

    def on_flags(self, rules: list[Node]) -> Node:
        """Return a rule that builds on flags of *rules*."""
        rng = self.rng
        named = rng.choice(rules)["id"]
        where: Node = rng.choice([
            {"rule": named}, {"severity": ["high", "critical", "medium"]},
            {"rule": [r["id"] for r in rules]}, {"rule": named, "severity": {"not": "low"}},
        ])  # fmt: skip
        flag: Node = {"event": "flag", "where": where}
        found: Node = {"id": "top", "title": "Top", "severity": "critical"}
        if self.chance(0.3):
            found["match"] = {**flag, "times": rng.choice([1, 2]), "within": rng.choice(SPANS)}
        elif self.chance(0.5):
            found["sequence"] = [
                {**flag, "as": "f"},
                {**self.as_node(self.anything()), "within": "5s"},
            ]
            found["capture"] = {"after": "f.rule", "how": "f.severity"}
        else:
            found["sequence"] = [
                self.as_node(self.anything()),
                {**flag, "as": "f", "within": "10s"},
            ]
            found["capture"] = {"after": "f.rule"}
        if self.chance(0.4):
            found["flag"] = "every"
            found["cooldown"] = "1ms"
        return found
