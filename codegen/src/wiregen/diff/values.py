"""Compare what a single place may hold: kind, bounds, pattern, format, items."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wiregen.ir import AnyJson, Array, Const, Enum, Map, Opaque, Ref, Scalar, Spec, Type

if TYPE_CHECKING:
    from wiregen.diff.compare import Comparison

SAFE = 2**53 - 1
LOWER = ("minimum", "exclusive_minimum", "min_length", "min_items")
UPPER = ("maximum", "exclusive_maximum", "max_length", "max_items")


class ValueDiff:
    """Compares the types of two places."""

    def __init__(self, comparison: Comparison) -> None:
        self._to = comparison

    def types(self, where: str, old: Type, new: Type, direction: str) -> None:
        """Report what differs between two types."""
        if isinstance(old, Ref) and isinstance(new, Ref):
            self._refs(where, old, new, direction)
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
            same = (old.values, old.nullable_values) == (new.values, new.nullable_values)
            if not same:
                text = "its values have another schema"
                self._to.report("ADDITIONAL_SCHEMA_CHANGED", where, text, direction=direction)
        elif old != new:
            self._others(where, old, new, direction)

    def _nulls(self, where: str, old: bool, new: bool, direction: str) -> None:
        if old != new:
            rule = "NULL_ADDED" if new else "NULL_REMOVED"
            text = "an item may be null now" if new else "no item may be null any more"
            self._to.report(rule, f"{where}/*", text, direction=direction)

    def _refs(self, where: str, old: Ref, new: Ref, direction: str) -> None:
        if old.name == new.name:
            return
        before, after = self._to.old.type(old.name), self._to.new.type(new.name)
        known = {item.name for item in self._to.new.types}
        if type(before) is type(after) and (old.name not in known) and _same(before, after):
            text = f"{old.name} is called {new.name} now"
            self._to.report("TYPE_NAME_CHANGED", where, text, direction=direction)
        else:
            text = f"{old.name} became {new.name}"
            self._to.report("TYPE_CHANGED", where, text, direction=direction)

    def _scalars(self, where: str, old: Scalar, new: Scalar, direction: str) -> None:
        self._bounds(where, old, new, direction)
        if old.multiple_of != new.multiple_of:
            rule = "BOUND_LOOSENED" if new.multiple_of is None else "BOUND_TIGHTENED"
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
        for name in (*LOWER, *UPPER):
            before, after = getattr(old, name, None), getattr(new, name, None)
            if before == after:
                continue
            sign = 1 if name in LOWER else -1
            tighter = before is None or (after is not None and (after - before) * sign > 0)
            text = f"{name.replace('_', ' ')} was {before}, is {after}"
            rule = "BOUND_TIGHTENED" if tighter else "BOUND_LOOSENED"
            if not tighter and isinstance(new, Scalar) and new.kind == "integer":
                unsafe = after is None or abs(after) > SAFE
                rule = "BOUND_UNSAFE" if unsafe else rule
            self._to.report(rule, where, text, direction=direction)
        if isinstance(old, Array) and isinstance(new, Array) and old.unique != new.unique:
            rule = "BOUND_TIGHTENED" if new.unique else "BOUND_LOOSENED"
            self._to.report(rule, where, "items must differ" if new.unique else "items may repeat",
                            direction=direction)  # fmt: skip

    def _others(self, where: str, old: Type, new: Type, direction: str) -> None:
        before, after = _kinds(self._to.old, old), _kinds(self._to.new, new)
        text = f"was {_word(self._to.old, old)}, is {_word(self._to.new, new)}"
        if _lists(old, new) or _lists(new, old):
            rule = "ARRAY_SCALAR"
        elif _is_enum(self._to.old, old) and isinstance(new, Scalar) and new.kind == "string":
            rule = "ENUM_OPENED"
        elif _is_enum(self._to.new, new) and isinstance(old, Scalar) and old.kind == "string":
            rule = "ENUM_CLOSED"
        elif before < after or (before == after and _loose(new) > _loose(old)):
            rule = "TYPE_WIDENED"
        elif after < before or (before == after and _loose(old) > _loose(new)):
            rule = "TYPE_NARROWED"
        else:
            rule = "TYPE_CHANGED"
        self._to.report(rule, where, text, direction=direction)


EVERY = frozenset({"object", "array", "string", "integer", "number", "boolean", "null"})


def _kinds(spec: Spec, item: Type) -> frozenset[str]:
    """Return the JSON kinds of a type; a number may be an integer."""
    if isinstance(item, AnyJson):
        return EVERY
    if isinstance(item, Opaque):
        return frozenset(item.kinds) | ({"integer"} if "number" in item.kinds else set())
    if isinstance(item, Ref):
        return frozenset({"string"} if isinstance(spec.type(item.name), Enum) else {"object"})
    if isinstance(item, Array | Map):
        return frozenset({"array" if isinstance(item, Array) else "object"})
    return frozenset({"number", "integer"} if item.kind == "number" else {item.kind})


def _loose(item: Type) -> int:
    """Order types of the same JSON kind by how much they allow."""
    if isinstance(item, Const):
        return 0
    if isinstance(item, Ref):
        return 1
    return 3 if isinstance(item, AnyJson | Opaque) else 2


def _lists(one: Type, many: Type) -> bool:
    return isinstance(many, Array) and not isinstance(one, Array) and many.items == one


def _is_enum(spec: Spec, item: Type) -> bool:
    return isinstance(item, Ref) and isinstance(spec.type(item.name), Enum)


def _same(before: object, after: object) -> bool:
    """Whether two types differ in nothing but name and place."""
    keys = ("fields", "closed", "choices", "values", "kind", "branches", "tag")
    return all(getattr(before, key, None) == getattr(after, key, None) for key in keys)


def _word(spec: Spec, item: Type) -> str:
    if isinstance(item, Ref):
        return item.name
    if isinstance(item, Const):
        return f"always {item.value!r}"
    return "/".join(sorted(_kinds(spec, item)))
