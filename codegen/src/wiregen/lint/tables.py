"""Rules over the error table, the state machines, and names in five languages."""

from __future__ import annotations

from collections.abc import Iterator

from wiregen.contract.model import Row, StateMachine
from wiregen.errors import join_pointer
from wiregen.lint.model import Context, Finding
from wiregen.naming import LANGS
from wiregen.register import clashes


def error_action(context: Context) -> Iterator[Finding]:
    """An error code names actions that exist."""
    errors, name = context.spec.errors, context.document.tables.get("x-error-codes")
    known = {message.wire for message in context.spec.actions} | {"any"}
    for index, row in enumerate(errors.codes if errors else ()):
        for action in row.actions:
            if action not in known:
                pointer = join_pointer("/codes", index, "actions")
                yield Finding(name or "", pointer, f"{row.code}: no action is called {action!r}")


def error_leaf(context: Context) -> Iterator[Finding]:
    """A leaf belongs to a kind, or derives from a leaf that does."""
    errors, name = context.spec.errors, context.document.tables.get("x-error-codes")
    if errors is None:
        return
    known = {kind.leaf for kind in errors.kinds}
    for index, leaf in enumerate(errors.leaves):
        if leaf.base not in known:
            pointer = join_pointer("/leaves", index)
            yield Finding(name or "", pointer, f"no kind has the leaf {leaf.base!r}")
        known.add(leaf.leaf)
    for index, row in enumerate(errors.codes):
        if row.leaf not in known:
            pointer = join_pointer("/codes", index)
            yield Finding(name or "", pointer, f"no kind has the leaf {row.leaf!r}")


def error_parent(context: Context) -> Iterator[Finding]:
    """Kinds derive from each other without a circle."""
    errors, name = context.spec.errors, context.document.tables.get("x-error-codes")
    if errors is None:
        return
    parents = {kind.kind: kind.parent for kind in errors.kinds}
    for index, kind in enumerate(errors.kinds):
        seen = {kind.kind}
        parent = kind.parent
        while parent is not None and parent not in seen:
            seen.add(parent)
            parent = parents.get(parent)
        if parent is not None:
            pointer = join_pointer("/kinds", index, "parent")
            yield Finding(name or "", pointer, f"{kind.kind!r} derives from itself")


def _machines(context: Context) -> tuple[StateMachine, ...]:
    found: tuple[StateMachine, ...] = context.spec.contract.machines
    return found


def _file(context: Context) -> str:
    return context.document.tables.get("x-state-machines", "")


def machine_unreachable(context: Context) -> Iterator[Finding]:
    """Every state is reached from the initial one, or says that it is reserved."""
    for machine in _machines(context):
        reached = {machine.initial}
        for _ in machine.states:
            for row in machine.rows:
                if row.target and (not row.sources or reached & set(row.sources)):
                    reached.add(row.target)
        for state in machine.states:
            if state.name not in reached and not state.doc.startswith("reserved"):
                pointer = join_pointer("/machines", machine.name, "states", state.name)
                yield Finding(_file(context), pointer, f"{state.name!r} is never reached")


def machine_shadowed(context: Context) -> Iterator[Finding]:
    """Every transition can fire: none before it takes all that it would take."""
    for machine in _machines(context):
        for index, row in enumerate(machine.rows):
            states = row.sources or tuple(word.name for word in machine.states)
            pairs = [(state, event) for state in states for event in row.events]
            earlier = machine.rows[:index]
            if all(any(_takes(other, *pair, row) for other in earlier) for pair in pairs):
                pointer = join_pointer("/machines", machine.name, "transitions", index)
                yield Finding(_file(context), pointer, "an earlier transition always comes first")


def _takes(other: Row, state: str, event: str, row: Row) -> bool:
    """Whether ``other`` fires whenever ``row`` would for this state and event."""
    here = not other.sources or state in other.sources
    return here and event in other.events and set(other.guards) <= set(row.guards)


def machine_word_unused(context: Context) -> Iterator[Finding]:
    """Every local event, guard and effect of the lists is used."""
    contract = context.spec.contract
    rows = [row for machine in contract.machines for row in machine.rows]
    guards = {guard for row in rows for guard in row.guards}
    guards |= {answer.unless for answer in contract.answers if answer.unless}
    used = {
        "local_events": {event for row in rows for event in row.events},
        "guards": guards,
        "effects": {effect.name for row in rows for effect in row.effects},
    }
    lists = {
        "local_events": contract.local_events,
        "guards": contract.guards,
        "effects": contract.effects,
    }
    for key, words in lists.items():
        for word in words:
            if word.name not in used[key]:
                pointer = join_pointer("", key, word.name)
                yield Finding(_file(context), pointer, f"{word.name!r} is used by no machine")


def machine_event_unhandled(context: Context) -> Iterator[Finding]:
    """Every event of the wire moves some machine."""
    machines = _machines(context)
    handled = {event for machine in machines for event in machine.events()}
    for message in context.spec.events if machines else ():
        if message.wire not in handled and not _is_result(context, message.wire):
            yield Finding(_file(context), "/machines", f"no machine handles {message.wire!r}")


def _is_result(context: Context, wire: str) -> bool:
    return any(item.result and item.result.event == wire for item in context.spec.operations)


def machine_settle_kind(context: Context) -> Iterator[Finding]:
    """A kind that a machine settles with is one of the error table, or a word of the format."""
    errors = context.spec.errors
    if errors is None:
        return
    known = {kind.kind for kind in errors.kinds} | {"by_code", "attempt", "unconfirmed"}
    for machine in _machines(context):
        for index, row in enumerate(machine.rows):
            for effect in row.effects:
                if effect.name == "settle" and len(effect.args) > 1 and effect.args[1] not in known:
                    pointer = join_pointer("/machines", machine.name, "transitions", index)
                    message = f"{effect.args[1]!r} is no kind of the error table"
                    yield Finding(_file(context), pointer, message)


def name_collision(context: Context) -> Iterator[Finding]:
    """Types, members and enum values have different names in each of the five languages."""
    for lang in LANGS:
        for item in clashes(context.spec, lang):
            yield Finding(item.file, item.pointer, item.message)


def member_case(context: Context) -> Iterator[Finding]:
    """Members are written in camelCase."""
    for struct in context.spec.structs:
        for field in struct.fields:
            if not field.wire.isascii() or not field.wire[:1].islower() or not field.wire.isalnum():
                here = context.member(struct, field.wire)
                yield Finding(here.file, here.pointer, f"write {field.wire!r} in camelCase")
