"""Vectors of the machines: every row, every guard both ways, every pair that no row takes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from wiregen.contract.model import Contract, StateMachine
from wiregen.contract.steps import quiet, situations, step

Json = Any


def machine_vectors(contract: Contract) -> dict[str, str]:
    """Return one file a machine."""
    return {f"machines/{it.name}.json": _file(contract, it) for it in contract.machines}


def _file(contract: Contract, machine: StateMachine) -> str:
    head = {
        "role": "machine",
        "machine": machine.name,
        "initial": machine.initial,
        "states": [state.name for state in machine.states],
        "quiet": quiet(contract, machine),
        "untouched": _untouched(contract, machine),
    }
    lines = ",\n".join(f"    {_line(item)}" for item in _cases(contract, machine))
    body = ",\n".join(f"  {_line(key)}: {_line(value)}" for key, value in head.items())
    return f'{{\n{body},\n  "vectors": [\n{lines}\n  ]\n}}\n'


def _line(value: Json) -> str:
    return json.dumps(value, ensure_ascii=False)


def _untouched(contract: Contract, machine: StateMachine) -> dict[str, list[str]]:
    """Return, by state, the events that no row takes, whatever the facts are."""
    found: dict[str, list[str]] = {}
    for state in (word.name for word in machine.states):
        rows = [row for row in machine.rows if not row.sources or state in row.sources]
        taken = {event for row in rows for event in row.events}
        found[state] = [event for event in contract.events if event not in taken]
    return found


def _cases(contract: Contract, machine: StateMachine) -> Iterator[Json]:
    untouched = _untouched(contract, machine)
    for state in (word.name for word in machine.states):
        for event in machine.events():
            if event in untouched[state]:
                continue
            for facts in situations(contract, machine, state, event):
                row, to, effects = step(contract, machine, state, event, facts)
                case: dict[str, Json] = {"state": state, "event": event, "facts": facts, "to": to}
                case["effects"] = [str(effect) for effect in effects]
                case["row"] = machine.rows.index(row) if row is not None else None
                if row is not None and row.pending:
                    case["pending"] = row.pending
                yield case
