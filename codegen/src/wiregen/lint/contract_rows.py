"""Rules over the rows of machines: each can fire, does something, and names what there is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from wiregen.contract.model import Contract, StateMachine
from wiregen.contract.steps import situations, step
from wiregen.errors import join_pointer
from wiregen.lint.model import Context, Finding
from wiregen.lint.tables import machine_shadowed

OUTCOMES = ("completed", "cancelled", "failed")


def table_row(context: Context) -> Iterator[Finding]:
    """Some facts let every row fire, and it does something or holds a later one back."""
    tables: Contract = context.spec.contract
    shadowed = {item.pointer for item in machine_shadowed(context)}  # told by a rule of its own
    for machine in tables.machines:
        for index in range(len(machine.rows)):
            fault = _fault(tables, machine, index)
            finding = _finding(context, machine, index, fault)
            if fault and finding.pointer not in shadowed:
                yield finding


def _fault(tables: Contract, machine: StateMachine, index: int) -> str:
    row = machine.rows[index]
    without = replace(machine, rows=machine.rows[:index] + machine.rows[index + 1 :])
    fires = False
    for state in row.sources or tuple(word.name for word in machine.states):
        for event in row.events:
            for facts in situations(tables, machine, state, event):
                found, to, effects = step(tables, machine, state, event, facts)
                if found is not row:
                    continue
                fires = True
                other, *rest = step(tables, without, state, event, facts)
                if [to, effects] != [state, ()] or (other is not None and rest != [to, effects]):
                    return ""
    return "it does nothing, and holds no later row back" if fires else "no facts let it fire"


def table_args(context: Context) -> Iterator[Finding]:
    """What an effect of a row carries exists, and a state that is told is the row's own."""
    tables: Contract = context.spec.contract
    words = {item.name: item.args for item in tables.effects}
    for machine in tables.machines:
        for index, row in enumerate(machine.rows):
            for effect in row.effects:
                for name, value in zip(words[effect.name], effect.args, strict=False):
                    fault = _unknown(context, name, value)
                    if name == "link_state" and row.target and value != row.target:
                        fault = f"{effect} tells another state than {row.target!r}"
                    if fault:
                        yield _finding(context, machine, index, fault)


def _unknown(context: Context, name: str, value: str) -> str:
    """Return what is wrong with a word or number that an effect carries, "" for nothing."""
    tables: Contract = context.spec.contract
    if name == "action" and value not in {message.wire for message in context.spec.actions}:
        return f"no action is called {value!r}"
    if name == "outcome" and value not in OUTCOMES:
        return f"{value!r} is no outcome; there are: {', '.join(OUTCOMES)}"
    if name == "timer" and value not in {item.name for item in tables.timers}:
        return f"no timer is called {value!r}"
    codes = [item for item in tables.close_codes if not item.http]
    known = value.isdecimal() and any(it.first <= int(value) <= it.last for it in codes)
    return f"no close code is {value}" if name == "close_code" and codes and not known else ""


def _finding(context: Context, machine: StateMachine, index: int, message: str) -> Finding:
    pointer = join_pointer("/machines", machine.name, "transitions", index)
    return Finding(context.document.tables.get("x-state-machines", ""), pointer, message)
