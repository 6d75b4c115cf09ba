"""Tell the branches of a `oneOf`/`anyOf` apart: by a tag, by a key, or by their JSON type."""

from __future__ import annotations

from dataclasses import replace

from wiregen.errors import refuse
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
from wiregen.load import Node

_Pending = tuple[Node, bool, int | None]
_CIRCLE = "a branch leads back to its own union, which no value can satisfy"


class Unions:
    """The unions of a specification; they are told apart at the end, when every type is known."""

    def __init__(self, types: dict[str, TypeDef]) -> None:
        self.types = types
        self._pending: dict[str, _Pending] = {}

    def add(self, node: Node, name: str, nullable: bool, rest: int | None) -> None:
        """Remember a union whose branches are resolved; a nullable branch makes it opaque.

        The branch ``rest`` excludes others, so that it may stand for every further tag.
        """
        self._pending.setdefault(name, (node, nullable, rest))

    def settle(self) -> list[Node]:
        """Classify every union; those that cannot be told apart become any JSON. Returns these."""
        opaque: dict[str, Node] = {}
        waiting = dict(self._pending)
        while waiting:
            done = self._round(waiting, opaque)
            if not done:
                node = next(iter(waiting.values()))[0]
                raise refuse(node.file, node.pointer, "ref-cycle", _CIRCLE)
            for name in done:
                del waiting[name]
        self._pending.clear()
        for name in opaque:
            del self.types[name]
        if opaque:
            for name, item in self.types.items():
                self.types[name] = _without(item, frozenset(opaque))
        return list(opaque.values())

    def _round(self, waiting: dict[str, _Pending], opaque: dict[str, Node]) -> list[str]:
        done: list[str] = []
        for name, (node, nullable, rest) in waiting.items():
            union = self.types[name]
            assert isinstance(union, Union)
            branches = [branch.type for branch in union.branches]
            names = {branch.name for branch in branches if isinstance(branch, Ref)}
            if names & waiting.keys() - set(done) - {name}:
                continue
            if name in names:
                raise refuse(node.file, node.pointer, "ref-cycle", _CIRCLE)
            made = None
            if not nullable and not names & opaque.keys():
                made = classify(name, branches, self.types, rest)
            if made is None:
                opaque[name] = node
            else:
                self.types[name] = replace(
                    union,
                    kind=made.kind,
                    branches=made.branches,
                    tag=made.tag,
                    other=made.other,
                )
            done.append(name)
        return done


def _without(item: TypeDef, opaque: frozenset[str]) -> TypeDef:
    """Return a type whose members of opaque unions are any JSON."""
    if isinstance(item, Struct):
        fields = tuple(
            replace(f, type=type_, nullable=f.nullable or isinstance(type_, AnyJson))
            for f in item.fields
            for type_ in (_free(f.type, opaque),)
        )
        return replace(item, fields=fields)
    if isinstance(item, Union):
        branches = tuple(Branch(b.mark, _free(b.type, opaque)) for b in item.branches)
        return replace(item, branches=branches)
    return item


def _free(type_: Type, opaque: frozenset[str]) -> Type:
    match type_:
        case Ref(name=name) if name in opaque:
            return AnyJson()
        case Array(items=inner, nullable_items=nullable):
            made = _free(inner, opaque)
            return replace(type_, items=made, nullable_items=nullable or isinstance(made, AnyJson))
        case Map(values=inner, nullable_values=nullable):
            made = _free(inner, opaque)
            return Map(made, nullable or isinstance(made, AnyJson))
        case _:
            return type_


def classify(
    name: str, branches: list[Type], types: dict[str, TypeDef], rest: int | None = None
) -> Union | None:
    """Return the union, or None when the branches cannot be told apart for certain."""
    structs = [_struct(branch, types) for branch in branches]
    if all(struct is not None for struct in structs):
        known = [struct for struct in structs if struct is not None]
        return _tagged(name, branches, known, rest) or _keyed(name, branches, known)
    return _typed(name, branches, types)


def _struct(branch: Type, types: dict[str, TypeDef]) -> Struct | None:
    found = types.get(branch.name) if isinstance(branch, Ref) else None
    return found if isinstance(found, Struct) else None


def _tagged(
    name: str, branches: list[Type], structs: list[Struct], rest: int | None
) -> Union | None:
    for field in structs[0].fields:
        tags = [_tag(struct, field.wire) for struct in structs]
        told = [tag for tag in tags if tag]
        others = [index for index, tag in enumerate(tags) if tag == ""]
        if None in tags or len(told) != len(set(told)) or others not in ([], [rest]) or not told:
            continue
        marked = tuple(Branch(t, branch) for t, branch in zip(tags, branches, strict=True) if t)
        other = others[0] if others else None
        return Union(name=name, kind="tagged", branches=marked, tag=field.wire, other=other)
    return None


def _tag(struct: Struct, wire: str) -> str | None:
    """Return the constant of a branch, empty when it takes any word, None when it cannot tell."""
    found = struct.field(wire)
    if found is None or not found.required or found.nullable:
        return None
    if isinstance(found.type, Const) and isinstance(found.type.value, str):
        return found.type.value or None
    return "" if isinstance(found.type, Scalar) and found.type.kind == "string" else None


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
            if isinstance(found, Struct) or (isinstance(found, Union) and found.kind != "typed"):
                return "object"
            return "string" if isinstance(found, Enum) else ""
