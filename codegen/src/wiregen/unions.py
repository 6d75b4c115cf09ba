"""Tell the branches of a `oneOf`/`anyOf` apart: by a tag, by a key, or by their JSON type."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

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
    ScalarKind,
    Struct,
    Type,
    TypeDef,
    Union,
)
from wiregen.load import Node

Json = Any
_CIRCLE = "a branch leads back to its own union, which no value can satisfy"


@dataclass(frozen=True, slots=True, kw_only=True)
class Hints:
    """What a schema says of how its branches are told apart, beside the branches themselves.

    The branch `rest` excludes others, so that it may stand for every further tag. `tag` is the
    member that a `discriminator` names, `words` the words of each branch. In a `oneOf` a constant
    tells even where it may be missing, as a value without it would fit every branch. `listed` are
    the integers that each branch lists at its members, which types do not keep.
    """

    any_of: bool = True
    rest: int | None = None
    tag: str = ""
    words: tuple[tuple[str, ...], ...] = ()
    listed: tuple[Mapping[str, tuple[str, ...]], ...] = ()


@dataclass(frozen=True, slots=True)
class Pending:
    """A union whose branches are resolved; `whole` is its object when they cannot be told apart."""

    node: Node
    hints: Hints
    null: bool = False
    whole: Struct | None = None


class Unions:
    """The unions of a specification; they are told apart at the end, when every type is known."""

    def __init__(self, types: dict[str, TypeDef]) -> None:
        self.types = types
        self.optional_tags: list[tuple[Node, str]] = []
        self._pending: dict[str, Pending] = {}

    def add(self, name: str, pending: Pending) -> None:
        """Remember a union whose branches are resolved."""
        self._pending.setdefault(name, pending)

    def settle(self) -> list[tuple[Node, bool]]:
        """Classify every union; those that cannot be told apart become any JSON, or an object.

        Returns these, each with whether it is an object.
        """
        opaque: dict[str, Pending] = {}
        waiting = dict(self._pending)
        while waiting:
            done = self._round(waiting, opaque)
            if not done:
                node = next(iter(waiting.values())).node
                raise refuse(node.file, node.pointer, "ref-cycle", _CIRCLE)
            for name in done:
                del waiting[name]
        self._pending.clear()
        gone = frozenset(name for name, item in opaque.items() if item.whole is None)
        for name, item in opaque.items():
            if item.whole is None:
                del self.types[name]
        if gone:
            for name, found in self.types.items():
                self.types[name] = _without(found, gone)
        return [(item.node, item.whole is not None) for item in opaque.values()]

    def _round(self, waiting: dict[str, Pending], opaque: dict[str, Pending]) -> list[str]:
        done: list[str] = []
        for name, pending in waiting.items():
            union = self.types[name]
            assert isinstance(union, Union)
            names = {b.type.name for b in union.branches if isinstance(b.type, Ref)}
            if names & waiting.keys() - set(done) - {name}:
                continue
            if name in names:
                raise refuse(pending.node.file, pending.node.pointer, "ref-cycle", _CIRCLE)
            made = None
            if not any(opaque[other].whole is None for other in names & opaque.keys()):
                made = classify(union, self.types, pending.hints)
            if made is not None:
                self.types[name] = replace(made, null=pending.null)
                self._note_tag(pending, made)
            else:
                opaque[name] = pending
                if pending.whole is not None:
                    self.types[name] = pending.whole
            done.append(name)
        return done

    def _note_tag(self, pending: Pending, made: Union) -> None:
        structs = [_struct(branch.type, self.types) for branch in made.branches]
        found = [struct.field(made.tag or "") for struct in structs if struct]
        if made.kind == "tagged" and any(field and not field.required for field in found):
            self.optional_tags.append((pending.node, made.tag or ""))


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
        branches = tuple(replace(b, type=_free(b.type, opaque)) for b in item.branches)
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


def classify(union: Union, types: dict[str, TypeDef], hints: Hints) -> Union | None:
    """Return the union, or None when the branches cannot be told apart for certain."""
    inner = [_inner(branch.type, types) for branch in union.branches]
    told = [found for found in inner if found is not None]
    if told and all(found.kind == "typed" for found in told):
        return _typed(union, _flat(union, inner), types)
    structs = [_struct(branch.type, types) for branch in union.branches]
    if all(struct or found for struct, found in zip(structs, inner, strict=True)):
        tagged = _tagged(union, structs, inner, types, hints)
        return tagged or (_keyed(union, structs) if not told else None)
    return _typed(union, list(union.branches), types)


def _inner(branch: Type, types: dict[str, TypeDef]) -> Union | None:
    found = types.get(branch.name) if isinstance(branch, Ref) else None
    return found if isinstance(found, Union) else None


def _flat(union: Union, inner: list[Union | None]) -> list[Branch]:
    """Return the branches of a union of unions as those of one."""
    return [
        part
        for branch, found in zip(union.branches, inner, strict=True)
        for part in (found.branches if found is not None else (branch,))
    ]


def _struct(branch: Type, types: dict[str, TypeDef]) -> Struct | None:
    found = types.get(branch.name) if isinstance(branch, Ref) else None
    return found if isinstance(found, Struct) else None


@dataclass(frozen=True, slots=True)
class _Words:
    """The words of a branch at a tag, and of which kind they are; none for any word."""

    kind: ScalarKind
    words: tuple[str, ...]


def _tagged(
    union: Union,
    structs: list[Struct | None],
    inner: list[Union | None],
    types: dict[str, TypeDef],
    hints: Hints,
) -> Union | None:
    first = next((struct for struct in structs if struct is not None), None)
    names = (
        [field.wire for field in first.fields] if first else [found.tag for found in inner if found]
    )
    for wire in [hints.tag, *names] if hints.tag else names:
        made = _told_by(union, wire or "", structs, inner, types, hints)
        if made is not None:
            return made
    return None


def _told_by(
    union: Union,
    wire: str,
    structs: list[Struct | None],
    inner: list[Union | None],
    types: dict[str, TypeDef],
    hints: Hints,
) -> Union | None:
    """Return the union as it is told by one member, or None when that does not tell."""
    marked: list[Branch] = []
    kinds: set[str] = set()
    others: list[int] = []
    for index, branch in enumerate(union.branches):
        found = inner[index]
        if found is not None:
            if found.kind != "tagged" or found.tag != wire or found.other is not None:
                return None
            kinds.add(found.tag_kind)
            marked += found.branches
            continue
        struct = structs[index]
        said = _words_at(struct, wire, types, hints) if struct is not None else None
        if said is None:
            return None
        if said.kind == "integer" and not said.words:
            said = replace(said, words=hints.listed[index].get(wire, ()) if hints.listed else ())
            if not said.words:
                return None
        words = said.words
        if not words and hints.tag == wire and index < len(hints.words):
            words = hints.words[index]
        kinds.add(said.kind)
        if not words or words == ("",):
            others.append(index)
        marked += [replace(branch, mark=word) for word in words if word]
    marks = [branch.mark for branch in marked]
    if (
        not marks
        or len(set(marks)) < len(marks)
        or len(kinds) != 1
        or others not in ([], [hints.rest])
    ):
        return None
    kind: ScalarKind = "string"
    for known in ("boolean", "integer"):
        kind = known if known in kinds else kind
    return replace(
        union,
        kind="tagged",
        branches=tuple(marked),
        tag=wire,
        tag_kind=kind,
        other=others[0] if others else None,
    )


def _words_at(struct: Struct, wire: str, types: dict[str, TypeDef], hints: Hints) -> _Words | None:
    """Return what a branch may have at a member; None when that member cannot tell it."""
    found = struct.field(wire)
    if found is None or found.nullable:
        return None
    if not found.required and hints.any_of and hints.tag != wire:
        return None
    type_ = found.type
    if isinstance(type_, Const) and type_.kind in ("string", "boolean", "integer"):
        return _Words(type_.kind, (mark_of(type_.value),))
    if isinstance(type_, Ref):
        enum = types.get(type_.name)
        return _Words("string", enum.values) if isinstance(enum, Enum) else None
    if isinstance(type_, Scalar) and type_.kind in ("string", "integer"):
        return _Words(type_.kind, ()) if found.required else None
    return None


def mark_of(value: object) -> str:
    """Return the word of a tag: a string itself, else its JSON."""
    if isinstance(value, str):
        return value
    return json.dumps(int(value) if isinstance(value, float) else value)


def mark_value(union: Union, branch: Branch) -> Json:
    """Return the value of a branch's mark: the tag as it stands in a frame, or the key."""
    return branch.mark if union.tag_kind == "string" else json.loads(branch.mark)


def _keyed(union: Union, structs: list[Struct | None]) -> Union | None:
    keys: list[str] = []
    for struct in structs:
        assert struct is not None
        others = {
            field.wire
            for other in structs
            if other is not None and other is not struct
            for field in other.fields
        }
        own = [field.wire for field in struct.fields if field.required and field.wire not in others]
        if not own or not struct.closed:
            return None
        keys.append(own[0])
    marked = tuple(replace(b, mark=k) for k, b in zip(keys, union.branches, strict=True))
    return replace(union, kind="keyed", branches=marked)


def _typed(union: Union, branches: list[Branch], types: dict[str, TypeDef]) -> Union | None:
    kinds = [json_kind(branch.type, types) for branch in branches]
    if "" in kinds or len(set(kinds)) != len(kinds) or {"integer", "number"} <= set(kinds):
        return None
    marked = tuple(replace(b, mark=kind) for kind, b in zip(kinds, branches, strict=True))
    return replace(union, kind="typed", branches=marked)


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
