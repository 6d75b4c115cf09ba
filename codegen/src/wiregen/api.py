"""The small, stable Python interface: harness, server and tests use this and nothing else."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from wiregen.build import build
from wiregen.ir import Accessor, Message, Spec, Struct
from wiregen.normalise import View, bundle, message_schema
from wiregen.shapes import Fault, Repairer

Json = Any


@cache
def _loaded(folder: Path) -> Spec:
    return build(folder)


def load_spec(folder: str | Path) -> Spec:
    """Read the specification in a folder; parsed once per process.

    Raises:
        SpecError: the specification is malformed; says file, JSON Pointer and what is wrong.
    """
    return _loaded(Path(folder).resolve())


def strict_bundle(spec: Spec) -> Json:
    """Return one JSON Schema with every message and type under `$defs`: the spec as written."""
    return _bundle(spec, "strict")


def reader_bundle(spec: Spec) -> Json:
    """Return the same bundle as readers see it: open, null = absent, no bounds, no formats."""
    return _bundle(spec, "reader")


def _bundle(spec: Spec, view: View) -> Json:
    return bundle(spec, view)


def strict_schema(spec: Spec, message: str) -> Json:
    """Return a self-contained JSON Schema of one message (wire name) as its writer promises it."""
    return message_schema(spec, _message(spec, message), "strict")


def reader_schema(spec: Spec, message: str) -> Json:
    """Return a self-contained JSON Schema of one message (wire name) as a reader takes it."""
    return message_schema(spec, _message(spec, message), "reader")


def accessors(spec: Spec, event: str) -> tuple[Accessor, ...]:
    """Return the flat accessors of an event, in the order of its schema."""
    return spec.event(event).accessors


def repair(spec: Spec, event: str, tree: Json) -> Json:
    """Return the tree as the repair pass of every client leaves it; idempotent, input untouched.

    Null is removed from optional members that do not admit it, zero-fraction floats become
    integers where integers are due, and a missing required nested mirror is filled from its top
    copy. Nothing else changes. A frame that its strict schema accepts keeps its value.
    """
    message = spec.event(event)
    return _repairer(spec).repair(tree, message.name, message.mirrors)


def check(spec: Spec, event: str, tree: Json) -> Fault | None:
    """Return the first fault of an event in the reader view, after repair; None when it is good."""
    message = spec.event(event)
    repaired = _repairer(spec).repair(tree, message.name, message.mirrors)
    return _repairer(spec).check(repaired, message.name, message.mirrors)


def repair_type(spec: Spec, name: str, tree: Json) -> tuple[Json, Fault | None]:
    """Repair and check a value of a named struct, such as the result of a call."""
    repaired = _repairer(spec).repair(tree, name)
    return repaired, _repairer(spec).check(repaired, name)


def flat(spec: Spec, event: str, tree: Json) -> dict[str, Json]:
    """Return `{accessor: value}` of a repaired event: the first place that holds something.

    An absent optional fact is left out; null is kept only where the schema admits it.
    """
    out: dict[str, Json] = {}
    for accessor in spec.event(event).accessors:
        for place in accessor.places:
            found, value = _read(tree, place)
            if found:
                out[accessor.name] = value
                break
    return out


def _read(tree: Json, path: tuple[str, ...]) -> tuple[bool, Json]:
    for segment in path:
        if not isinstance(tree, dict) or segment not in tree:
            return False, None
        tree = tree[segment]
    return True, tree


def _message(spec: Spec, wire: str) -> Message:
    for item in (*spec.events, *spec.actions):
        if item.wire == wire:
            return item
    raise KeyError(wire)


_REPAIRERS: dict[int, tuple[Spec, Repairer]] = {}


def _repairer(spec: Spec) -> Repairer:
    known = _REPAIRERS.get(id(spec))
    if known is None or known[0] is not spec:
        known = (spec, Repairer(spec.shapes, spec.union_shapes))
        _REPAIRERS[id(spec)] = known
    return known[1]


__all__ = [
    "Accessor",
    "Fault",
    "Message",
    "Spec",
    "Struct",
    "accessors",
    "check",
    "flat",
    "load_spec",
    "reader_bundle",
    "reader_schema",
    "repair",
    "repair_type",
    "strict_bundle",
    "strict_schema",
]
