"""The tables in Rust."""

from __future__ import annotations

import json
from typing import Any

from wiregen.contract.model import Condition, Contract, Fact, Group, StateMachine, Test
from wiregen.contract.steps import quiet
from wiregen.contract.view import GroupEffect, View
from wiregen.emit.base import render, wrap
from wiregen.ir import Effect
from wiregen.naming import pascal, snake, upper

_TYPES = {"boolean": "bool", "integer": "i64", "string": "&'a str", "kinds": "[bool; QUESTIONS]"}
_OPERATORS = {"gt": ">", "ge": ">="}
_PUBLIC = {"ConnectionState": "Where the link stands.", "TurnState": "Where a turn stands."}


def files(contract: Contract, wires: tuple[str, ...], tight: bool) -> dict[str, str]:
    """Return the modules that the tables of a specification fill.

    ``wires`` are the types of its events. In a ``tight`` crate what only tests use is theirs alone.
    """
    found: dict[str, str] = {}
    tools = {"q": _text, "pascal": pascal, "upper": upper, "snake": snake, "doc": _doc}
    common = {"contract": contract, "tight": tight, "words": _words, "optional": _optional, **tools}
    if contract.machines:
        steps = _Steps(contract).context(wires)
        found["steps.rs"] = render("rust", "steps.rs.j2", **common, **steps)
    if contract.options or contract.limits:
        found["options.rs"] = render("rust", "options.rs.j2", **common, value=_value)
    if contract.close_codes or contract.texts or contract.capabilities:
        found["codes.rs"] = render("rust", "codes.rs.j2", **common)
    return found


def _text(value: str) -> str:
    return json.dumps(value, ensure_ascii=False)


def _doc(text: str) -> tuple[str, ...]:
    return wrap(text, 92)


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:].removesuffix(".") + "." if text else ""


def _words(words: tuple[str, ...]) -> str:
    return "&[" + ", ".join(_text(word) for word in words) + "]"


def _optional(value: str | None) -> str:
    return "None" if value is None else f"Some({_text(value)})"


def _value(value: object) -> str:
    if value is None:
        return "Value::None"
    if isinstance(value, bool):
        return f"Value::Flag({str(value).lower()})"
    return f"Value::Word({_text(value)})" if isinstance(value, str) else f"Value::Number({value})"


def _bare(text: str) -> str:
    """Take off the parentheses that hold a whole group: rustc warns about them."""
    return text[1:-1] if text.startswith("(") and text.endswith(")") else text


class _Steps:
    """The view of the machines: enums for all words, one effect type a group."""

    def __init__(self, contract: Contract) -> None:
        self.contract = contract
        self.view = View(contract)
        self.vocabulary = self.view.vocabulary()
        self.kinds = self.view.initial_words()

    def context(self, wires: tuple[str, ...]) -> dict[str, Any]:
        contract = self.contract
        asking = [machine for machine in contract.machines if machine.name in self.kinds]
        enums = self._enums()
        return {
            "enums": enums,
            "shown": any(public for _, _, public, _ in enums),
            "kinds": [
                (pascal(it.kind), it.kind, f"Asked by `{it.shows}`.") for it in contract.questions
            ],
            "asking": pascal(asking[0].group) if asking else "",
            "events": [(pascal(event), event) for event in contract.events],
            "pending": self._pending(),
            "wires": [pascal(wire) for wire in wires if wire in contract.events],
            "facts": [(fact, self._fact_type(fact)) for fact in contract.facts],
            "life": any(fact.type == "string" for fact in contract.facts),
            "guards": [(it, _bare(self._condition(it.condition))) for it in contract.guards],
            "groups": {
                pascal(name): [
                    (it, pascal(it.name), self._params(it)) for it in self.view.effects(machines)
                ]
                for name, machines in contract.groups().items()
            },
            "machines": [self._machine(item) for item in contract.machines],
        }

    def _pending(self) -> set[str]:
        """Return the events that only rows take that are decided and not wired yet."""
        rows = [row for machine in self.contract.machines for row in machine.rows]
        wired = {event for row in rows if row.pending is None for event in row.events}
        return {event for row in rows for event in row.events} - wired

    def _enums(self) -> list[tuple[str, list[tuple[str, str, str]], str, bool]]:
        """Return name, words with their meaning, for a public enum what it is, and whether its
        words are only what effects carry."""
        contract = self.contract
        found: dict[str, dict[str, str]] = {}
        if contract.verbs:
            found["Verb"] = {verb.name: "" for verb in contract.verbs}
        for machine in contract.machines:
            states = {it.name: _sentence(it.doc) for it in machine.states}
            found.setdefault(self._state(machine), {}).update(states)
        carried = {pascal(name) for name, words in self.vocabulary.items() if words is not None}
        for name, words in self.vocabulary.items():
            if words is not None:
                found[pascal(name)] = dict.fromkeys(words, "")
        for fact in contract.facts:
            if fact.type == "word":
                found.setdefault(self._word_type(fact), dict.fromkeys(fact.words, ""))
        return [
            (
                name,
                [(pascal(it), it, doc or f"The word `{it}`.") for it, doc in words.items()],
                _PUBLIC.get(name, ""),
                name in carried,
            )
            for name, words in found.items()
        ]

    def _state(self, machine: StateMachine) -> str:
        """Return the enum of a machine's states; the questions share one."""
        return "QuestionState" if machine.name in self.kinds else f"{pascal(machine.name)}State"

    def _word_type(self, fact: Fact) -> str:
        if fact.words == tuple(verb.name for verb in self.contract.verbs):
            return "Verb"
        for machine in self.contract.machines:
            if fact.words == tuple(state.name for state in machine.states):
                return self._state(machine)
        return pascal(fact.name)

    def _fact_type(self, fact: Fact) -> str:
        return _TYPES.get(fact.type) or self._word_type(fact)

    def _params(self, effect: GroupEffect) -> list[str]:
        kinds = [
            "u16" if self.vocabulary[param.name] is None else pascal(param.name)
            for param in effect.params
        ]
        return [
            f"Option<{kind}>" if param.optional else kind
            for kind, param in zip(kinds, effect.params, strict=True)
        ]

    def _machine(self, item: StateMachine) -> dict[str, Any]:
        state = self._state(item)
        rows = []
        for row in item.rows:
            sources = ", ".join(f"{state}::{pascal(it)}" for it in row.sources)
            guards = ", ".join(f"{it}_guard" for it in row.guards)
            target = f"Some({state}::{pascal(row.target)})" if row.target else "None"
            effects = ", ".join(self._effect(item.group, it) for it in row.effects)
            rows.append(f"row(&[{sources}], &[{guards}], {target}, &[{effects}])")
        index = [
            [number for number, row in enumerate(item.rows) if event in row.events]
            for event in self.contract.events
        ]
        still = quiet(self.contract, item)
        return {
            "item": item,
            "state": state,
            "effect": f"{pascal(item.group)}Effect",
            "question": item.name if item.name in self.kinds else None,
            "rows": rows,
            "index": [f"&{found}" for found in index],
            "quiet": [
                (f"{state}::{pascal(name)}", [f"Signal::{pascal(it)}" for it in events])
                for name, events in still.items()
            ],
        }

    def _effect(self, group: str, effect: Effect) -> str:
        effects = self.view.effects(self.contract.groups()[group])
        params = next(it.params for it in effects if it.name == effect.name)
        given = []
        for index, param in enumerate(params):
            value = effect.args[index] if index < len(effect.args) else None
            said = "None"
            if value is not None:
                number = self.vocabulary[param.name] is None
                said = value if number else f"{pascal(param.name)}::{pascal(value)}"
                said = f"Some({said})" if param.optional else said
            given.append(said)
        arguments = f"({', '.join(given)})" if given else ""
        return f"{pascal(group)}Effect::{pascal(effect.name)}{arguments}"

    def _condition(self, condition: Condition) -> str:
        if isinstance(condition, Group):
            items = [self._condition(item) for item in condition.items]
            if condition.op == "not" and _is_comparison(condition.items[0]):
                return items[0].replace(" == ", " != ")  # clippy: nonminimal_bool
            if condition.op == "not":
                return f"!{items[0]}" if items[0].startswith("(") else f"!({items[0]})"
            return "(" + (" && " if condition.op == "all" else " || ").join(items) + ")"
        return self._test(condition)

    def _test(self, test: Test) -> str:
        fact = self.contract.fact(test.fact)
        name = f"facts.{test.fact}"
        if test.op == "present":
            return f"{name}.is_{'some' if test.value else 'none'}()"
        if test.op == "column":
            column = {
                "kind": f"{name}.is_some_and(|them| them[of.kind as usize])",
                "verbs": f"{name}.is_some_and(|verb| of.verbs.contains(&verb))",
                "no_pending": f"{name}.is_some() && {name} == of.no_pending",
            }[str(test.value)]
            return f"question.is_some_and(|of| {column})"
        if test.op in _OPERATORS:
            return f"{name}.is_some_and(|it| it {_OPERATORS[test.op]} {test.value})"
        if isinstance(test.value, bool):
            return f"{name} == Some({str(test.value).lower()})"
        if fact.type == "word":
            return f"{name} == Some({self._word_type(fact)}::{pascal(str(test.value))})"
        value = _text(test.value) if isinstance(test.value, str) else test.value
        return f"{name} == Some({value})"


def _is_comparison(condition: Condition) -> bool:
    """Tell whether a condition is printed as one ``==``."""
    return isinstance(condition, Test) and condition.op == "eq"
