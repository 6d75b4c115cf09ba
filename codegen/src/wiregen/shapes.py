"""The reader view as small tables, and the pass that repairs and checks a parsed frame by them.

Every language gets these tables as data and walks them in the same order, so that all five name
the same fault at the same place.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from wiregen.errors import join_pointer
from wiregen.ir import (
    AnyJson,
    Array,
    Check,
    Const,
    Enum,
    Map,
    Message,
    Mirror,
    Opaque,
    Path,
    Ref,
    Scalar,
    Shape,
    ShapeField,
    Struct,
    Type,
    TypeDef,
    Union,
    UnionShape,
)
from wiregen.unions import mark_of

Json = Any
FaultKind = Literal["missing", "type", "const"]
ANY = Check("any")
_CLASSES = {
    str: "string",
    bool: "boolean",
    list: "array",
    dict: "object",
    type(None): "null",
}


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a frame is broken: a required member is missing, a value has another type or constant."""

    kind: FaultKind
    pointer: str


def build_unions(types: Iterable[TypeDef], *, written: bool = False) -> tuple[UnionShape, ...]:
    """Return how the branches of every union that is read are told apart, sorted by name.

    With ``written`` those that are only written are there as well.
    """
    by_name = {item.name: item for item in types}
    return tuple(
        UnionShape(
            name,
            item.kind,
            item.tag or "",
            tuple((branch.mark, check_of(branch.type, by_name)) for branch in item.branches),
            item.tag_kind,
        )
        for name, item in sorted(by_name.items())
        if isinstance(item, Union) and (written or item.direction != "write")
    )


def build_shapes(types: Iterable[TypeDef], messages: Mapping[str, Message]) -> tuple[Shape, ...]:
    """Return the tables of all structs that a client may read, sorted by name."""
    by_name = {item.name: item for item in types}
    return tuple(
        Shape(
            name,
            tuple(
                ShapeField(
                    field.wire,
                    field.read_required,
                    field.nullable,
                    check_of(field.type, by_name, _is_tag(messages.get(name), field.wire)),
                )
                for field in item.fields
            ),
        )
        for name, item in sorted(by_name.items())
        if isinstance(item, Struct) and item.direction != "write"
    )


def _is_tag(message: Message | None, wire: str) -> bool:
    return message is not None and message.tag == wire


def check_of(type_: Type, types: Mapping[str, TypeDef], tag: bool = False) -> Check:
    """Return what a reader asks of a value of this type; constants stay only for the tag."""
    match type_:
        case Scalar(kind=kind):
            return Check(kind)
        case Const(kind=kind, value=value):
            return Check("const", value=value) if tag else Check(kind)
        case Array(items=inner, nullable_items=nullable):
            return Check("array", item=check_of(inner, types), nullable_item=nullable)
        case Map(values=inner, nullable_values=nullable):
            return Check("map", item=check_of(inner, types), nullable_item=nullable)
        case Opaque(kinds=kinds):
            return Check("kinds", kinds=kinds)
        case AnyJson():
            return ANY
        case Ref(name=name):
            return _named(types[name])


def _named(item: TypeDef) -> Check:
    if isinstance(item, Struct):
        return Check("struct", ref=item.name)
    if isinstance(item, Enum):
        return Check("string")
    return Check("union", ref=item.name)


def struct_refs(check: Check, unions: dict[str, UnionShape]) -> list[str]:
    """Return the structs that a check leads to, through arrays, maps and unions."""
    if check.kind == "struct":
        return [check.ref]
    if check.kind == "union":
        union = unions.get(check.ref)
        rest = {name: item for name, item in unions.items() if item is not union}
        return [
            ref for _, one in (union.branches if union else ()) for ref in struct_refs(one, rest)
        ]
    return struct_refs(check.item, unions) if check.item else []


def json_kind(value: Json) -> str:
    """Return the JSON type of a parsed value; an integer is a number without a fraction.

    A number that no double holds is `huge`, and fits nothing but any JSON.
    """
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int | float) and abs(value) > sys.float_info.max:
        return "huge"
    if isinstance(value, int) or (isinstance(value, float) and value.is_integer()):
        return "integer"
    if value is None:
        return "null"
    by_class = {str: "string", float: "number", list: "array", dict: "object"}
    return by_class[type(value)]


def _fits(value: Json, kind: str) -> bool:
    known = _CLASSES.get(type(value))
    if known is not None:
        return known == kind
    found = json_kind(value)
    return found == kind or (kind == "number" and found == "integer")


def in_64_bits(value: Json) -> bool:
    """Whether a value is an integer that 64 bits with a sign hold; no type shows a larger one."""
    return json_kind(value) == "integer" and -(2**63) <= value < 2**63


class Repairer:
    """Repairs and checks parsed JSON by the tables of one specification."""

    def __init__(self, shapes: Iterable[Shape], unions: Iterable[UnionShape] = ()) -> None:
        self.shapes = {shape.name: shape for shape in shapes}
        self.unions = {union.name: union for union in unions}
        self._rows = {
            shape.name: {field.wire: row for row, field in enumerate(shape.fields)}
            for shape in self.shapes.values()
        }
        self._required = {
            shape.name: [row for row, field in enumerate(shape.fields) if field.required]
            for shape in self.shapes.values()
        }

    def _due(self, shape: Shape, value: dict[str, Json]) -> Iterable[ShapeField]:
        """Return the fields that are there or required, in table order; most may be neither."""
        if len(shape.fields) <= 2 * len(value) + 4:
            return shape.fields
        rows = self._rows[shape.name]
        due = {rows[wire] for wire in value if wire in rows}
        return [shape.fields[row] for row in sorted(due.union(self._required[shape.name]))]

    def repair(self, tree: Json, name: str, mirrors: tuple[Mirror, ...] = ()) -> Json:
        """Return a repaired tree; what cannot be repaired is left as it is.

        ``tree`` is untouched, and its parts that need no repair are parts of the result.
        """
        out = self._mend(tree, Check("struct", ref=name))
        for mirror in mirrors:
            if mirror.fill:
                out = _filled(out, mirror)
        return out

    def _mend(self, value: Json, check: Check) -> Json:
        if check.kind == "struct" and isinstance(value, dict):
            return self._mend_struct(value, self.shapes[check.ref])
        if check.kind == "union":
            chosen = choose(self.unions[check.ref], value)
            return value if chosen is None else self._mend(value, chosen)
        if check.kind == "array" and isinstance(value, list) and check.item:
            items = [self._mend(item, check.item) for item in value]
            return items if _changed(items, value) else value
        if check.kind == "map" and isinstance(value, dict) and check.item:
            held = {key: self._mend(item, check.item) for key, item in value.items()}
            return held if _changed(held.values(), value.values()) else value
        if check.kind == "integer" and isinstance(value, float) and value.is_integer():
            return int(value)
        return value

    def _mend_struct(self, value: dict[str, Json], shape: Shape) -> dict[str, Json]:
        out = value
        for field in self._due(shape, value):
            if field.wire not in value:
                continue
            item = value[field.wire]
            if item is None:
                if not field.required and not field.nullable:
                    out = {key: kept for key, kept in out.items() if key != field.wire}
                continue
            mended = self._mend(item, field.check)
            if mended is not item:
                out = {**out, field.wire: mended}
        return out

    def check(self, tree: Json, name: str, mirrors: tuple[Mirror, ...] = ()) -> Fault | None:
        """Return the first fault of a repaired tree in table order, mirrors last; None if good."""
        found = self._check(tree, Check("struct", ref=name))
        if found is not None:
            return found
        for mirror in mirrors:
            if mirror.needed and not (_has(tree, mirror.nested) or _has(tree, mirror.top)):
                return Fault("missing", join_pointer("", *mirror.top))
        return None

    def _check(self, value: Json, check: Check) -> Fault | None:
        """Return the first fault of a value; its pointer begins at the value."""
        match check.kind:
            case "any":
                return None
            case "struct":
                return self._check_struct(value, self.shapes[check.ref])
            case "union":
                return self._check_union(value, self.unions[check.ref])
            case "const":
                same = type(value) is type(check.value) and value == check.value
                return None if same else Fault("const", "")
            case "kinds":
                fits = any(_fits(value, kind) for kind in check.kinds)
                return None if fits else Fault("type", "")
            case "integer":
                return None if in_64_bits(value) else Fault("type", "")
            case "array":
                return self._check_items(value, list, enumerate, check)
            case "map":
                return self._check_items(value, dict, dict.items, check)
            case kind:
                return None if _fits(value, kind) else Fault("type", "")

    def _check_union(self, value: Json, union: UnionShape) -> Fault | None:
        chosen = choose(union, value)
        if chosen is not None:
            return self._check(value, chosen)
        if union.kind == "typed" or not isinstance(value, dict):
            return Fault("type", "")
        if union.kind == "tagged" and not _fits(value.get(union.tag), union.tag_kind):
            kind: FaultKind = "type" if union.tag in value else "missing"
            return Fault(kind, join_pointer("", union.tag))
        return None

    def _check_items(
        self, value: Json, whole: type, rows: Callable[[Json], Iterable[Any]], check: Check
    ) -> Fault | None:
        """Check what an array or a map holds."""
        if not isinstance(value, whole):
            return Fault("type", "")
        for key, item in rows(value):
            if (item is not None or not check.nullable_item) and check.item:
                found = self._check(item, check.item)
                if found is not None:
                    return _below(key, found)
        return None

    def _check_struct(self, value: Json, shape: Shape) -> Fault | None:
        if not isinstance(value, dict):
            return Fault("type", "")
        for field in self._due(shape, value):
            if field.wire not in value:
                if field.required:
                    return Fault("missing", join_pointer("", field.wire))
                continue
            item = value[field.wire]
            if item is None and field.nullable:
                continue
            found = self._check(item, field.check)
            if found is not None:
                return _below(field.wire, found)
        return None


def _below(place: str | int, fault: Fault) -> Fault:
    """Return a fault as its parent sees it."""
    return Fault(fault.kind, join_pointer("", place) + fault.pointer)


def _changed(one: Iterable[Json], two: Iterable[Json]) -> bool:
    return any(mended is not item for mended, item in zip(one, two, strict=True))


def choose(union: UnionShape, value: Json) -> Check | None:
    """Return the check of the branch that a value belongs to; None when it is none's."""
    if union.kind == "typed":
        return next((check for mark, check in union.branches if _fits(value, mark)), None)
    if not isinstance(value, dict):
        return None
    if union.kind == "keyed":
        return next((check for mark, check in union.branches if mark in value), None)
    tag = value.get(union.tag)
    if not _fits(tag, union.tag_kind):
        return None
    word = mark_of(tag)
    return next((check for mark, check in union.branches if mark == word), None)


def _has(tree: Json, path: Path) -> bool:
    for segment in path:
        if not isinstance(tree, dict) or segment not in tree:
            return False
        tree = tree[segment]
    return True


def _filled(tree: Json, mirror: Mirror) -> Json:
    """Write a missing nested place from the top copy, if its parent is there."""
    if not _has(tree, mirror.top) or not _has(tree, mirror.nested[:-1]):
        return tree
    return _with(tree, mirror.nested, tree[mirror.top[0]])


def _with(tree: Json, path: Path, value: Json) -> Json:
    """Return a tree in which a missing member is there; what is there stays."""
    if not isinstance(tree, dict):
        return tree
    if len(path) == 1:
        return tree if path[0] in tree else {**tree, path[0]: value}
    return {**tree, path[0]: _with(tree[path[0]], path[1:], value)}
