"""The tables of the Rust wire room: repair shapes, errors and state machines, as printable data."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from wiregen.emit.base import wrap
from wiregen.escape import rust as text
from wiregen.ir import Answer, Check, Effect, ErrorCode, Machine, Message, Spec, Transition
from wiregen.naming import identifier, pascal, snake, upper
from wiregen.shapes import build_unions, struct_refs

WIDTH = 92
Context = dict[str, Any]


@dataclass(frozen=True, slots=True)
class RustWord:
    """A variant of an enum: its name, the word it stands for and what it means."""

    name: str
    word: str
    doc: tuple[str, ...]


def doc(words: str, fallback: str) -> tuple[str, ...]:
    """Wrap the meaning of a word for `///`."""
    plain = (words or fallback).replace("[", "\\[").replace("<", "\\<")
    return wrap(plain[:1].upper() + plain[1:], WIDTH)


def word(name: str, meaning: str) -> RustWord:
    """Build the variant of a word."""
    return RustWord(pascal(name), name, doc(meaning, f"`{name}`."))


def optional(value: str | None, show: Callable[[str], str]) -> str:
    """Return `None` or `Some(…)`."""
    return "None" if value is None else f"Some({show(value)})"


# --- shapes


def shape_name(name: str) -> str:
    """Name of the static that holds the repair table of a struct."""
    return identifier("rust", upper(name), "X")


def shapes(spec: Spec, readable: Iterable[str]) -> list[tuple[str, str, list[str]]]:
    """Return name, struct and member rows of every repair table that is used."""
    read = _reachable(spec, readable)
    return [
        (
            shape_name(shape.name),
            shape.name,
            [
                f"member({text(field.wire)}, {_flags(field.required, field.nullable)}, "
                f"{_check(field.check)})"
                for field in shape.fields
            ],
        )
        for shape in spec.shapes
        if shape.name in read
    ]


def _reachable(spec: Spec, readable: Iterable[str]) -> set[str]:
    """Structs that a frame, the result of a call or a type that is read by itself can hold."""
    results = [item.result.type.name for item in spec.operations if item.result]
    waiting = [*(event.name for event in spec.events), *results, *readable]
    unions = {item.name: item for item in spec.union_shapes}
    found: set[str] = set()
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            for field in spec.shape(name).fields:
                waiting.extend(struct_refs(field.check, unions))
    return found


def union_shape_name(name: str) -> str:
    """Name of the static that says how the branches of a union are told."""
    return f"{shape_name(name)}_UNION"


def unions(spec: Spec) -> list[tuple[str, str, list[str]]]:
    """Return name, kind and branch rows of every union; one that is only written asks nothing."""
    read = {item.name for item in spec.union_shapes}
    found = []
    for item in build_unions(spec.types, written=True):
        kind = f"UnionKind::{pascal(item.kind)}"
        if item.kind == "tagged":
            kind += f"({text(item.tag)}, Kind::{pascal(item.tag_kind)})"
        rows = [
            f"({text(mark)}, {_check(check) if item.name in read else 'Check::Any'})"
            for mark, check in item.branches
        ]
        found.append((union_shape_name(item.name), kind, rows))
    return found


def kinds(names: tuple[str, ...]) -> str:
    """Return a list of kinds of JSON."""
    return f"&[{', '.join(f'Kind::{pascal(name)}' for name in names)}]"


def _flags(required: bool, nullable: bool) -> str:
    return f"{str(required).lower()}, {str(nullable).lower()}"


def _check(check: Check) -> str:
    match check.kind:
        case "struct":
            return f"Check::Struct(&{shape_name(check.ref)})"
        case "union":
            return f"Check::Union(&{union_shape_name(check.ref)})"
        case "const":
            return f"Check::Word({text(str(check.value))})"
        case "kinds":
            return f"Check::Kinds({kinds(check.kinds)})"
        case "array" | "map":
            inner = _check(check.item) if check.item else "Check::Any"
            null = str(check.nullable_item).lower()
            return f"Check::{pascal(check.kind)}(&{inner}, {null})"
        case "any":
            return "Check::Any"
    return f"Check::Kinds(&[Kind::{pascal(check.kind)}])"


def mirrors(spec: Spec, event_name: Callable[[Message], str]) -> list[tuple[str, str, list[str]]]:
    """Return variant, shape and mirror rows of every event."""
    return [
        (
            event_name(event),
            shape_name(event.name),
            [
                f"mirror(&[{', '.join(text(part) for part in mirror.nested)}], "
                f"{text(mirror.top[0])}, {_flags(mirror.fill, mirror.needed)})"
                for mirror in event.mirrors
                if mirror.fill or mirror.needed
            ],
        )
        for event in spec.events
    ]


# --- errors


def errors(spec: Spec) -> Context:
    """Return kinds, leaves and code rows of the error table."""
    table = spec.errors
    assert table is not None
    codes = (*table.codes, table.unknown)
    leaves = {it.leaf: it.kind for it in table.kinds} | {it.leaf: it.kind for it in codes}
    doc_of = {it.leaf: it.when for it in table.codes} | {it.leaf: it.when for it in table.kinds}
    return {
        "kinds": [
            {
                "word": word(item.kind, item.when),
                "parent": optional(item.parent, lambda it: f"ErrorKind::{pascal(it)}"),
                "retryable": str(item.retryable).lower(),
            }
            for item in table.kinds
        ],
        "native": [word(item, f"The language's own error, `{item}`.") for item in table.native],
        "leaves": [
            (RustWord(name, name, doc(doc_of.get(name, ""), name)), pascal(kind))
            for name, kind in leaves.items()
        ],
        "terminals": [word(it, "") for it in sorted({c.terminal for c in table.codes})],
        "codes": [_code(item) for item in table.codes],
        "unknown": _code(table.unknown),
    }


def _code(item: ErrorCode) -> str:
    return (
        f"code({text(item.code)}, Leaf::{item.leaf}, {str(item.retryable).lower()}, "
        f"Terminal::{pascal(item.terminal)}, {text(item.when)})"
    )


# --- machines


def machines(spec: Spec) -> Context:
    """Return signals, guards, effects, states and transitions of the machines."""
    table = spec.machines
    assert table is not None
    events = {item.wire: item.doc for item in spec.events}
    meanings = {**events, **{item.name: item.doc for item in table.local_events}}
    used = [name for machine in table.machines for name in machine.events()]
    signals = dict.fromkeys([*used, *(item.event for item in table.answers)])
    signals |= dict.fromkeys(item.wire for item in spec.events)  # each is read as a signal
    signals.setdefault("unknown", None)
    state_of = _state_enums(table.machines)
    conditions = sorted({name for item in table.answers for name, _ in item.states})
    effects = dict.fromkeys(
        effect
        for machine in table.machines
        for row in machine.transitions
        for effect in row.effects
    )
    effect_docs = {item.name: item.doc for item in table.effects}
    verbs = dict.fromkeys(verb for item in table.answers for verb in item.verbs)
    return {
        "signals": [word(name, meanings.get(name, "")) for name in signals],
        "wires": [word(item.wire, "") for item in spec.events if item.wire in signals],
        "guards": [word(item.name, item.doc) for item in table.guards],
        "effects": [
            RustWord(_effect(item), str(item), doc(effect_docs.get(item.name, ""), str(item)))
            for item in effects
        ],
        "states": [
            (name, [word(state.name, state.doc) for state in machine.states])
            for name, machine in _first_of(table.machines, state_of).items()
        ],
        "machines": [_machine(item, state_of[item.name]) for item in table.machines],
        "verbs": [word(name, f"The verb `{name}`.") for name in verbs],
        "answers": [_answer(item, state_of, conditions) for item in table.answers],
        "conditions": [(snake(name), state_of[name]) for name in conditions],
    }


def _state_enums(found: tuple[Machine, ...]) -> dict[str, str]:
    """Machines with the same states share one enum, named after the first of them."""
    by_states: dict[tuple[str, ...], str] = {}
    names: dict[str, str] = {}
    for machine in found:
        key = tuple(state.name for state in machine.states)
        names[machine.name] = by_states.setdefault(key, f"{pascal(machine.name)}State")
    return names


def _first_of(found: tuple[Machine, ...], state_of: dict[str, str]) -> dict[str, Machine]:
    first: dict[str, Machine] = {}
    for machine in found:
        first.setdefault(state_of[machine.name], machine)
    return first


def _effect(effect: Effect) -> str:
    return pascal("_".join((effect.name, *effect.args)))


def _machine(machine: Machine, state: str) -> Context:
    return {
        "name": upper(machine.name),
        "word": machine.name,
        "state": state,
        "initial": pascal(machine.initial),
        "rows": [_row(row, state) for row in machine.transitions],
    }


def _row(row: Transition, state: str) -> str:
    sources = ", ".join(f"{state}::{pascal(name)}" for name in row.sources)
    events = ", ".join(f"Signal::{pascal(name)}" for name in row.events)
    guards = ", ".join(f"Guard::{pascal(name)}" for name in row.guards)
    effects = ", ".join(f"Effect::{_effect(item)}" for item in row.effects)
    target = optional(row.target, lambda name: f"{state}::{pascal(name)}")
    return f"row(&[{sources}], &[{events}], &[{guards}], {target}, &[{effects}])"


def _held(state: str | None, enum: str) -> str:
    return optional(state, lambda name: f"{enum}::{pascal(name)}")


def _answer(item: Answer, state_of: dict[str, str], conditions: list[str]) -> str:
    verbs = ", ".join(f"Verb::{pascal(name)}" for name in item.verbs)
    states = dict(item.states)
    held = "".join(_held(states.get(name), state_of[name]) + ", " for name in conditions)
    return (
        f"answer(Signal::{pascal(item.event)}, {optional(item.code, text)}, "
        f"{optional(item.unless, lambda name: f'Guard::{pascal(name)}')}, {held}&[{verbs}])"
    )
