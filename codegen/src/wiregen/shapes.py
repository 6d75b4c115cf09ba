"""The reader view as small tables, and the pass that repairs and checks a parsed frame by them.

Every language gets these tables as data and walks them in the same order, so that all five name
the same fault at the same place.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
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
    """Return the JSON type of a parsed value; an integer is a number without a fraction."""
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int) or (isinstance(value, float) and value.is_integer()):
        return "integer"
    if value is None:
        return "null"
    by_class = {str: "string", float: "number", list: "array", dict: "object"}
    return by_class[type(value)]


def _fits(value: Json, kind: str) -> bool:
    found = json_kind(value)
    return found == kind or (kind == "number" and found == "integer")


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
        """Return the fields that are there or required, in table order; most are neither."""
        rows = self._rows[shape.name]
        due = {rows[wire] for wire in value if wire in rows}
        return [shape.fields[row] for row in sorted(due.union(self._required[shape.name]))]

    def repair(self, tree: Json, name: str, mirrors: tuple[Mirror, ...] = ()) -> Json:
        """Return a repaired copy; what cannot be repaired is left as it is."""
        out = copy.deepcopy(tree)
        out = self._mend(out, Check("struct", ref=name))
        for mirror in mirrors:
            if mirror.fill:
                _fill(out, mirror)
        return out

    def _mend(self, value: Json, check: Check) -> Json:
        if check.kind == "struct" and isinstance(value, dict):
            self._mend_struct(value, self.shapes[check.ref])
        elif check.kind == "union":
            chosen = choose(self.unions[check.ref], value)
            return value if chosen is None else self._mend(value, chosen)
        elif check.kind == "array" and isinstance(value, list) and check.item:
            value[:] = [self._mend(item, check.item) for item in value]
        elif check.kind == "map" and isinstance(value, dict) and check.item:
            for key in value:
                value[key] = self._mend(value[key], check.item)
        elif check.kind == "integer" and isinstance(value, float) and value.is_integer():
            return int(value)
        return value

    def _mend_struct(self, value: dict[str, Json], shape: Shape) -> None:
        for field in self._due(shape, value):
            if field.wire not in value:
                continue
            if value[field.wire] is None:
                if not field.required and not field.nullable:
                    del value[field.wire]
                continue
            value[field.wire] = self._mend(value[field.wire], field.check)

    def check(self, tree: Json, name: str, mirrors: tuple[Mirror, ...] = ()) -> Fault | None:
        """Return the first fault of a repaired tree in table order, mirrors last; None if good."""
        found = self._check(tree, Check("struct", ref=name), "")
        if found is not None:
            return found
        for mirror in mirrors:
            if mirror.needed and not (_has(tree, mirror.nested) or _has(tree, mirror.top)):
                return Fault("missing", join_pointer("", *mirror.top))
        return None

    def _check(self, value: Json, check: Check, at: str) -> Fault | None:
        match check.kind:
            case "any":
                return None
            case "struct":
                return self._check_struct(value, self.shapes[check.ref], at)
            case "union":
                return self._check_union(value, self.unions[check.ref], at)
            case "const":
                same = type(value) is type(check.value) and value == check.value
                return None if same else Fault("const", at)
            case "kinds":
                fits = any(_fits(value, kind) for kind in check.kinds)
                return None if fits else Fault("type", at)
            case "array":
                return self._check_array(value, check, at)
            case "map":
                return self._check_map(value, check, at)
            case kind:
                return None if _fits(value, kind) else Fault("type", at)

    def _check_union(self, value: Json, union: UnionShape, at: str) -> Fault | None:
        chosen = choose(union, value)
        if chosen is not None:
            return self._check(value, chosen, at)
        if union.kind == "typed" or not isinstance(value, dict):
            return Fault("type", at)
        if union.kind == "tagged" and not _fits(value.get(union.tag), union.tag_kind):
            kind: FaultKind = "type" if union.tag in value else "missing"
            return Fault(kind, join_pointer(at, union.tag))
        return None

    def _check_array(self, value: Json, check: Check, at: str) -> Fault | None:
        if not isinstance(value, list):
            return Fault("type", at)
        for index, item in enumerate(value):
            if (item is not None or not check.nullable_item) and check.item:
                found = self._check(item, check.item, join_pointer(at, index))
                if found is not None:
                    return found
        return None

    def _check_map(self, value: Json, check: Check, at: str) -> Fault | None:
        if not isinstance(value, dict):
            return Fault("type", at)
        for key, item in value.items():
            if (item is not None or not check.nullable_item) and check.item:
                found = self._check(item, check.item, join_pointer(at, key))
                if found is not None:
                    return found
        return None

    def _check_struct(self, value: Json, shape: Shape, at: str) -> Fault | None:
        if not isinstance(value, dict):
            return Fault("type", at)
        for field in self._due(shape, value):
            here = join_pointer(at, field.wire)
            if field.wire not in value:
                if field.required:
                    return Fault("missing", here)
                continue
            item = value[field.wire]
            if item is None and field.nullable:
                continue
            found = self._check(item, field.check, here)
            if found is not None:
                return found
        return None


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


def _fill(tree: Json, mirror: Mirror) -> None:
    """Write a missing nested place from the top copy; its parent must be there."""
    if not _has(tree, mirror.top) or not _has(tree, mirror.nested[:-1]):
        return
    parent = tree
    for segment in mirror.nested[:-1]:
        parent = parent[segment]
    if isinstance(parent, dict) and mirror.nested[-1] not in parent:
        parent[mirror.nested[-1]] = copy.deepcopy(tree[mirror.top[0]])
