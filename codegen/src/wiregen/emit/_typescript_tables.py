"""The tables of the TypeScript wire room: shapes, mirrors, errors."""

from __future__ import annotations

import json
from dataclasses import dataclass

from wiregen.emit._asked import Bounds, bounds_of
from wiregen.emit._typescript_shapes import shape_rows, union_row
from wiregen.emit.base import clean, safe_block
from wiregen.escape import typescript_key
from wiregen.graph import reach
from wiregen.ir import (
    Field,
    Message,
    Ref,
    Shape,
    ShapeField,
    Spec,
    Struct,
    Type,
    Union,
)
from wiregen.shapes import build_unions, check_of


@dataclass(frozen=True, slots=True)
class TsTable:
    """A named row set, printed as it stands."""

    name: str
    rows: str

    @property
    def key(self) -> str:
        """The name as an object key."""
        plain = self.name.isascii() and self.name.isidentifier() and self.name != "__proto__"
        return self.name if plain else typescript_key(self.name)


def read_shapes(spec: Spec) -> tuple[tuple[TsTable, ...], tuple[TsTable, ...]]:
    """Return the repair tables of the structs that events and results hold, and of all others."""
    roots = [event.name for event in spec.events]
    roots += [item.result.type.name for item in spec.operations if item.result is not None]
    held = reach({item.name: item for item in spec.types}, roots)
    tables = [TsTable(shape.name, shape_rows(shape)) for shape in spec.shapes]
    return (
        tuple(table for table in tables if table.name in held),
        tuple(table for table in tables if table.name not in held),
    )


def unions(spec: Spec) -> tuple[TsTable, ...]:
    """Return how the branches of all unions are told."""
    return tuple(
        TsTable(item.name, union_row(item)) for item in build_unions(spec.types, written=True)
    )


def write_shapes(spec: Spec) -> tuple[TsTable, ...]:
    """Return the tables of all actions and what they hold, as their writer promises them."""
    pending = [action.name for action in spec.actions]
    tags = {action.name: action.tag for action in spec.actions}
    made: dict[str, TsTable] = {}
    while pending:
        name = pending.pop(0)
        if name in made:
            continue
        struct = spec.struct(name)
        fields = [f for f in struct.fields if f.wire != tags.get(name)]
        asked = {field.wire: bounds for field in fields if (bounds := _bounds(field.type))}
        made[name] = TsTable(name, shape_rows(_write_shape(spec, name, fields), asked))
        pending += [ref for field in fields for ref in _structs(spec, field.type)]
    return tuple(made.values())


def _bounds(type_: Type) -> str:
    """Return what the schema asks of a member that callers write: least, most, pattern."""
    asked = bounds_of(type_)
    if asked == Bounds():
        return ""
    return json.dumps([asked.least, asked.most, *([asked.pattern] if asked.pattern else [])])


def _write_shape(spec: Spec, name: str, fields: list[Field]) -> Shape:
    types = {item.name: item for item in spec.types}
    rows = (
        ShapeField(f.wire, f.required, f.nullable, check_of(f.type, types, tag=True))
        for f in fields
    )
    return Shape(name, tuple(rows))


def _structs(spec: Spec, type_: Type) -> list[str]:
    if isinstance(type_, Ref):
        found = spec.type(type_.name)
        if isinstance(found, Union):
            types = {item.name: item for item in spec.types}
            return sorted(name for name in reach(types, [found.name]) if _is_struct(spec, name))
        return [found.name] if isinstance(found, Struct) else []
    inner = getattr(type_, "items", None) or getattr(type_, "values", None)
    return _structs(spec, inner) if inner is not None else []


def _is_struct(spec: Spec, name: str) -> bool:
    return isinstance(spec.type(name), Struct)


def mirrors(message: Message) -> str:
    """Return the mirrors of an event as TypeScript source: nested, top, fill, needed."""
    rows = (
        f"[{json.dumps(list(m.nested))}, {json.dumps(list(m.top))}, {int(m.fill)}, {int(m.needed)}]"
        for m in message.mirrors
    )
    return f"[{', '.join(rows)}]"


def errors(spec: Spec) -> dict[str, object]:
    """Return the context of errors.ts; empty tables when the specification has none."""
    table = spec.errors
    if table is None:
        return {"codes": (), "unknown": None, "kinds": (), "leaves": ()}
    return {
        "codes": tuple((row, _doc(row.when)) for row in table.codes),
        "unknown": table.unknown,
        "kinds": tuple((row, _doc(row.when)) for row in table.kinds),
        "leaves": table.leaves,
    }


def _doc(text: str) -> str:
    return safe_block(clean(text))
