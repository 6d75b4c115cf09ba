"""Steps through the tables of ``machine.yaml``; the only interpreter of the Python tools.

Two entry points: ``frame`` for what came from the peer, ``local`` for what happened here. Both pass
the machines of the questions, then the main machine, and give back the effects as values; whoever
called acts on them. Guards are data over facts that were read before any machine moved.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from conform.documents import CaseError
from conform.spec import Spec

Facts = Mapping[str, Any]
EFFECT = re.compile(r"(\w+)(?:\((.*)\))?")
SETTLED = "settled"


@dataclass(frozen=True)
class Effect:
    """One effect with its arguments: ``settle(failed, by_code)``. ``machine`` gave it."""

    name: str
    args: tuple[str, ...]
    machine: str = ""


@dataclass(frozen=True)
class Row:
    """One transition of a machine."""

    sources: frozenset[str] | None  # None = any state
    events: frozenset[str]
    guards: tuple[str, ...]
    to: str | None
    effects: tuple[Effect, ...]
    pending: bool = False


def parse_effect(text: str, machine: str = "") -> Effect:
    """Read ``name`` or ``name(a, b)``."""
    found = EFFECT.fullmatch(text)
    if found is None:
        raise ValueError(text)
    args = tuple(a.strip() for a in (found[2] or "").split(",") if a.strip())
    return Effect(found[1], args, machine)


class Machine:
    """The table of one machine."""

    def __init__(self, table: Mapping[str, Any], name: str = "") -> None:
        self.name = name
        self._by_event: dict[str, list[tuple[int, Row]]] = {}
        self.initial: str = table["initial"]
        self.rows = [
            Row(
                sources=None if t["from"] == "any" else frozenset(t["from"]),
                events=frozenset(t["on"]),
                guards=tuple(t.get("guard", [])),
                to=t.get("to"),
                effects=tuple(parse_effect(e, name) for e in t.get("emit", [])),
                pending="pending" in t,
            )
            for t in table["transitions"]
        ]

    def of(self, event: str) -> list[tuple[int, Row]]:
        """Rows of an event with their numbers, in order."""
        if event not in self._by_event:
            rows = enumerate(self.rows)
            self._by_event[event] = [(index, row) for index, row in rows if event in row.events]
        return self._by_event[event]

    def replace(self, rows: list[Row]) -> None:
        """Take other rows (a mutant of the table)."""
        self.rows = rows
        self._by_event.clear()


class Watcher:
    """Sees what the tables are asked; the one of coverage counts, this one does nothing."""

    def fired(self, machine: str, row: int) -> None:
        """A row was taken."""

    def asked(self, machine: str, row: int, guard: str, held: bool) -> None:
        """A guard of a row decided, as far as it came to it."""

    def answered(self, verb: str, state: str) -> None:
        """A verb was called while its question, or for ``cancel`` its turn, was in a state."""

    def armed(self, option: str, ms: int, given: bool) -> None:
        """A time limit began, its option given or left to its default."""

    def came_due(self, option: str, given: bool) -> None:
        """A time limit ended something."""

    def stood_short(self, option: str) -> None:
        """The clock stopped one millisecond before a time limit."""


class Tables:
    """All machines of a specification, its guards, questions, verbs and answers."""

    def __init__(self, tree: Mapping[str, Any]) -> None:
        self.machines = {name: Machine(table, name) for name, table in tree["machines"].items()}
        self.questions = {row["kind"]: dict(row) for row in tree["questions"]}
        self.verbs = {row["name"]: row for row in tree["verbs"]}
        self.answers: list[Mapping[str, Any]] = tree["answers"]
        self.timers: list[Mapping[str, Any]] = tree["timers"]
        self.reads = frozenset(tree.get("reads", ()))
        self.routing: list[str] = [row["to"] for row in tree["routing"]]
        self.guards: Mapping[str, Any] = tree["guards"]
        self.watcher = Watcher()
        for kind, question in self.questions.items():
            question["verbs"] = [v for v, row in self.verbs.items() if row["question"] == kind]

    def step(self, name: str, state: str, event: str, facts: Facts) -> tuple[str, list[Effect]]:
        """Take the first row that fits; nothing happens when none does."""
        for index, row in self.machines[name].of(event):
            if row.pending or (row.sources is not None and state not in row.sources):
                continue
            if self._allows(name, index, row, facts):
                self.watcher.fired(name, index)
                return row.to or state, list(row.effects)
        return state, []

    def _allows(self, name: str, index: int, row: Row, facts: Facts) -> bool:
        for guard in row.guards:
            held = self._holds(self.guards[guard], self.questions.get(name, {}), facts)
            self.watcher.asked(name, index, guard, held)
            if not held:
                return False
        return True

    def _holds(self, guard: Mapping[str, Any], question: Mapping[str, Any], facts: Facts) -> bool:
        """Whether a condition holds; over a fact that is not there none does."""
        match guard:
            case {"any": parts}:
                return any(self._holds(part, question, facts) for part in parts)
            case {"all": parts}:
                return all(self._holds(part, question, facts) for part in parts)
            case {"not": part}:
                return not self._holds(part, question, facts)
        value = facts.get(guard["fact"])
        if value is None or "present" in guard:
            return bool((value is not None) == guard.get("present", True))
        match guard:
            case {"column": name}:
                column = question.get(name)
                return bool(column in value) if isinstance(value, set) else _in(value, column)
            case {"eq": wanted}:
                return bool(value == wanted)
            case {"gt": least}:
                return bool(value > least)
            case {"ge": least}:
                return bool(value >= least)
        raise ValueError(f"a guard compares with nothing: {guard}")

    def answer(self, event: str, facts: Facts, turn: str) -> tuple[str, ...]:
        """Verbs that an event answers, by the first entry of ``answers`` that fits."""
        for row in self.answers:
            skipped = row.get("unless") == "status_202" and facts.get("status") == 202
            state, code = row.get("turn", turn), row.get("code", facts.get("code"))
            if row["on"] == event and not skipped and (state, code) == (turn, facts.get("code")):
                return tuple(row["verbs"])
        return ()


def _in(value: Any, column: Any) -> bool:
    return bool(value in column) if isinstance(column, list) else bool(value == column)


class Group:
    """Machines that step together: those of the questions in their order, then the main one."""

    def __init__(self, tables: Tables, main: str, questions: bool = False) -> None:
        self.tables = tables
        self.main = main
        self.questions = list(tables.questions) if questions else []
        self.states = {n: tables.machines[n].initial for n in (*self.questions, main)}

    @property
    def state(self) -> str:
        """State of the main machine."""
        return self.states[self.main]

    @property
    def settled(self) -> bool:
        """Whether the main machine has its outcome."""
        return self.state == SETTLED

    @property
    def asks_one(self) -> bool:
        """Whether exactly one question is open."""
        return [self.states[name] for name in self.questions].count("open") == 1

    def frame(self, event: str, facts: Facts) -> list[Effect]:
        """What a frame leads to."""
        return self._all(event, facts)

    def local(self, event: str, facts: Facts, of: str | None = None) -> list[Effect]:
        """What something that happened here leads to; with ``of`` in that machine alone."""
        return self._one(of, event, facts) if of else self._all(event, facts)

    def _all(self, event: str, facts: Facts) -> list[Effect]:
        was = self.settled
        found: list[Effect] = []
        for name in self.questions:
            if not was or self.tables.questions[name]["outlives_turn"]:
                found += self._one(name, event, facts)
        found += self._one(self.main, event, facts)
        if self.settled and not was:
            for name in self.questions:
                found += self._one(name, "settle", facts)
        return found

    def _one(self, name: str, event: str, facts: Facts) -> list[Effect]:
        self.states[name], effects = self.tables.step(name, self.states[name], event, facts)
        return effects


def load_tables(spec: Spec) -> Tables:
    """Read the tables; raises ``CaseError`` for words that the interpreter does not know."""
    try:
        tables = Tables(spec.machine)
        for machine in tables.machines.values():
            for row in machine.rows:
                unknown = {*row.guards} - {*tables.guards}
                if unknown:
                    raise KeyError(f"{machine.name}: guard {min(unknown)}")
    except (KeyError, TypeError, ValueError) as error:
        raise CaseError(f"{spec.root / 'machine.yaml'}: a table is malformed: {error}") from None
    return tables
