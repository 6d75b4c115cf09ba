"""Sample values of types, and frames that are minimal except at one place."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from wiregen.graph import reach, referenced
from wiregen.ir import (
    AnyJson,
    Array,
    Branch,
    Const,
    Enum,
    Field,
    Map,
    Opaque,
    Ref,
    Scalar,
    Spec,
    Struct,
    Type,
    Union,
)
from wiregen.keywords import LONGEST
from wiregen.recursion import heights
from wiregen.unions import mark_value

Json = Any
Path = tuple[str | int, ...]
Chosen = tuple[tuple[Path, Type], ...]
EXAMPLES = {
    "uuid": "3f2b8c1e-5a4d-4e6f-8b7a-9c0d1e2f3a4b",
    "date-time": "2026-01-02T03:04:05.678Z",
    "email": "ada@example.org",
    "uri": "https://example.org/a",
}
_OPAQUE: dict[str, Json] = {
    "object": {"k": 1},
    "array": [1],
    "string": "text",
    "number": 1.5,
    "integer": 7,
    "boolean": True,
}


@dataclass(frozen=True, slots=True)
class Slot:
    """One place in a message: where it is, what it holds, and the member it belongs to.

    `owner` is the struct, `field` its member; `item` is set for an item of an array or a value of
    a map below that member. `branches` says which branch each union on the way must have.
    """

    path: Path
    type: Type
    owner: Struct
    field: Field
    nullable: bool
    item: bool = False
    branches: Chosen = ()

    @property
    def required(self) -> bool:
        """Whether the writer must give it."""
        return self.field.required and not self.item

    @property
    def pointer(self) -> str:
        """JSON Pointer of the place."""
        escaped = (str(part).replace("~", "~0").replace("/", "~1") for part in self.path)
        return "".join("/" + part for part in escaped)


class Sampler:
    """Makes values that the schema accepts. They share their parts: nobody writes into one."""

    def __init__(self, spec: Spec) -> None:
        self.spec = spec
        self._types = {item.name: item for item in spec.types}
        self._heights = heights(self._types)
        self._reach: dict[str, frozenset[str]] = {}
        self._made: dict[tuple[Type, str, bool], Json] = {}
        self._frames: dict[tuple[str, Path, Chosen], Json] = {}

    def minimal(self, type_: Type, wire: str = "x") -> Json:
        """Return the smallest sample of a type."""
        return self._sample(type_, wire, full=False)

    def full(self, type_: Type, wire: str = "x") -> Json:
        """Return a sample with every member of every object."""
        return self._sample(type_, wire, full=True)

    def _sample(self, type_: Type, wire: str, *, full: bool) -> Json:
        key = (type_, wire, full)
        if key not in self._made:
            self._made[key] = self._value(type_, wire, full=full, seen=())
        return self._made[key]

    def _value(self, type_: Type, wire: str, *, full: bool, seen: tuple[str, ...]) -> Json:
        match type_:
            case Scalar():
                return self._scalar(type_, wire)
            case Const(value=value):
                return value
            case Array(items=items, min_items=least):
                count = max(least or 0, 1 if full else 0)
                return [self._value(items, wire, full=full, seen=seen) for _ in range(count)]
            case Map(values=values):
                return {"key": self._value(values, wire, full=full, seen=seen)} if full else {}
            case AnyJson():
                return {"k": [1, "two", None]} if full else "any"
            case Opaque(kinds=kinds):
                return _OPAQUE[kinds[0]]
            case Ref(name=name):
                return self._named(name, wire, full=full, seen=seen)

    def _named(self, name: str, wire: str, *, full: bool, seen: tuple[str, ...]) -> Json:
        found = self.spec.type(name)
        if isinstance(found, Enum):
            return found.values[0]
        if isinstance(found, Union):
            branch = found.branches[0]
            if name in seen:
                branch = min(found.branches, key=self._height)
            made = self._value(
                branch.type, wire, full=full and name not in seen, seen=(*seen, name)
            )
            return tagged(found, branch, made)
        deep = full and name not in seen
        out: Json = {}
        for field in found.fields:
            if field.required and field.nullable and self._again(field.type, (*seen, name)):
                out[field.wire] = None  # the only end that a circle of required members has
            elif field.required or deep:
                out[field.wire] = self._value(field.type, field.wire, full=deep, seen=(*seen, name))
        if not deep:
            for choice in found.choices:
                for member, value in choice.alternatives[0]:
                    field_ = found.field(member)
                    if field_ is not None and member not in out:
                        sample = self._value(field_.type, member, full=False, seen=(*seen, name))
                        out[member] = sample if value is ... else value
        return out

    def branch(self, union: Union, branch: Branch, *, full: bool) -> Json:
        """Return a sample of one branch of a union."""
        return tagged(union, branch, self._value(branch.type, "x", full=full, seen=()))

    def _height(self, branch: Branch) -> int:
        """Return how deep the smallest value of a branch is."""
        name = referenced(branch.type)
        return -1 if name is None else self._heights.get(name, len(self._heights))

    def _again(self, type_: Type, seen: tuple[str, ...]) -> bool:
        """Whether a type leads back to one of those that a value is inside of."""
        return not self._reached(type_).isdisjoint(seen)

    def _reached(self, type_: Type) -> frozenset[str]:
        """Return the named types that a type leads to."""
        name = referenced(type_)
        if name is None:
            return frozenset()
        if name not in self._reach:
            self._reach[name] = frozenset(reach(self._types, [name]))
        return self._reach[name]

    def _scalar(self, type_: Scalar, wire: str) -> Json:
        if type_.kind == "boolean":
            return True
        if type_.kind == "integer":
            return self._number(type_, 1)
        if type_.kind == "number":
            return self._number(type_, 0.5)
        text = EXAMPLES.get(type_.format or "", f"{wire}-1")
        if type_.max_length is not None:
            text = text[: type_.max_length]
        return text.ljust(type_.min_length or 0, "x")

    def _number(self, type_: Scalar, start: float) -> float:
        value = start
        if type_.minimum is not None:
            value = max(value, type_.minimum)
        if type_.maximum is not None:
            value = min(value, type_.maximum)
        return value

    def slots(
        self, struct: Struct, path: Path = (), seen: tuple[str, ...] = (), branches: Chosen = ()
    ) -> Iterator[Slot]:
        """Yield every place below a struct, parents first; a recursive struct is entered once."""
        if struct.name in seen:
            return
        for field in struct.fields:
            here = (*path, field.wire)
            slot = Slot(here, field.type, struct, field, field.nullable, branches=branches)
            yield slot
            yield from self._below(slot, (*seen, struct.name))

    def _below(self, slot: Slot, seen: tuple[str, ...]) -> Iterator[Slot]:
        match slot.type:
            case Ref(name=name):
                found = self.spec.type(name)
                if isinstance(found, Struct):
                    yield from self.slots(found, slot.path, seen, slot.branches)
                elif isinstance(found, Union) and name not in seen:
                    for branch in dict.fromkeys(branch.type for branch in found.branches):
                        yield from self._branch(slot, found, branch, (*seen, name))
            case Array(items=items, nullable_items=nullable):
                place = (*slot.path, 0)
                item = Slot(place, items, slot.owner, slot.field, nullable, True, slot.branches)
                yield item
                yield from self._below(item, seen)
            case Map(values=values, nullable_values=nullable) if not isinstance(values, AnyJson):
                place = (*slot.path, "key")
                item = Slot(place, values, slot.owner, slot.field, nullable, True, slot.branches)
                yield item
                yield from self._below(item, seen)
            case _:
                return

    def _branch(
        self, slot: Slot, union: Union, branch: Type, seen: tuple[str, ...]
    ) -> Iterator[Slot]:
        """Yield the places below one branch; they know by which branch they are reached."""
        chosen = (*slot.branches, (slot.path, branch))
        whole = replace(slot, type=branch, branches=chosen)
        for inner in self._below(whole, seen):
            # The tag itself is no free place: another value is another branch.
            if union.kind == "typed" or inner.path != (*slot.path, union.tag):
                yield inner

    def frame(self, struct: Struct, path: Path, branches: Chosen = ()) -> Json:
        """Return the smallest frame in which the parent of ``path`` is there."""
        chosen = tuple((place, type_) for place, type_ in branches if len(place) < len(path))
        key = (struct.name, path[:-1], chosen)
        if key not in self._frames:
            root = Ref(struct.name)
            self._frames[key] = self._grown(self.minimal(root), root, path, 0, dict(chosen))
        return self._frames[key]

    def _grown(
        self, value: Json, owner: Type, path: Path, depth: int, chosen: dict[Path, Type]
    ) -> Json:
        """Return a value with what a path below it needs."""
        if depth >= len(path) - 1:
            return value
        part = path[depth]
        owner = self.step(owner, part)
        forced = chosen.get(path[: depth + 1])
        named = isinstance(value, dict)
        inner = value.get(part) if named else (value[0] if value else None)
        if forced:
            inner = self._forced(owner, forced)
        elif inner is None:
            inner = self.minimal(owner, str(part) if named else "x")
        grown = self._grown(inner, forced or owner, path, depth + 1, chosen)
        if named:
            return {**value, part: grown}
        # An array that was empty, or whose item is made anew, has this one item.
        fresh = forced or not value or value[0] is None
        return [grown] if fresh else [grown, *value[1:]]

    def _forced(self, owner: Type, type_: Type) -> Json:
        """Return the smallest value of one branch at a place."""
        found = self.spec.type(owner.name) if isinstance(owner, Ref) else None
        if not isinstance(found, Union):
            return self.minimal(type_)
        branch = next((item for item in found.branches if item.type == type_), None)
        if branch is None:  # a branch of a union that is a branch itself
            inner = [b.type for b in found.branches if type_ in self._branches(b.type)]
            return self._forced(inner[0], type_) if inner else self.minimal(type_)
        return self.branch(found, branch, full=False)

    def _branches(self, type_: Type) -> list[Type]:
        found = self.spec.type(type_.name) if isinstance(type_, Ref) else None
        return [branch.type for branch in found.branches] if isinstance(found, Union) else []

    def step(self, type_: Type, part: str | int) -> Type:
        """Return the type one step further down."""
        if isinstance(type_, Array):
            return type_.items
        if isinstance(type_, Map):
            return type_.values
        if isinstance(type_, Ref):
            found = self.spec.type(type_.name)
            if isinstance(found, Struct):
                field = found.field(str(part))
                if field is not None:
                    return field.type
        return AnyJson()


def tried(*bounds: int | None) -> list[int]:
    """Return the bounds that frames can try out, each once."""
    return sorted({bound for bound in bounds if bound is not None and bound <= LONGEST})


def tagged(union: Union, branch: Branch, value: Json) -> Json:
    """Return the sample of a branch with the word that tells it."""
    if union.kind != "tagged" or not isinstance(value, dict):
        return value
    return {**value, union.tag: mark_value(union, branch)}


def put(tree: Json, path: Path, value: Json) -> Json:
    """Return ``tree`` with ``value`` at ``path``."""
    if not path:
        return value
    if isinstance(tree, list):
        return [put(tree[0] if len(path) > 1 else None, path[1:], value), *tree[1:]]
    inner = tree[path[0]] if len(path) > 1 else None
    return {**tree, path[0]: put(inner, path[1:], value)}


def drop(tree: Json, path: Path) -> Json:
    """Return ``tree`` without the member at ``path``."""
    if len(path) == 1:
        return {key: value for key, value in tree.items() if key != path[0]}
    if isinstance(tree, list):
        return [drop(tree[0], path[1:]), *tree[1:]]
    return {**tree, path[0]: drop(tree[path[0]], path[1:])}
