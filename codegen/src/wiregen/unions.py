"""Tell the branches of a `oneOf`/`anyOf` apart: by a tag, by a key, or by their JSON type."""

from __future__ import annotations

from wiregen.ir import (
    AnyJson,
    Array,
    Branch,
    Const,
    Enum,
    Map,
    Opaque,
    Ref,
    Scalar,
    Struct,
    Type,
    TypeDef,
    Union,
)


def classify(name: str, branches: list[Type], types: dict[str, TypeDef]) -> Union | None:
    """Return the union, or None when the branches cannot be told apart for certain."""
    structs = [_struct(branch, types) for branch in branches]
    if all(struct is not None for struct in structs):
        known = [struct for struct in structs if struct is not None]
        return _tagged(name, branches, known) or _keyed(name, branches, known)
    return _typed(name, branches, types)


def _struct(branch: Type, types: dict[str, TypeDef]) -> Struct | None:
    found = types.get(branch.name) if isinstance(branch, Ref) else None
    return found if isinstance(found, Struct) else None


def _tagged(name: str, branches: list[Type], structs: list[Struct]) -> Union | None:
    for field in structs[0].fields:
        tags: list[str] = []
        for struct in structs:
            found = struct.field(field.wire)
            if found is None or not found.required or not isinstance(found.type, Const):
                break
            if not isinstance(found.type.value, str):
                break
            tags.append(found.type.value)
        if len(tags) == len(structs) == len(set(tags)):
            marked = tuple(Branch(tag, branch) for tag, branch in zip(tags, branches, strict=True))
            return Union(name=name, kind="tagged", branches=marked, tag=field.wire)
    return None


def _keyed(name: str, branches: list[Type], structs: list[Struct]) -> Union | None:
    keys: list[str] = []
    for struct in structs:
        others = {field.wire for other in structs if other is not struct for field in other.fields}
        own = [field.wire for field in struct.fields if field.required and field.wire not in others]
        if not own or not struct.closed:
            return None
        keys.append(own[0])
    marked = tuple(Branch(key, branch) for key, branch in zip(keys, branches, strict=True))
    return Union(name=name, kind="keyed", branches=marked)


def _typed(name: str, branches: list[Type], types: dict[str, TypeDef]) -> Union | None:
    kinds = [json_kind(branch, types) for branch in branches]
    if "" in kinds or len(set(kinds)) != len(kinds) or {"integer", "number"} <= set(kinds):
        return None
    marked = tuple(Branch(kind, branch) for kind, branch in zip(kinds, branches, strict=True))
    return Union(name=name, kind="typed", branches=marked)


def json_kind(branch: Type, types: dict[str, TypeDef]) -> str:
    """Return the JSON type of every value of ``branch``, or an empty string when it has several."""
    match branch:
        case Scalar(kind=kind) | Const(kind=kind):
            return kind
        case Array():
            return "array"
        case Map():
            return "object"
        case AnyJson() | Opaque():
            return ""
        case Ref(name=name):
            found = types.get(name)
            if isinstance(found, Struct):
                return "object"
            return "string" if isinstance(found, Enum) else ""
