"""
The keys of rule files, each declared once: type, what it means, default.

The readers refuse every key that is not here; docs/rules.md lists all of them (a test
compares). Owns words only, no behaviour.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Key:
    """One key: its *type* in the words of docs/rules.md, meaning and default."""

    type: str
    doc: str
    default: str = ""
    required: bool = False


RESERVED_IDS = ("all", "check", "draft", "edit", "example", "make", "rejudge", "saved")
"""`data-stolper-ignore="all"` means every rule; the others are addresses beside those of rules."""

MAX_RULES = 200
MAX_STEPS = 8
MAX_TIMES = 50
MAX_SPAN_MS = 24 * 3_600_000
MAX_GROUPS = 64
MAX_PENDING = 64
MAX_FLAGS = 1000
MAX_STATE_BYTES = 48 * 1024  # measured now and then; what comes between fits below 64 KiB
MAX_CAPTURES = 8
MAX_CAPTURE_BYTES = 256
MAX_EVIDENCE = 10
MAX_PATTERN = 1000
"""Characters of a glob, selector or regular expression."""

WEIGHTS = {"info": 1.0, "low": 2.0, "medium": 4.0, "high": 6.0, "critical": 8.0}
"""Points in the session score by severity, where a rule gives no weight."""

FILE_KEYS = {
    "version": Key("1", "version of the language", required=True),
    "lists": Key("name: [values]", "lists that rules of this file use as `$name`"),
    "macros": Key("name: MATCHER", "matchers that rules of this file use as `$name`"),
    "processes": Key("name: process", "declared ways to a goal; a later file replaces one by name"),
    "mappings": Key("list of mapping", "`custom` events derived from other events"),
    "score": Key("{critical, goals}", "what changes how much flags count in a session's score"),
    "rules": Key("list of rule", "the rules"),
    "overrides": Key("list of override", "changes to rules of files loaded before"),
    "tests": Key("list of test", "examples that must and must not raise a flag"),
}

RULE_KEYS = {
    "id": Key("snake_case", "name of the rule, unique", required=True),
    "title": Key("text or {de, en}", "what people read", required=True),
    "description": Key("text or {de, en}", "what the visitor suffers, how it is recognised"),
    "severity": Key("info|low|medium|high|critical", "how bad it is", "medium"),
    "weight": Key("number", "points in the session score", "by severity 1, 2, 4, 6, 8"),
    "tags": Key("list of text", "words to find it by"),
    "enabled": Key("true|false", "judge it at all", "true"),
    "params": Key("name: value", "values used in the rule as `$name`, changed by overrides"),
    "guidance": Key("text or {de, en}", "what support can say or do"),
    "blind_spots": Key("text or {de, en}", "what it cannot see"),
    "scope": Key("where", "what every event that a step takes must meet"),
    "except": Key("{target, path, process}", "where the rule stays silent, also for the past"),
    "match": Key("match", "one kind of event, once or several times"),
    "sequence": Key("list of steps", "events in order"),
    "process": Key("process use", "a declared process, reached and not finished"),
    "within": Key("duration", "span of all matched steps, both ends included"),
    "until": Key("MATCHER", "clears every run and count of the rule"),
    "group": Key("field or alias.field", "the flag's key", "the value of same, else the session"),
    "flag": Key("once|burst|every", "how often a group is flagged", "once"),
    "cooldown": Key("duration", "with burst or every: the pause before the next flag", "30s"),
    "capture": Key("name: what", "values kept with the flag, at most 8"),
    "thresholds": Key(
        "list of {when, set}", "other times, within or severity; the first that fits"
    ),
    "suppresses": Key("list of rule ids", "flags of these rules that share evidence are replaced"),
    "clock": Key("event|visible", "visible: only time while a tab was visible counts", "event"),
}

MATCHER_KEYS = {
    "event": Key("name or list of names", "which events", required=True),
    "where": Key("where", "what must hold of them"),
}

COUNT_KEYS = {
    "times": Key("1 to 50", "how many", "1"),
    "within": Key("duration", "span from the first to the last"),
}

MATCH_KEYS = {
    **MATCHER_KEYS,
    **COUNT_KEYS,
    "same": Key("field", "count separately per value; an absent value forms no group"),
    "near": Key("30px", "beside same: also counts what lies this near the run's centre"),
    "distinct": Key("field", "count distinct values rather than events"),
    "alternates": Key("field", "matched events go A, B, A, B ..."),
    "share": Key("{where, lte or gte}", "share of the matched events that meet a test"),
}

STEP_KEYS = {
    **MATCHER_KEYS,
    **COUNT_KEYS,
    "as": Key("alias", "name for same_as, group and capture"),
}

ABSENT_KEYS = {
    "absent": Key("MATCHER", "what does not come", required=True),
    "within": Key("duration", "how long it is waited for; exactly then still answers"),
    "or_end": Key("true|false", "the end of the session decides, too", "false"),
}

PROCESS_USE_KEYS = {
    "use": Key("process", "which process", required=True),
    "reached": Key("step", "the step that was reached", required=True),
    "not": Key("step", "the step that did not follow", required=True),
    "within": Key("duration", "how long it is waited for"),
    "or_end": Key("true|false", "the end of the session decides, too", "false"),
}

PROCESS_KEYS = {
    "title": Key("text or {de, en}", "what people call it", "its name"),
    "start": Key("step", "the step that begins it"),
    "steps": Key("name: MATCHER", "its steps in order", required=True),
    "strict": Key("true|false", "a step counts only after those before it", "false"),
    "labels": Key("step: text or {de, en}", "what people call its steps", "their names"),
    "optional": Key("list of steps", "steps that strict does not ask for"),
    "goal": Key("step", "the step that completes it", "the last"),
    "value": Key("field", "what it is worth, a field of the goal's event"),
    "time_limit": Key("duration", "how long it may take from its first step to the goal"),
    "site": Key("site name or list", "it holds on these sites", "all"),
}

MAPPING_KEYS = {
    "to": Key("{name, props}", "the custom event to derive", required=True),
    "from": Key("MATCHER", "the events to derive it from", required=True),
    "on": Key("{target, path, url, message: pattern}", "what they must also fit"),
}

SCORE_KEYS = {
    "critical": Key("{path, process}", "where a flag counts one and a half times"),
    "goals": Key("list of goal", "what halves a flag that came up to 30 s before it"),
}

CRITICAL_KEYS = {
    "path": Key("globs", "pages; a later file replaces the list"),
    "process": Key("process ids", "while one is under way; a later file replaces the list"),
}

GOAL_KEYS = {
    **MATCHER_KEYS,
    "rules": Key("list of rule ids", "only flags of these rules are about this goal", "all"),
}

TO_KEYS = {
    "name": Key("text", "name of the custom event", required=True),
    "props": Key("name: value, or name: {from: field}", "its properties, fixed or copied"),
}

COPY_KEYS = {"from": Key("field", "the field of the source event to copy", required=True)}

ON_KEYS = {
    "target": Key("selectors", "matched on the target and its ancestors"),
    "path": Key("globs", "the page's path"),
    "url": Key("globs", "where the request went, or what did not load"),
    "message": Key("globs", "the text of an error, message or console entry"),
}

SHARE_KEYS = {
    "where": Key("where", "the test", required=True),
    "lte": Key("0 to 1", "at most this share"),
    "gte": Key("0 to 1", "at least this share"),
}

THRESHOLD_KEYS = {
    "when": Key("where", "tested at the event that would complete", required=True),
    "set": Key("{times, within, severity}", "what then holds instead", required=True),
}

SET_KEYS = {
    "times": Key("1 to 50", "how many"),
    "within": Key("duration", "over what span"),
    "severity": Key("severity", "how bad"),
}

EXCEPT_KEYS = {
    "target": Key("selectors", "matched on the target and its ancestors"),
    "path": Key("globs", "pages"),
    "page": Key("globs", "the same as path"),
    "process": Key("process ids", "while one of these processes is under way"),
}

OVERRIDE_KEYS = {
    "rule": Key("rule id", "the rule to change", required=True),
    "for": Key("{site, process, path, target}", "change it only there"),
    "enabled": Key("true|false", "judge it at all"),
    "params": Key("name: value", "other values for its params"),
    "lists": Key("name: [values] or {append, remove}", "other values for its lists"),
    "thresholds": Key("list of {when, set}", "put before its own"),
    "severity": Key("severity", "how bad it is"),
    "weight": Key("number", "points in the session score"),
    "except": Key("{target, path, process}", "added to its own"),
}

FOR_KEYS = {
    "site": Key("site name or list", "on these sites"),
    "process": Key("process ids", "while one of these processes is under way"),
    "path": Key("globs", "on these pages"),
    "target": Key("selectors", "on these targets"),
}

TEST_KEYS = {
    "rule": Key("rule id", "the rule under test", required=True),
    "name": Key("text", "what the example shows", required=True),
    "session": Key("attributes", "session attributes, e.g. device"),
    "events": Key("list of events", "at: offset; event: name; its fields; x and every repeat"),
    "expect": Key("list of flags", "all flags of the rule, in order; [] asserts silence"),
}

TEST_EVENT_KEYS = {
    "at": Key("duration", "offset from the start", required=True),
    "event": Key("name", "which event; its fields stand beside it"),
    "x": Key("number", "how often it comes", "1"),
    "every": Key("duration", "distance of the repeats", "1s"),
    "tick": Key("true", "no event: only time passes"),
    "fields": Key("name: value", "fields whose names are keys here, such as x and at"),
}

EXPECT_KEYS = {
    "at": Key("duration", "event time at which it fires"),
    "group": Key("text", "its group"),
    "severity": Key("severity", "its severity"),
    "capture": Key("name: value", "its captures; only those listed are compared"),
    "hits": Key("number", "how often it was met"),
}

OPERATORS = {
    "not": Key("value, list or test", "the inner test fails, or the field is absent"),
    "gt": Key("number", "greater"),
    "gte": Key("number", "greater or equal"),
    "lt": Key("number", "less"),
    "lte": Key("number", "less or equal"),
    "between": Key("[low, high]", "low to high, both included"),
    "glob": Key("text or list", "* stands for anything, ? for one character"),
    "starts": Key("text or list", "begins with"),
    "ends": Key("text or list", "ends with"),
    "contains": Key("text or list", "contains the text; a list field contains the value"),
    "any_of": Key("list", "is one of these (with * they are globs); of a list field: has one"),
    "none_of": Key("list", "is none of these; an absent field fails"),
    "exists": Key("true|false", "the field is there"),
    "regex": Key("text", "matches an RE2 pattern, where google-re2 is installed"),
    "same_as": Key("alias.field", "equals a field of an earlier step"),
}

WHERE_WORDS = {
    "any": Key("list of where", "at least one holds"),
    "not": Key("where", "it does not hold"),
}
