"""The tables in Go."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from wiregen.contract.model import Condition, Contract, Group, Row
from wiregen.contract.steps import quiet
from wiregen.contract.view import Param, View, Words
from wiregen.emit._go_types import words
from wiregen.emit.base import render, wrap
from wiregen.escape import go as quote
from wiregen.ir import Effect
from wiregen.naming import camel, go_exported

_TYPES = {"boolean": "bool", "integer": "int64", "string": "string", "word": "string"}
_OPERATORS = {"gt": ">", "ge": ">="}
_DURATIONS = {"ms": "time.Millisecond"}


def files(contract: Contract, package: str) -> dict[str, str]:
    """Return the files that the tables of a specification fill."""
    found: dict[str, str] = {}
    tools = {"quote": quote, "words": words, "exported": go_exported, "doc": _doc}
    common = {"package": package, "contract": contract, **tools}

    def add(name: str, **context: Any) -> None:
        text = render("go", f"{name}.go.j2", **common, **context)
        found[f"{package}/wire_{name}.gen.go"] = text

    if contract.machines:
        add("steps", **_steps(contract))
    if contract.options or contract.limits:
        add("options", durations=_DURATIONS, literal=_literal)
    if contract.close_codes or contract.texts or contract.capabilities:
        add("codes")
    return found


def _doc(text: str) -> tuple[str, ...]:
    return wrap(text, 92)


def _literal(value: object) -> str:
    if value is None:
        return "nil"
    if isinstance(value, bool):
        return str(value).lower()
    return quote(value) if isinstance(value, str) else str(value)


def _steps(contract: Contract) -> dict[str, Any]:
    view = View(contract)
    kinds = view.initial_words()
    vocabulary = view.vocabulary()
    params = {
        (name, item.name): item.params
        for name, machines in contract.groups().items()
        for item in view.effects(machines)
    }
    return {
        "kinds": kinds,
        "question_group": next((it.group for it in contract.machines if it.name in kinds), ""),
        "facts": [
            (
                it,
                camel(it.name),
                "[]string" if it.type == "kinds" else f"stepFact[{_TYPES[it.type]}]",
            )
            for it in contract.facts
        ],
        "guards": [(it, _condition(it.condition)) for it in contract.guards],
        "vocabulary": {
            f"step{go_exported(name)}": [(go_exported(word), word) for word in found]
            for name, found in vocabulary.items()
            if found is not None
        },
        "groups": {
            name: [
                (
                    item,
                    camel(item.name),
                    ", ".join(f"{camel(p.name)} {_kind(p, vocabulary)}" for p in item.params),
                )
                for item in view.effects(machines)
            ]
            for name, machines in contract.groups().items()
        },
        "machines": [
            {
                "item": item,
                "question": item.name if item.name in kinds else None,
                "quiet": quiet(contract, item),
                "rows": [_row(item.group, row, params, vocabulary) for row in item.rows],
            }
            for item in contract.machines
        ],
        "camel": camel,
    }


def _kind(param: Param, words: Words) -> str:
    return "int" if words[param.name] is None else f"step{go_exported(param.name)}"


def _row(
    group: str,
    row: Row,
    params: Mapping[tuple[str, str], tuple[Param, ...]],
    vocabulary: Words,
) -> str:
    """Return a row of a machine: where it starts, what moves it, where it leads, what is to do."""
    found = [f"sources: {words(row.sources)}"] if row.sources else []
    found.append(f"events: {words(row.events)}")
    if row.guards:
        guards = ", ".join(f"guard{go_exported(guard)}" for guard in row.guards)
        found.append(f"guards: []stepGuard{{{guards}}}")
    if row.target:
        found.append(f"target: {quote(row.target)}")
    if row.effects:
        effects = (_effect(group, e, params[group, e.name], vocabulary) for e in row.effects)
        found.append(f"effects: []stepEffect[{group}Acts]{{{', '.join(effects)}}}")
    return ", ".join(found)


def _effect(group: str, effect: Effect, params: tuple[Param, ...], words: Words) -> str:
    """Return an effect as its text and what it calls of the driver."""
    given = []
    for index, param in enumerate(params):
        value = effect.args[index] if index < len(effect.args) else None
        if words[param.name] is None:
            given.append(value or "0")
        else:
            given.append(f"{_kind(param, words)}{go_exported(value)}" if value else '""')
    if not given:
        return f"{{{quote(str(effect))}, {group}Acts.{camel(effect.name)}}}"
    call = f"d.{camel(effect.name)}({', '.join(given)})"
    return f"{{{quote(str(effect))}, func(d {group}Acts) {{ {call} }}}}"


def _condition(condition: Condition) -> str:
    if isinstance(condition, Group):
        items = [_condition(item) for item in condition.items]
        if condition.op == "not":
            return f"!({items[0]})"
        return "(" + (" && " if condition.op == "all" else " || ").join(items) + ")"
    fact = f"f.{camel(condition.fact)}"
    if condition.op == "present":
        return fact + ".known" if condition.value else f"!{fact}.known"
    if condition.op == "column":
        column = {
            "kind": f"slices.Contains({fact}, q.kind)",
            "verbs": f"{fact}.known && slices.Contains(q.verbs, {fact}.value)",
            "no_pending": f'{fact}.known && q.noPending != "" && {fact}.value == q.noPending',
        }[str(condition.value)]
        return f"(q != nil && {column})"
    if condition.op == "eq":
        return f"{fact}.is({_literal(condition.value)})"
    return f"({fact}.known && {fact}.value {_OPERATORS[condition.op]} {_literal(condition.value)})"
