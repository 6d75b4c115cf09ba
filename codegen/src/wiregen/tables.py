"""Read the error table and the state machines that a document names."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

from wiregen.contract.machines import read_effect
from wiregen.contract.nodes import fail, flag, known, members, named, rows, sentence, strings, text
from wiregen.ir import (
    Answer,
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

UNKNOWN_EVENT = "unknown"
TERMINAL = ("always", "never", "unless_verb")


def _words(node: Node, key: str, *, needed: bool = False) -> tuple[Word, ...]:
    """Return the words of a list; a word has a sentence, or an object whose `doc` is one."""
    return tuple(Word(name, sentence(item)) for name, item in named(node, key, needed=needed))


def _code(node: Node, code: str) -> ErrorCode:
    terminal = text(node, "terminal")
    if terminal not in TERMINAL:
        fail(node, f"terminal must be always, never or unless_verb; found {terminal!r}")
    return ErrorCode(
        code=code,
        kind=text(node, "kind"),
        leaf=text(node, "leaf"),
        retryable=flag(node, "retryable"),
        terminal=terminal,
        actions=strings(node, "actions"),
        servers=text(node, "servers", ""),
        when=text(node, "when", ""),
    )


def _kind(node: Node) -> ErrorKind:
    return ErrorKind(
        kind=text(node, "kind"),
        leaf=text(node, "leaf"),
        parent=text(node, "parent", None),
        retryable=flag(node, "retryable"),
        when=text(node, "when", ""),
        text=text(node, "text", ""),
    )


def read_errors(store: Store, name: str) -> ErrorTable:
    """Read the error table; refuse unknown kinds, repeated codes and dangling bases."""
    root = store.document(name)
    if "unknown_code" not in members(root):
        fail(root, "needs 'unknown_code'")
    codes = tuple(_code(item, text(item, "code")) for item in rows(root, "codes"))
    kinds = tuple(_kind(item) for item in rows(root, "kinds"))
    table = ErrorTable(
        codes=codes,
        unknown=_code(root.child("unknown_code"), ""),
        kinds=kinds,
        leaves=tuple(
            ErrorLeaf(text(item, "leaf"), text(item, "base"), text(item, "text", ""))
            for item in rows(root, "leaves")
        ),
        native=strings(root, "native"),
    )
    listed = {item.kind for item in kinds}
    seen: set[str] = set()
    for node, code in zip(rows(root, "codes"), codes, strict=True):
        if code.kind not in listed:
            fail(node, f"the kind {code.kind!r} is not listed under kinds")
        if code.code in seen:
            fail(node, f"the code {code.code!r} is listed twice")
        seen.add(code.code)
    for node, kind in zip(rows(root, "kinds"), kinds, strict=True):
        if kind.parent is not None and kind.parent not in listed:
            fail(node, f"the parent {kind.parent!r} is not listed")
    return table


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
            fail(root, f"{min(clash)!r} is both a wire type and a local event")

    def read(self) -> Machines:
        """Return the tables; refuse unknown states, events, guards and effects."""
        listed = named(self.root, "machines", needed=True)
        every = tuple(self._machine(node, name) for name, node in listed)
        surfaces = {name: text(node, "surface", None) for name, node in listed}
        answers = tuple(self._answer(item, every) for item in rows(self.root, "answers"))
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

    def _answer(self, node: Node, machines: tuple[Machine, ...]) -> Answer:
        event = known(node, text(node, "on"), self.events, "event")
        unless = text(node, "unless", None)
        if unless is not None:
            known(node, unless, {word.name for word in self.guards}, "guard")
        states = tuple(
            (name, text(node, name))
            for name in node.value
            if name not in ("on", "unless", "code", "verbs")
        )
        there = {(it.name, state.name) for it in machines for state in it.states}
        for name, state in states:
            if (name, state) not in there:
                fail(node, f"{name}: {state} is no state of a machine")
        return Answer(
            event=event,
            verbs=strings(node, "verbs"),
            code=text(node, "code", None),
            unless=unless,
            states=states,
        )

    def _machine(self, node: Node, name: str) -> Machine:
        states = _words(node, "states", needed=True)
        names = {word.name for word in states}
        initial = known(node, text(node, "initial"), names, "state")
        found = tuple(self._transition(item, names) for item in rows(node, "transitions"))
        return Machine(name=name, initial=initial, states=states, transitions=found)

    def _transition(self, node: Node, states: set[str]) -> Transition:
        sources: tuple[str, ...] = ()
        if members(node).get("from") != "any":
            sources = strings(node, "from")
            if not sources:
                fail(node, "'from' must be a list of states or 'any'")
        target = text(node, "to", None)
        for state in (*sources, *(() if target is None else (target,))):
            known(node, state, states, "state")
        events = strings(node, "on")
        if not events:
            fail(node, "'on' must list at least one event")
        for event in events:
            known(node, event, self.events, "event")
        guards = strings(node, "guard")
        for guard in guards:
            known(node, guard, {word.name for word in self.guards}, "guard")
        effects = tuple(read_effect(item, item.value) for item in rows(node, "emit"))
        for effect in effects:
            known(node, effect.name, {word.name for word in self.effects}, "effect")
        return Transition(
            sources=sources,
            events=events,
            guards=guards,
            target=target,
            effects=effects,
            pending=text(node, "pending", None),
        )


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
