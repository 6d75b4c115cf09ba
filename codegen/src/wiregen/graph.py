"""Walks over named types: who reaches whom, in which direction, and where the cycles are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from wiregen.ir import Array, Direction, Map, Ref, Struct, Type, TypeDef, Union


def referenced(type_: Type) -> str | None:
    """Return the name that a type leads to, through arrays and maps."""
    match type_:
        case Ref(name=name):
            return name
        case Array(items=inner) | Map(values=inner):
            return referenced(inner)
        case _:
            return None


def neighbours(item: TypeDef) -> list[str]:
    """Return the names that a type leads to directly, in order."""
    if isinstance(item, Struct):
        found = [referenced(field.type) for field in item.fields]
    elif isinstance(item, Union):
        found = [referenced(branch.type) for branch in item.branches]
    else:
        found = []
    return [name for name in found if name is not None]


def reach(types: Mapping[str, TypeDef], roots: Iterable[str]) -> set[str]:
    """Return every name that the roots lead to, themselves included."""
    seen: set[str] = set()
    todo = list(roots)
    while todo:
        name = todo.pop()
        if name not in seen and name in types:
            seen.add(name)
            todo += neighbours(types[name])
    return seen


def renamed(item: TypeDef, names: Mapping[str, str]) -> TypeDef:
    """Return a type that leads to other names instead of those given."""
    if isinstance(item, Struct):
        fields = tuple(
            replace(field, type=renamed_type(field.type, names)) for field in item.fields
        )
        return replace(item, fields=fields)
    if isinstance(item, Union):
        branches = tuple(replace(b, type=renamed_type(b.type, names)) for b in item.branches)
        return replace(item, branches=branches)
    return item


def renamed_type(type_: Type, names: Mapping[str, str]) -> Type:
    match type_:
        case Ref(name=name):
            return Ref(names.get(name, name))
        case Array(items=inner):
            return replace(type_, items=renamed_type(inner, names))
        case Map(values=inner):
            return replace(type_, values=renamed_type(inner, names))
        case _:
            return type_


def directions(
    types: Mapping[str, TypeDef], reads: list[str], writes: list[str], asked: Iterable[str] = ()
) -> dict[str, Direction]:
    """Say of each type whether clients read it, write it, or both (also when nothing says).

    Those that are ``asked`` for and that no message leads to go both ways, with all they hold.
    """
    read, written = reach(types, reads), reach(types, writes)
    loose = reach(types, set(asked) - read - written)
    read, written = read | loose, written | loose
    out: dict[str, Direction] = {}
    for name in types:
        if name in read and name not in written:
            out[name] = "read"
        elif name in written and name not in read:
            out[name] = "write"
        else:
            out[name] = "both"
    return out


def _direct(item: TypeDef) -> dict[str, str]:
    """Members that hold another type in place, not through an array or a map."""
    if isinstance(item, Struct):
        return {f.wire: f.type.name for f in item.fields if isinstance(f.type, Ref)}
    if isinstance(item, Union):
        return {b.mark: b.type.name for b in item.branches if isinstance(b.type, Ref)}
    return {}


def boxed_members(types: Mapping[str, TypeDef]) -> dict[str, frozenset[str]]:
    """Return the structs that lead back to themselves, with the members that close the circle."""
    direct = {name: _direct(item) for name, item in types.items()}

    def leads(start: str, goal: str) -> bool:
        seen: set[str] = set()
        todo = [start]
        while todo:
            name = todo.pop()
            if name == goal:
                return True
            if name not in seen:
                seen.add(name)
                todo += [other for other in direct.get(name, {}).values() if other in types]
        return False

    out: dict[str, frozenset[str]] = {}
    for name, item in types.items():
        marked = frozenset(w for w, target in direct[name].items() if leads(target, name))
        around = any(name in reach(types, [other]) for other in neighbours(item))
        if marked or around:
            out[name] = marked
    return out
