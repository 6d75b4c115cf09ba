"""Read the error table and the state machines that a document names."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any, NoReturn

from wiregen.errors import refuse
from wiregen.ir import (
    Answer,
    Effect,
    ErrorCode,
    ErrorKind,
    ErrorLeaf,
    ErrorTable,
    Machine,
    Machines,
    Transition,
    Word,
)
from wiregen.load import Node, Store

Json = Any
UNKNOWN_EVENT = "unknown"
_EFFECT = re.compile(r"^([a-z_]+)(?:\((.*)\))?$")


def _fail(node: Node, message: str) -> NoReturn:
    raise refuse(node.file, node.pointer, "table-shape", message)


def _get(node: Node, key: str, kind: type, default: Json = ...) -> Any:
    if not isinstance(node.value, dict):
        _fail(node, "must be an object")
    value = node.value.get(key, default)
    if value is ...:
        _fail(node, f"needs {key!r}")
    if value is not None and not isinstance(value, kind):
        _fail(node, f"{key!r} must be a {kind.__name__}; found {value!r}")
    return value


def _strings(node: Node, key: str) -> tuple[str, ...]:
    value = _get(node, key, list, [])
    if not all(isinstance(item, str) for item in value):
        _fail(node, f"{key!r} must be a list of strings")
    return tuple(value)


def _items(node: Node, key: str) -> list[Node]:
    value = _get(node, key, list, [])
    return [node.child(key, index) for index in range(len(value))]


def _words(node: Node, key: str) -> tuple[Word, ...]:
    """Return the words of a list; a word has a sentence, or an object whose `doc` is one."""
    found = _get(node, key, dict, {}).items()
    return tuple(
        Word(name, str(value.get("doc", "") if isinstance(value, dict) else value))
        for name, value in found
    )


def _code(node: Node, code: str) -> ErrorCode:
    terminal = _get(node, "terminal", str)
    if terminal not in ("always", "never", "unless_verb"):
        _fail(node, f"terminal must be always, never or unless_verb; found {terminal!r}")
    return ErrorCode(
        code=code,
        kind=_get(node, "kind", str),
        leaf=_get(node, "leaf", str),
        retryable=_get(node, "retryable", bool),
        terminal=terminal,
        actions=_strings(node, "actions"),
        servers=_get(node, "servers", str, ""),
        when=_get(node, "when", str, ""),
    )


def read_errors(store: Store, name: str) -> ErrorTable:
    """Read the error table; refuse unknown kinds, repeated codes and dangling bases."""
    root = store.document(name)
    codes = tuple(_code(item, _get(item, "code", str)) for item in _items(root, "codes"))
    kinds = tuple(
        ErrorKind(
            kind=_get(item, "kind", str),
            leaf=_get(item, "leaf", str),
            parent=_get(item, "parent", str, None),
            retryable=_get(item, "retryable", bool),
            when=_get(item, "when", str, ""),
        )
        for item in _items(root, "kinds")
    )
    table = ErrorTable(
        codes=codes,
        unknown=_code(Node(name, "/unknown_code", _get(root, "unknown_code", dict)), ""),
        kinds=kinds,
        leaves=tuple(
            ErrorLeaf(_get(item, "leaf", str), _get(item, "base", str))
            for item in _items(root, "leaves")
        ),
        native=_strings(root, "native"),
    )
    known = {item.kind for item in kinds}
    seen: set[str] = set()
    for index, code in enumerate(codes):
        node = root.child("codes", index)
        if code.kind not in known:
            _fail(node, f"the kind {code.kind!r} is not listed under kinds")
        if code.code in seen:
            _fail(node, f"the code {code.code!r} is listed twice")
        seen.add(code.code)
    for index, kind in enumerate(kinds):
        if kind.parent is not None and kind.parent not in known:
            _fail(root.child("kinds", index), f"the parent {kind.parent!r} is not listed")
    return table


def _effect(node: Node, text: Json) -> Effect:
    match = _EFFECT.match(text) if isinstance(text, str) else None
    if match is None:
        _fail(node, f"an effect is word or word(argument, …); found {text!r}")
    args = tuple(part.strip() for part in (match.group(2) or "").split(",") if part.strip())
    return Effect(match.group(1), args)


class MachineReader:
    """Reads the state tables against the wire types of the protocol."""

    def __init__(self, root: Node, wire_types: set[str]) -> None:
        self.root = root
        self.local = _words(root, "local_events")
        self.guards = _words(root, "guards")
        self.effects = _words(root, "effects")
        self.events = wire_types | {word.name for word in self.local} | {UNKNOWN_EVENT}
        clash = wire_types & ({word.name for word in self.local} | {UNKNOWN_EVENT})
        # A local event may share its word with an action, never with an event of the wire.
        if clash:
            _fail(root, f"{min(clash)!r} is both a wire type and a local event")

    def read(self) -> Machines:
        """Return the tables; refuse unknown states, events, guards and effects."""
        names = _get(self.root, "machines", dict)
        every = tuple(self._machine(self.root.child("machines", name), name) for name in names)
        answers = tuple(self._answer(item) for item in _items(self.root, "answers"))
        surfaces = {name: value.get("surface") for name, value in names.items()}
        kept = tuple(
            replace(
                machine, transitions=tuple(row for row in machine.transitions if not row.pending)
            )
            for machine in every
            if surfaces[machine.name] is None
        )
        return Machines(
            local_events=_wired(self.local, every, kept, lambda row: row.events),
            guards=_wired(self.guards, every, kept, lambda row: row.guards),
            effects=_wired(self.effects, every, kept, lambda row: [e.name for e in row.effects]),
            answers=answers,
            machines=kept,
        )

    def _answer(self, node: Node) -> Answer:
        event = _get(node, "on", str)
        self._known(node, event, self.events, "event")
        unless = _get(node, "unless", str, None)
        if unless is not None:
            self._known(node, unless, {word.name for word in self.guards}, "guard")
        states = tuple(
            (name, _get(node, name, str))
            for name in node.value
            if name not in ("on", "unless", "code", "verbs")
        )
        for name, state in states:
            machine = _get(self.root, "machines", dict).get(name)
            if machine is None or state not in machine.get("states", {}):
                _fail(node, f"{name}: {state} is no state of a machine")
        return Answer(
            event=event,
            verbs=_strings(node, "verbs"),
            code=_get(node, "code", str, None),
            unless=unless,
            states=states,
        )

    def _machine(self, node: Node, name: str) -> Machine:
        states = _words(node, "states")
        names = {word.name for word in states}
        initial = _get(node, "initial", str)
        self._known(node, initial, names, "state")
        rows = tuple(self._transition(item, names) for item in _items(node, "transitions"))
        return Machine(name=name, initial=initial, states=states, transitions=rows)

    def _transition(self, node: Node, states: set[str]) -> Transition:
        sources: tuple[str, ...] = ()
        if node.value.get("from") != "any":
            sources = _strings(node, "from")
            if not sources:
                _fail(node, "'from' must be a list of states or 'any'")
        target = _get(node, "to", str, None)
        for state in (*sources, *((target,) if target else ())):
            self._known(node, state, states, "state")
        events = _strings(node, "on")
        if not events:
            _fail(node, "'on' must list at least one event")
        for event in events:
            self._known(node, event, self.events, "event")
        guards = _strings(node, "guard")
        for guard in guards:
            self._known(node, guard, {word.name for word in self.guards}, "guard")
        effects = tuple(_effect(node, text) for text in _get(node, "emit", list, []))
        for effect in effects:
            self._known(node, effect.name, {word.name for word in self.effects}, "effect")
        return Transition(
            sources=sources,
            events=events,
            guards=guards,
            target=target,
            effects=effects,
            pending=_get(node, "pending", str, None),
        )

    def _known(self, node: Node, word: str, words: set[str], what: str) -> None:
        if word not in words:
            raise refuse(node.file, node.pointer, "table-word", f"{word!r} is no {what} here")


def _wired(
    words: tuple[Word, ...],
    every: tuple[Machine, ...],
    kept: tuple[Machine, ...],
    used: Callable[[Transition], Iterable[str]],
) -> tuple[Word, ...]:
    """Return the words without those that only rows use that are not wired yet."""
    anywhere = {word for machine in every for row in machine.transitions for word in used(row)}
    here = {word for machine in kept for row in machine.transitions for word in used(row)}
    return tuple(word for word in words if word.name in here or word.name not in anywhere)


def read_machines(store: Store, name: str, wire_types: set[str]) -> Machines:
    """Read the state machines named by `x-state-machines`."""
    return MachineReader(store.document(name), wire_types).read()
