"""The tables in Python."""

from __future__ import annotations

from typing import Any

from wiregen.contract.model import Condition, Contract, Group, Option
from wiregen.contract.steps import quiet
from wiregen.contract.view import View
from wiregen.emit.base import render
from wiregen.emit.python import literal
from wiregen.ir import Effect
from wiregen.naming import pascal, snake, upper

_TYPES = {
    "boolean": "bool",
    "integer": "int",
    "string": "str",
    "kinds": "AbstractSet[QuestionKind]",
}
_OPERATORS = {"gt": ">", "ge": ">=", "eq": "=="}


def files(contract: Contract) -> dict[str, str]:
    """Return the modules that the tables of a specification fill."""
    found: dict[str, str] = {}
    if contract.machines:
        found["steps.py"] = render("python", "steps.py.j2", literal=literal, **_steps(contract))
    if contract.options or contract.limits:
        rows = [(upper(snake(item.name)), item, _value(item)) for item in contract.options]
        limits = [(upper(snake(item.name)), item) for item in contract.limits]
        found["options.py"] = render(
            "python", "options.py.j2", literal=literal, options=rows, limits=limits
        )
    if contract.close_codes or contract.texts or contract.capabilities:
        found["codes.py"] = render("python", "codes.py.j2", literal=literal, contract=contract)
    return found


def _value(item: Option) -> str:
    kinds = {"boolean": "bool", "words": "str", "string": "str", "object": "None"}
    kind = kinds.get(item.type, "int")
    return kind if item.default is not None or kind == "None" else f"{kind} | None"


def _steps(contract: Contract) -> dict[str, Any]:
    view = View(contract)
    kinds = view.initial_words()
    vocabulary = view.vocabulary()
    groups = contract.groups()
    return {
        "contract": contract,
        "kinds": kinds,
        "facts": [
            (item, _TYPES.get(item.type) or f"Literal{list(item.words)}") for item in contract.facts
        ],
        "guards": [(it, _condition(it.condition)) for it in contract.guards],
        "vocabulary": {
            pascal(name): "int" if words is None else f"Literal{list(words)}"
            for name, words in vocabulary.items()
        },
        "effects": [
            (pascal(item.name), item.doc, [(arg, pascal(arg)) for arg in item.args])
            for item in contract.effects
        ],
        "groups": {
            pascal(name): [pascal(item.name) for item in view.effects(machines)]
            for name, machines in groups.items()
        },
        "machines": [
            {
                "constant": upper(item.name),
                "item": item,
                "group": pascal(item.group),
                "question": item.name if item.name in kinds else None,
                "quiet": quiet(contract, item),
                "rows": [(row, [_effect(effect) for effect in row.effects]) for row in item.rows],
            }
            for item in contract.machines
        ],
        "snake": snake,
    }


def _effect(effect: Effect) -> str:
    args = ", ".join(arg if arg.isdecimal() else repr(arg) for arg in effect.args)
    return f"{pascal(effect.name)}({args})"


def _condition(condition: Condition) -> str:
    if isinstance(condition, Group):
        items = [_condition(item) for item in condition.items]
        if condition.op == "not":
            return f"not ({items[0]})"
        return "(" + (" and " if condition.op == "all" else " or ").join(items) + ")"
    fact = f"facts.{condition.fact}"
    if condition.op == "present":
        return f"{fact} is {'not ' if condition.value else ''}None"
    if condition.op == "column":
        column = {
            "kind": f"question.kind in {fact}",
            "verbs": f"{fact} in question.verbs",
            "no_pending": f"{fact} == question.no_pending",
        }[str(condition.value)]
        return f"(question is not None and {fact} is not None and {column})"
    if isinstance(condition.value, bool):
        return f"{fact} is {condition.value}"
    if condition.op == "eq":
        return f"{fact} == {condition.value!r}"
    return f"({fact} is not None and {fact} {_OPERATORS[condition.op]} {condition.value!r})"
