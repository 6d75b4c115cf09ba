"""What of the specification the cases exercise, by the oracle alone: no client is asked.

Counted are rows and guards (both outcomes) of the machines, effects, error codes, ends of links,
options (default, off, edge), verbs in each state of their question, and the obligations of every
message in the direction in which it travels. What cannot be exercised is a line with a reason.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from conform.documents import CaseError, load_yaml
from conform.home import HOME
from conform.interpreter import Effect, Row, Tables, Watcher, load_tables
from conform.obligations import Walker
from conform.reader import Reader
from conform.script import Case
from conform.spec import Spec, Tree
from conform.story import Expectation, expect

EXCLUDED = HOME / "coverage.yaml"
AREAS = ("row", "guard", "effect", "code", "end", "option", "verb", "schema")
GIVEN = {  # option -> how a case gives it, for those that are no times
    "token": "token", "tokenIn": "tokenIn", "headers": "headers", "origin": "origin",
    "roots": "tls", "supports": "supports", "lazy": "lazy", "handlers": "handlers",
}  # fmt: skip
OTHERWISE = (
    "url",
    "idGenerator",
    "clock",
    "maxMessageBytes",
    "random",
)  # given in ways of their own


@dataclass
class Found:
    """The outcome: what there is, what was seen, what is excluded, what waits."""

    items: list[str]
    seen: set[str]
    excluded: dict[str, str] = field(default_factory=dict)
    pending: list[str] = field(default_factory=list)
    idle: list[str] = field(default_factory=list)  # exclusions that nothing needs

    @property
    def counted(self) -> list[str]:
        """Items that have to be seen."""
        return [item for item in self.items if item not in self.excluded]

    @property
    def missing(self) -> list[str]:
        """Items that no case exercises."""
        return [item for item in self.counted if item not in self.seen]

    def area(self, word: str) -> tuple[int, int]:
        """Seen and counted items of one area."""
        mine = [item for item in self.counted if item.startswith(word + " ")]
        return sum(item in self.seen for item in mine), len(mine)


class _Counting(Watcher):
    """Notes what the tables are asked."""

    def __init__(self, names: Names) -> None:
        self.names = names
        self.seen: Counter[str] = Counter()
        self.short: set[str] = set()

    def fired(self, machine: str, row: int) -> None:
        self.seen[self.names.row(machine, row)] += 1
        for effect in self.names.tables.machines[machine].rows[row].effects:
            self.seen[effect_name(effect)] += 1

    def asked(self, machine: str, row: int, guard: str, held: bool) -> None:
        self.seen[self.names.guard(machine, row, guard, held)] += 1

    def answered(self, verb: str, state: str) -> None:
        self.seen[f"verb {verb} while {state}"] += 1

    def armed(self, option: str, ms: int, given: bool) -> None:
        if given and ms == 0:
            self.seen[f"option {option} off"] += 1

    def came_due(self, option: str, given: bool) -> None:
        self.seen[f"option {option} {'given' if given else 'default'}"] += 1
        if option in self.short:
            self.seen[f"option {option} edge"] += 1

    def stood_short(self, option: str) -> None:
        self.short.add(option)


class Names:
    """Names of rows and guards that a person can find again in the table."""

    def __init__(self, tables: Tables) -> None:
        self.tables = tables

    def row(self, machine: str, index: int) -> str:
        """Name of a row."""
        return f"row {machine}: {told(self.tables.machines[machine].rows[index])}"

    def guard(self, machine: str, index: int, guard: str, held: bool) -> str:
        """Name of one outcome of a guard of a row."""
        row = told(self.tables.machines[machine].rows[index])
        return f"guard {machine}: {row}: {guard} {'holds' if held else 'does not hold'}"


def told(row: Row) -> str:
    """A row as it reads in the table."""
    sources = "any" if row.sources is None else ",".join(sorted(row.sources))
    guards = f" [{', '.join(row.guards)}]" if row.guards else ""
    return f"{sources} on {','.join(sorted(row.events))}{guards}"


def effect_name(effect: Effect) -> str:
    """Name of an effect of a machine."""
    args = f"({', '.join(effect.args)})" if effect.args else ""
    return f"effect {effect.machine}: {effect.name}{args}"


def _tables(tables: Tables) -> Iterator[tuple[str, bool]]:
    """Items of the machines, each with whether it is pending."""
    names = Names(tables)
    for machine in tables.machines.values():
        alive: set[str] = set()
        for index, row in enumerate(machine.rows):
            yield names.row(machine.name, index), row.pending
            for guard in row.guards:
                for held in (True, False):
                    yield names.guard(machine.name, index, guard, held), row.pending
            alive |= set() if row.pending else {effect_name(effect) for effect in row.effects}
        for effect in dict.fromkeys(effect_name(e) for row in machine.rows for e in row.effects):
            yield effect, effect not in alive
    for verb, row in tables.verbs.items():
        states = ("sent", "running", "settled") if not row["question"] else ()
        for state in states or ("none", "open", "answered"):
            yield f"verb {verb} while {state}", False


def _words(spec: Spec) -> Iterator[tuple[str, bool]]:
    """Items of codes, ends of links and options."""
    for code in [*spec.codes, "(unknown)"]:
        yield f"code {code}", False
    for row in spec.errors["close_codes"]:
        yield f"end {_end_name(row)}", False
    for name, option in spec.options.items():
        pending = "pending" in option
        if option["type"] == "time":
            words = ["default", "edge", *(["off"] if "off" in option else [])]
            words = [word for word in words if word != "default" or option["default"]]
        elif option["type"] == "words":
            words = option["words"]
        else:
            words = ["default", "given"]
        for word in words:
            yield f"option {name} {word}", pending


def _end_name(row: Tree) -> str:
    return f"{'http' if 'http' in row else 'code'} {row.get('http', row.get('code'))}"


def _messages(spec: Spec, walker: Walker) -> Iterator[tuple[str, bool]]:
    for word, (path, schema) in spec.actions.items():
        for item in walker.obligations(path, schema, word):
            yield f"schema → {item}", False
        if word in spec.answered:
            for item in walker.obligations(*spec.result(word), f"{word} answer"):
                yield f"schema ← {item}", False
    for word, (path, schema) in spec.events.items():
        for item in walker.obligations(path, schema, word):
            yield f"schema ← {item}", False


class Coverage:
    """Counts the items of one specification over a set of cases."""

    def __init__(self, spec: Spec, reader: Reader) -> None:
        self.spec = spec
        self.reader = reader
        self.walker = Walker(spec)
        self.tables = load_tables(spec)
        self.watcher = _Counting(Names(self.tables))
        self.tables.watcher = self.watcher

    def measure(self, cases: Iterable[Case], exclusions: dict[str, str] | None = None) -> Found:
        """Play every case through the oracle and say what was seen."""
        for case in cases:
            self.watcher.short.clear()
            self._case(case, expect(self.spec, self.reader, case, self.tables))
        entries = [*_tables(self.tables), *_words(self.spec), *_messages(self.spec, self.walker)]
        pending = [item for item, waits in entries if waits]
        items = list(dict.fromkeys(item for item, waits in entries if not waits))
        found = Found(items, set(self.watcher.seen), pending=pending)
        for pattern, reason in (exclusions or {}).items():
            fitting = [i for i in items if fnmatchcase(i, pattern) and i not in found.seen]
            found.excluded |= dict.fromkeys(fitting, reason)
            if not fitting:
                found.idle.append(pattern)
        return found

    def _saw(self, item: str) -> None:
        self.watcher.seen[item] += 1

    def _case(self, case: Case, expected: Expectation) -> None:
        for _, event in expected.events:
            code = event.get("flat", {}).get("code") or event.get("error", {}).get("code")
            if isinstance(code, str):
                self._saw(f"code {code if code in self.spec.codes else '(unknown)'}")
            if event["ev"] == "state" and event["to"] == "closed" and "code" in event:
                self._end("code", event["code"])
        calls: dict[str, str] = {}
        for _, _, frame in expected.frames:
            self._frame(frame, "→", frame["action"], self.spec.actions)
            calls[str(frame.get("requestId"))] = frame["action"]
        for step in case.steps:
            for frame in _delivered(step.kind, step.body):
                self._event(frame, calls)
            if step.kind == "do" and step.body["cmd"] == "open":
                self._options(step.body)
            plan = step.body.get("handshake") if step.kind == "wire" else None
            if isinstance(plan, dict) and "status" in plan:
                self._end("http", plan["status"])
            if step.kind == "wire" and "big" in step.body:
                self._saw("option maxMessageBytes given")

    def _end(self, column: str, code: int) -> None:
        row = self.spec.end_row(column, code)
        if row:
            self._saw(f"end {_end_name(row)}")

    def _frame(self, frame: Tree, arrow: str, word: str, known: Any) -> None:
        path, schema = known[word]
        for item in self.walker.shown(path, schema, frame, word):
            self._saw(f"schema {arrow} {item}")

    def _event(self, frame: Tree, calls: dict[str, str]) -> None:
        read = self.reader.read(json.dumps(frame))
        if read is None or not read.good:
            return
        self._frame(frame, "←", read.wire_type, self.spec.events)
        action = calls.get(read.request_id or "")
        if read.wire_type == "immediate_response" and action in self.spec.answered:
            path, schema = self.spec.result(action)
            for item in self.walker.shown(path, schema, frame["data"], f"{action} answer"):
                self._saw(f"schema ← {item}")

    def _options(self, body: Tree) -> None:
        for option, member in GIVEN.items():
            self._saw(f"option {option} {'given' if member in body else 'default'}")
        if "token" in body:
            self._saw(f"option tokenIn {body.get('tokenIn', 'query')}")
        for option, given in (
            ("url", True),
            ("idGenerator", True),
            ("clock", body.get("clock") == "virtual"),
            ("random", "random" in body),
        ):
            self._saw(f"option {option} {'given' if given else 'default'}")
        for word, ms in body.get("timeouts", {}).items():
            if ms == 0:
                self._saw(f"option {word}Timeout off")
        for option, row in self.spec.options.items():
            if option in GIVEN or option in OTHERWISE or row["type"] == "time":
                continue
            value = body.get("options", {}).get(option, row["default"])
            words = [str(value)] if row["type"] == "words" else ["default", "given"]
            given = option in body.get("options", {})
            self._saw(f"option {option} {words[given and len(words) > 1]}")
        if "maxMessageBytes" not in body.get("limits", {}):
            self._saw("option maxMessageBytes default")


def _delivered(kind: str, body: Tree) -> Iterator[Tree]:
    """Frames that a step brings to the client."""
    if kind == "send":
        yield body
    elif kind == "wire":
        verb, value = next(iter(body.items()))
        if verb in ("json", "bytewise", "mid-utf8"):
            yield value
        elif verb == "fragment":
            yield value["frame"]
        elif verb == "coalesce":
            yield from (frame for frame in value if isinstance(frame, dict))


def load_exclusions(path: Path = EXCLUDED) -> dict[str, str]:
    """Read ``coverage.yaml``: patterns of items with the reason why no case exercises them."""
    tree = load_yaml(path)
    entries = tree.get("excluded") if isinstance(tree, dict) else None
    if not isinstance(entries, list):
        raise CaseError(f"{path}:1: needs `excluded`, a list")
    found: dict[str, str] = {}
    for index, entry in enumerate(entries):
        if not isinstance(entry, dict) or not entry.get("item") or not entry.get("reason"):
            raise CaseError(f"{path}: /excluded/{index}: needs item and reason")
        found[entry["item"]] = entry["reason"]
    return found
