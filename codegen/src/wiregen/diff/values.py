"""Compare what a single place may hold: kind, bounds, pattern, format, items."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jsonschema import Draft202012Validator

from wiregen.diff.model import Grade
from wiregen.diff.rests import one_of_alike
from wiregen.ir import (
    AnyJson,
    Array,
    Const,
    Enum,
    Map,
    Opaque,
    Ref,
    Scalar,
    Spec,
    Struct,
    Type,
    Union,
)

if TYPE_CHECKING:
    from wiregen.diff.members import MemberDiff

SAFE = 2**53 - 1
_KEYWORDS = {
    "minimum": "minimum",
    "maximum": "maximum",
    "exclusive_minimum": "exclusiveMinimum",
    "exclusive_maximum": "exclusiveMaximum",
    "multiple_of": "multipleOf",
    "min_length": "minLength",
    "max_length": "maxLength",
    "pattern": "pattern",
}


class ValueDiff:
    """Compares the types of two places."""

    def __init__(self, members: MemberDiff) -> None:
        self._members = members
        self._to = members.comparison

    def types(self, where: str, old: Type, new: Type, direction: str) -> None:
        """Report what differs between two types."""
        if isinstance(old, Ref) and isinstance(new, Ref):
            self._members.named(where, old.name, new.name, direction)
        elif isinstance(old, Scalar) and isinstance(new, Scalar) and old.kind == new.kind:
            self._scalars(where, old, new, direction)
        elif isinstance(old, Const) and isinstance(new, Const) and old.kind == new.kind:
            if old.value != new.value:
                text = f"was {old.value!r}, is {new.value!r}"
                self._to.report("CONST_CHANGED", where, text, direction=direction)
        elif isinstance(old, Array) and isinstance(new, Array):
            self._bounds(where, old, new, direction)
            self._nulls(where, old.nullable_items, new.nullable_items, direction)
            self.types(f"{where}/*", old.items, new.items, direction)
        elif isinstance(old, Map) and isinstance(new, Map):
            with self._to.told_as("ADDITIONAL_SCHEMA_CHANGED", "of its values: "):
                self._nulls(where, old.nullable_values, new.nullable_values, direction)
                self.types(f"{where}/*", old.values, new.values, direction)
        elif (free := _free_form(self._to.old, old, self._to.new, new)) is not None:
            self._members.shaped(where, *free, direction)
        elif old != new:
            self._others(where, old, new, direction)

    def _nulls(self, where: str, old: bool, new: bool, direction: str) -> None:
        if old != new:
            rule = "NULL_ADDED" if new else "NULL_REMOVED"
            text = "an item may be null now" if new else "no item may be null any more"
            self._to.report(rule, f"{where}/*", text, direction=direction)

    def _scalars(self, where: str, old: Scalar, new: Scalar, direction: str) -> None:
        self._bounds(where, old, new, direction)
        if old.multiple_of != new.multiple_of:
            rule = "BOUND_LOOSENED" if _divides(new, old) else "BOUND_TIGHTENED"
            text = f"multipleOf was {old.multiple_of}, is {new.multiple_of}"
            self._to.report(rule, where, text, direction=direction)
        for name, before, after in (
            ("PATTERN", old.pattern, new.pattern),
            ("FORMAT", old.format, new.format),
        ):
            if before == after:
                continue
            how = "ADDED" if before is None else "REMOVED" if after is None else "CHANGED"
            text = f"was {before or 'none'}, is {after or 'none'}"
            self._to.report(f"{name}_{how}", where, text, direction=direction)

    def _bounds(self, where: str, old: Scalar | Array, new: Scalar | Array, direction: str) -> None:
        for word, sign, before, after in (
            ("least", 1, _least(old), _least(new)),
            ("greatest", -1, _greatest(old), _greatest(new)),
        ):
            if before == after:
                continue
            tighter = before is None or (after is not None and _tighter(before, after, sign))
            noun = _noun(new)
            text = f"{word} {noun} was {_bound(before)}, is {_bound(after)}"
            rule = "BOUND_TIGHTENED" if tighter else "BOUND_LOOSENED"
            if not tighter and isinstance(new, Scalar) and new.kind == "integer":
                unsafe = after is None or abs(after[0]) > SAFE
                rule = "BOUND_UNSAFE" if unsafe else rule
            self._to.report(rule, where, text, direction=direction)
        if isinstance(old, Array) and isinstance(new, Array) and old.unique != new.unique:
            rule = "BOUND_TIGHTENED" if new.unique else "BOUND_LOOSENED"
            text = "items must differ now" if new.unique else "items may repeat now"
            self._to.report(rule, where, text, direction=direction)

    def _others(self, where: str, old: Type, new: Type, direction: str) -> None:
        listed, given = _listed(self._to.old, old), _listed(self._to.new, new)
        if listed is not None and given is not None:
            self._members.values(where, listed, given, direction)
            enums = _enum(self._to.old, old), _enum(self._to.new, new)
            self._members.openness(where, *enums, direction)
            return
        text = f"was {_word(self._to.old, old)}, is {_word(self._to.new, new)}"
        rule = self._rule(old, new)
        c2s = None
        if rule == "UNION_TAG_LOST" and one_of_alike(self._to.new):
            c2s = Grade.BREAKING  # what fits two branches of a oneOf is refused
        self._to.report(rule, where, text, direction=direction, c2s=c2s)
        if isinstance(old, Scalar) and isinstance(new, Scalar):
            self._bounds(where, old, new, direction)
        if (branch := _of_kind(self._to.new, new, _kinds(self._to.old, old))) is not None:
            self.types(where, old, branch, direction)
        if (branch := _of_kind(self._to.old, old, _kinds(self._to.new, new))) is not None:
            self.types(where, branch, new, direction)
        values = [old.value] if isinstance(old, Const) else listed or []
        refused = [v for v in values if isinstance(new, Scalar) and not _admits(new, v)]
        if refused and rule != "TYPE_CHANGED":
            text = f"{refused[0]!r} is not allowed any more"
            self._to.report("BOUND_TIGHTENED", where, text, direction=direction)

    def _rule(self, old: Type, new: Type) -> str:
        before, after = _kinds(self._to.old, old), _kinds(self._to.new, new)
        if _lists(old, new) or _lists(new, old):
            return "ARRAY_SCALAR"
        if _is(self._to.old, old, Union) and isinstance(new, AnyJson):
            return "UNION_TAG_LOST"
        if _is(self._to.old, old, Enum) and isinstance(new, Scalar) and new.kind == "string":
            return "ENUM_OPENED"
        if _is(self._to.new, new, Enum) and isinstance(old, Scalar) and old.kind == "string":
            return "ENUM_CLOSED"
        if isinstance(old, Map) != isinstance(new, Map) and before == after:
            free = next(it for it in (old, new) if isinstance(it, Map))
            if not isinstance(free.values, AnyJson):
                return "TYPE_CHANGED"
        if before < after or (before == after and _loose(new) > _loose(old)):
            return "TYPE_WIDENED"
        if after < before or (before == after and _loose(old) > _loose(new)):
            return "TYPE_NARROWED"
        return "TYPE_CHANGED"


Bound = tuple[Any, bool]
"""A bound and whether the value itself is left out."""


def _least(item: Scalar | Array) -> Bound | None:
    if isinstance(item, Array):
        return (item.min_items, False) if item.min_items else None
    if item.kind == "string":
        return (item.min_length, False) if item.min_length else None
    return _inclusive(item, item.minimum, item.exclusive_minimum, 1)


def _greatest(item: Scalar | Array) -> Bound | None:
    if isinstance(item, Array):
        return None if item.max_items is None else (item.max_items, False)
    if item.kind == "string":
        return None if item.max_length is None else (item.max_length, False)
    return _inclusive(item, item.maximum, item.exclusive_maximum, -1)


def _inclusive(item: Scalar, with_it: Any, without: Any, sign: int) -> Bound | None:
    """Return the tighter of the two bounds; of an integer as one that includes its value."""
    if without is not None and item.kind == "integer" and without == int(without):
        other: Bound | None = (int(without) + sign, False)
    else:
        other = None if without is None else (without, True)
    if with_it is None or other is None:
        return other if with_it is None else (with_it, False)
    return other if _tighter((with_it, False), other, sign) else (with_it, False)


def _tighter(before: Bound, after: Bound, sign: int) -> bool:
    if before[0] == after[0]:
        return after[1] and not before[1]
    return bool((after[0] - before[0]) * sign > 0)


def _bound(found: Bound | None) -> str:
    return "none" if found is None else f"beyond {found[0]}" if found[1] else f"{found[0]}"


def _noun(item: Scalar | Array) -> str:
    if isinstance(item, Array):
        return "number of items"
    return "length" if item.kind == "string" else "value"


def _divides(new: Scalar, old: Scalar) -> bool:
    """Whether every multiple of the old number is one of the new."""
    if new.multiple_of is None or old.multiple_of is None:
        return new.multiple_of is None
    return bool(old.multiple_of % new.multiple_of == 0)


def _admits(item: Scalar, value: Any) -> bool:
    schema = {"type": item.kind}
    for ours, theirs in _KEYWORDS.items():
        if getattr(item, ours) is not None:
            schema[theirs] = getattr(item, ours)
    return bool(Draft202012Validator(schema).is_valid(value))


def _listed(spec: Spec, item: Type) -> list[Any] | None:
    """Return the strings that an enum or a constant stands for."""
    if isinstance(item, Const) and item.kind == "string":
        return [item.value]
    found = spec.type(item.name) if isinstance(item, Ref) else None
    return list(found.values) if isinstance(found, Enum) else None


def _enum(spec: Spec, item: Type) -> Enum | None:
    found = spec.type(item.name) if isinstance(item, Ref) else None
    return found if isinstance(found, Enum) else None


EVERY = frozenset({"object", "array", "string", "integer", "number", "boolean", "null"})


def _kinds(spec: Spec, item: Type) -> frozenset[str]:
    """Return the JSON kinds of a type; a number may be an integer."""
    if isinstance(item, AnyJson):
        return EVERY
    if isinstance(item, Opaque):
        return frozenset(item.kinds) | ({"integer"} if "number" in item.kinds else set())
    if isinstance(item, Ref):
        found = spec.type(item.name)
        if isinstance(found, Union) and found.kind == "typed":
            return frozenset().union(*(_kinds(spec, it.type) for it in found.branches))
        return frozenset({"string"} if isinstance(found, Enum) else {"object"})
    if isinstance(item, Array | Map):
        return frozenset({"array" if isinstance(item, Array) else "object"})
    return frozenset({"number", "integer"} if item.kind == "number" else {item.kind})


def _free_form(
    old_spec: Spec, old: Type, new_spec: Spec, new: Type
) -> tuple[Struct | None, Struct | None] | None:
    """Return the struct of the one version where the other has an object of any members."""
    before, after = _struct(old_spec, old), _struct(new_spec, new)
    loose = Map(AnyJson(), True)
    if (before is not None and new == loose) or (after is not None and old == loose):
        return before, after
    return None


def _struct(spec: Spec, item: Type) -> Struct | None:
    found = spec.type(item.name) if isinstance(item, Ref) else None
    return found if isinstance(found, Struct) else None


def _of_kind(spec: Spec, item: Type, kinds: frozenset[str]) -> Type | None:
    """Return the branch of a union of JSON types that takes the values of these kinds."""
    found = spec.type(item.name) if isinstance(item, Ref) else None
    if not isinstance(found, Union) or found.kind != "typed":
        return None
    return next((it.type for it in found.branches if kinds <= _kinds(spec, it.type)), None)


def _loose(item: Type) -> int:
    """Order types of the same JSON kind by how much they allow."""
    if isinstance(item, Const):
        return 0
    if isinstance(item, Ref):
        return 1
    return 3 if isinstance(item, AnyJson | Opaque) else 2


def _lists(one: Type, many: Type) -> bool:
    return isinstance(many, Array) and not isinstance(one, Array) and many.items == one


def _is(spec: Spec, item: Type, kind: type[Enum] | type[Union]) -> bool:
    return isinstance(item, Ref) and isinstance(spec.type(item.name), kind)


def _word(spec: Spec, item: Type) -> str:
    if isinstance(item, Ref):
        return item.name
    if isinstance(item, Const):
        return f"always {item.value!r}"
    return "any JSON" if isinstance(item, AnyJson) else "/".join(sorted(_kinds(spec, item)))
