"""The tables in C#."""

from __future__ import annotations

import json
from typing import Any

from wiregen.contract.model import Condition, Contract, Group
from wiregen.contract.steps import quiet
from wiregen.contract.view import Param, View, Words
from wiregen.emit._csharp_types import doc_lines
from wiregen.emit.base import render
from wiregen.ir import Effect
from wiregen.naming import camel, escaped, pascal
from wiregen.reserved import RESERVED

_TYPES = {"boolean": "bool", "integer": "long", "kinds": "IReadOnlyCollection<string>"}
# Machines whose state an application reads: their words are a public enumeration.
_SHOWN = ("connection", "turn")
# Types of the framework that every file imports: words of effects take a prefix.
_SYSTEM_TYPES = frozenset({"Action", "Timer"})
_OPERATORS = {"gt": ">", "ge": ">="}


def files(contract: Contract, namespace: str) -> dict[str, str]:
    """Return the files that the tables of a specification fill."""
    found: dict[str, str] = {}
    tools = {"q": json.dumps, "words": _words, "pascal": pascal, "doc": doc_lines}
    common = {"namespace": namespace, "contract": contract, "literal": _literal, **tools}
    if contract.machines:
        found["Steps.g.cs"] = render("csharp", "Steps.cs.j2", **common, **_steps(contract))
        shown = [item for item in contract.machines if item.name in _SHOWN]
        found["States.g.cs"] = render("csharp", "States.cs.j2", **common, shown=shown)
    if contract.options or contract.limits:
        kinds = {"boolean": "bool", "words": "string", "string": "string"}
        typed = [(it, kinds.get(it.type, "long")) for it in contract.options]
        found["OptionTable.g.cs"] = render("csharp", "OptionTable.cs.j2", **common, options=typed)
    if contract.close_codes or contract.texts or contract.capabilities:
        found["Codes.g.cs"] = render("csharp", "Codes.cs.j2", **common)
    return found


def _words(words: tuple[str, ...]) -> str:
    return "[" + ", ".join(json.dumps(word) for word in words) + "]"


def _literal(value: object) -> str:
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value}L"
    return json.dumps(value)


def _steps(contract: Contract) -> dict[str, Any]:
    view = View(contract)
    kinds = view.initial_words()
    vocabulary = view.vocabulary()
    groups = contract.groups()
    params = {
        (name, item.name): item.params
        for name, machines in groups.items()
        for item in view.effects(machines)
    }
    questions = [item for item in contract.machines if item.name in kinds]
    asking = {
        f"I{pascal(item.group)}Acts": [pascal(it.name) for it in questions] for item in questions
    }
    return {
        "asking": asking,
        "facts": [(it, _TYPES.get(it.type, "string")) for it in contract.facts],
        "guards": [(it, _condition(it.condition)) for it in contract.guards],
        "vocabulary": {
            _kind(name): [(pascal(word), word) for word in found]
            for name, found in vocabulary.items()
            if found is not None
        },
        "groups": {
            pascal(name): [
                (
                    item,
                    pascal(item.name),
                    ", ".join(
                        _param(param.name, param.optional, vocabulary) for param in item.params
                    ),
                )
                for item in view.effects(machines)
            ]
            for name, machines in groups.items()
        },
        "machines": [
            {
                "item": item,
                "acts": f"I{pascal(item.group)}Acts",
                "question": item.name if item.name in kinds else None,
                "quiet": quiet(contract, item),
                "rows": [
                    (row, [_effect(e, params[item.group, e.name], vocabulary) for e in row.effects])
                    for row in item.rows
                ],
            }
            for item in contract.machines
        ],
    }


def _kind(name: str) -> str:
    """Return the name of the list of words that a parameter takes."""
    kind = pascal(name)
    return f"Step{kind}" if kind in _SYSTEM_TYPES else kind


def _param(name: str, optional: bool, vocabulary: Words) -> str:
    kind = "int" if vocabulary[name] is None else _kind(name)
    return f"{kind}{'?' * optional} {escaped(camel(name), RESERVED['csharp'], 'Word')}"


def _effect(effect: Effect, params: tuple[Param, ...], words: Words) -> str:
    """Return an effect as its text and what it calls of the driver."""
    given = []
    for index, param in enumerate(params):
        value = effect.args[index] if index < len(effect.args) else None
        number = words[param.name] is None
        given.append("null" if value is None else value if number else _member(param, value))
    call = f"driver.{pascal(effect.name)}({', '.join(given)})"
    return f"new({json.dumps(str(effect))}, driver => {call})"


def _member(param: Param, value: str) -> str:
    return f"{_kind(param.name)}.{pascal(value)}"


def _condition(condition: Condition) -> str:
    if isinstance(condition, Group):
        items = [_condition(item) for item in condition.items]
        if condition.op == "not":
            return f"!({items[0]})"
        return "(" + (" && " if condition.op == "all" else " || ").join(items) + ")"
    fact = f"facts.{pascal(condition.fact)}"
    if condition.op == "present":
        return f"{fact} is {'not ' if condition.value else ''}null"
    if condition.op == "column":
        column = {
            "kind": f"{fact}.Contains(question.Kind)",
            "verbs": f"question.Verbs.Contains({fact})",
            "no_pending": f"{fact} == question.NoPending",
        }[str(condition.value)]
        return f"(question is not null && {fact} is not null && {column})"
    value = json.dumps(condition.value)
    if condition.op == "eq":
        return f"{fact} == {value}"
    return f"{fact} {_OPERATORS[condition.op]} {value}"
