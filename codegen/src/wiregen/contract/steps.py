"""What the tables mean: when a guard holds, where an event leads, which events are quiet."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import product
from typing import Any

from wiregen.contract.model import Condition, Contract, Group, Question, Row, StateMachine, Test
from wiregen.ir import Effect

Facts = Mapping[str, Any]


def holds(condition: Condition, facts: Facts, question: Question | None) -> bool:
    """Whether a condition holds. A fact that is absent meets no comparison."""
    if isinstance(condition, Group):
        found = [holds(item, facts, question) for item in condition.items]
        if condition.op == "not":
            return not found[0]
        return all(found) if condition.op == "all" else any(found)
    value = facts.get(condition.fact)
    if condition.op == "present":
        return (value is not None) is condition.value
    if value is None:
        return False
    match condition.op:
        case "eq":
            return bool(value == condition.value)
        case "gt":
            return bool(value > condition.value)
        case "ge":
            return bool(value >= condition.value)
        case _:
            return question is not None and _in_column(question, str(condition.value), value)


def _in_column(question: Question, column: str, value: Any) -> bool:
    if column == "kind":
        return question.kind in value
    if column == "verbs":
        return value in question.verbs
    return bool(value == question.no_pending)


def step(
    contract: Contract, machine: StateMachine, state: str, event: str, facts: Facts
) -> tuple[Row | None, str, tuple[Effect, ...]]:
    """Return the row that fires, the next state, and what is to be done."""
    question = contract.question(machine.name)
    for row in machine.rows:
        here = not row.sources or state in row.sources
        if here and event in row.events:
            guards = (contract.guard(name).condition for name in row.guards)
            if all(holds(guard, facts, question) for guard in guards):
                return row, row.target or state, row.effects
    return None, state, ()


def quiet(contract: Contract, machine: StateMachine, effect: str = "item") -> dict[str, list[str]]:
    """Return, by state, the events whose only consequence is one ``effect``.

    Their row has no guard and leaves the state, and no other machine of the group, at rest, has a
    row for them: whoever sees one while all questions rest may do the effect and step no machine.
    """
    others = [it for it in contract.machines if it.group == machine.group and it is not machine]
    found: dict[str, list[str]] = {}
    for state in (word.name for word in machine.states):
        for event in machine.events():
            row = next((it for it in _rows(machine, state, event)), None)
            if row is None or row.guards or row.pending or (row.target or state) != state:
                continue
            alone = [str(item) for item in row.effects] == [effect]
            if alone and not any(True for it in others for _ in _rows(it, it.initial, event)):
                found.setdefault(state, []).append(event)
    return found


def _rows(machine: StateMachine, state: str, event: str) -> Iterator[Row]:
    for row in machine.rows:
        if event in row.events and (not row.sources or state in row.sources):
            yield row


def tests_of(condition: Condition) -> Iterator[Test]:
    """Yield the comparisons of a condition."""
    if isinstance(condition, Test):
        yield condition
        return
    for item in condition.items:
        yield from tests_of(item)


def situations(
    contract: Contract, machine: StateMachine, state: str, event: str
) -> Iterator[dict[str, Any]]:
    """Yield facts for a pair: one set for each way in which its comparisons may stand."""
    names = dict.fromkeys(g for row in _rows(machine, state, event) for g in row.guards)
    conditions = [contract.guard(name).condition for name in names]
    question = contract.question(machine.name)
    values: dict[str, list[Any]] = {}
    tests = [it for condition in conditions for it in tests_of(condition)]
    for test in tests:
        found = values.setdefault(test.fact, [None])
        found += [it for it in _samples(contract, test, question) if it not in found]
    seen: set[tuple[bool, ...]] = set()
    for chosen in product(*values.values()):
        facts = {k: v for k, v in zip(values, chosen, strict=True) if v is not None}
        stands = tuple(holds(test, facts, question) for test in tests)
        if stands not in seen:
            seen.add(stands)
            yield facts


def _samples(contract: Contract, test: Test, question: Question | None) -> list[Any]:
    """Return values of a fact on both sides of a comparison."""
    fact = contract.fact(test.fact)
    if test.op in ("gt", "ge") or fact.type == "integer":
        at = int(test.value)
        return [at - 1, at, at + 1]
    if fact.type == "boolean":
        return [True, False]
    if fact.type == "word":
        return list(fact.words)
    if fact.type == "kinds":
        return [[it.kind] for it in contract.questions]
    mine = [question.no_pending] if question and question.no_pending else []
    return [*([test.value] if test.op == "eq" else mine), "OTHER_CODE"]
