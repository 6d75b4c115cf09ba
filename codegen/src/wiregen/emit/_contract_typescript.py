"""The tables in TypeScript."""

from __future__ import annotations

import json
from typing import Any

from wiregen.contract.model import Condition, Contract, Group
from wiregen.contract.steps import quiet
from wiregen.contract.view import View
from wiregen.emit.base import clean, render, safe_block
from wiregen.ir import Effect
from wiregen.naming import camel, pascal, upper

_TYPES = {
    "boolean": "boolean",
    "integer": "number",
    "string": "string",
    "kinds": "ReadonlySet<QuestionKind>",
}
_OPERATORS = {"gt": ">", "ge": ">=", "eq": "==="}


def files(contract: Contract) -> dict[str, str]:
    """Return the modules that the tables of a specification fill."""
    found: dict[str, str] = {}
    tools = {"doc": lambda text: safe_block(clean(text)), "camel": camel, "upper": upper}
    if contract.machines:
        found["steps.ts"] = render("typescript", "steps.ts.j2", **tools, **_steps(contract))
    if contract.options or contract.limits:
        found["options.ts"] = render("typescript", "options.ts.j2", contract=contract, **tools)
    if contract.close_codes or contract.texts or contract.capabilities:
        found["codes.ts"] = render("typescript", "codes.ts.j2", contract=contract, **tools)
    return found


def _steps(contract: Contract) -> dict[str, Any]:
    view = View(contract)
    kinds = view.initial_words()
    vocabulary = view.vocabulary()
    args = {item.name: item.args for item in contract.effects}
    return {
        "contract": contract,
        "kinds": kinds,
        "facts": [(it, _TYPES.get(it.type) or _union(it.words)) for it in contract.facts],
        "guards": [(it, _condition(it.condition)) for it in contract.guards],
        "vocabulary": {
            pascal(name): "number" if words is None else _union(words)
            for name, words in vocabulary.items()
        },
        "groups": {
            pascal(name): [
                (
                    item,
                    [(camel(p.name), pascal(p.name), "?" * p.optional) for p in item.params],
                )
                for item in view.effects(machines)
            ]
            for name, machines in contract.groups().items()
        },
        "machines": [
            {
                "constant": upper(item.name),
                "item": item,
                "type": pascal(item.name) + "State",
                "states": _union(tuple(state.name for state in item.states)),
                "group": pascal(item.group),
                "question": item.name if item.name in kinds else None,
                "quiet": quiet(contract, item),
                "rows": [
                    (row, [_effect(effect, args, vocabulary) for effect in row.effects])
                    for row in item.rows
                ],
            }
            for item in contract.machines
        ],
    }


def _union(words: tuple[str, ...]) -> str:
    return " | ".join(json.dumps(word) for word in words) or "never"


def _effect(
    effect: Effect,
    args: dict[str, tuple[str, ...]],
    vocabulary: dict[str, tuple[str, ...] | None],
) -> str:
    parts = [f"do: {json.dumps(effect.name)}"]
    for name, value in zip(args[effect.name], effect.args, strict=False):
        number = vocabulary[name] is None
        parts.append(f"{camel(name)}: {value if number else json.dumps(value)}")
    return "{ " + ", ".join(parts) + " }"


def _condition(condition: Condition) -> str:
    if isinstance(condition, Group):
        items = [_condition(item) for item in condition.items]
        if condition.op == "not":
            return f"!({items[0]})"
        return "(" + (" && " if condition.op == "all" else " || ").join(items) + ")"
    fact = f"facts.{camel(condition.fact)}"
    if condition.op == "present":
        return f"{fact} {'!' if condition.value else '='}== undefined"
    if condition.op == "column":
        column = {
            "kind": f"{fact}.has(question.kind)",
            "verbs": f"question.verbs.includes({fact})",
            "no_pending": f"{fact} === question.noPending",
        }[str(condition.value)]
        return f"(question !== undefined && {fact} !== undefined && {column})"
    value = json.dumps(condition.value)
    if condition.op == "eq":
        return f"{fact} === {value}"
    return f"({fact} !== undefined && {fact} {_OPERATORS[condition.op]} {value})"
