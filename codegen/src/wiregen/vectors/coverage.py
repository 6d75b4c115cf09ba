"""Which obligations of the schemas the vectors meet, read off the vectors themselves."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

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
from wiregen.printed import printed
from wiregen.shapes import build_unions, choose
from wiregen.vectors.samples import tried

Json = Any
Obligation = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class Coverage:
    """How many obligations there are and which are not met."""

    total: int
    missing: tuple[Obligation, ...]

    @property
    def percent(self) -> float:
        """Met obligations in percent."""
        return 100.0 if not self.total else 100.0 * (self.total - len(self.missing)) / self.total


def coverage(spec: Spec, files: Mapping[str, str]) -> Coverage:
    """Compare the obligations of all structs with what the vectors show."""
    spec = printed(spec)
    wanted = {item for struct in spec.structs for item in _obligations(spec, struct)}
    shown: set[Obligation] = set()
    watcher = _Watcher(spec, shown)
    for path, text in files.items():
        if not path.endswith(".json"):
            continue
        document = json.loads(text)
        name = document.get("type")
        if name is None:
            continue
        at = [part for part in document.get("at", "").split("/") if part]
        for vector in document["vectors"]:
            if vector.get("outcome") in ("unknown", "malformed"):
                continue
            value = json.loads(vector["text"])
            for part in at:
                value = value[part]
            watcher.look(value, Ref(name), name, "")
    return Coverage(len(wanted), tuple(sorted(wanted - shown)))


def _obligations(spec: Spec, struct: Struct) -> Iterator[Obligation]:
    marks = {
        union.tag or branch.mark
        for union in spec.unions
        if union.kind != "typed"
        for branch in union.branches
        if branch.type == Ref(struct.name)
    }
    for field in struct.fields:
        name = (struct.name, field.wire)
        yield (*name, "present")
        tag = isinstance(field.type, Const) and struct.role in ("event", "action")
        tag = tag and field.wire in (spec.event_tag, spec.action_tag)
        if tag or field.wire in marks:
            continue
        yield (*name, "null")
        yield (*name, "absent")
        for word in _words(spec, field.type, field.wire):
            yield (*name, word)


def _words(spec: Spec, type_: Type, wire: str) -> Iterator[str]:
    match type_:
        case Scalar(kind="boolean"):
            yield from ("true", "false")
        case Scalar(kind="string"):
            yield "string"
            for bound in tried(type_.min_length or None, type_.max_length or None):
                yield f"length {bound}"
            if type_.min_length:
                yield f"length {type_.min_length - 1}"
            for most in tried(type_.max_length):
                yield f"length {most + 1}"
        case Scalar():
            for edge, past in ((type_.minimum, -1), (type_.maximum, 1)):
                if edge is not None:
                    yield f"value {edge}"
                    yield "below" if past < 0 else "above"
        case Const(value=bool() as value):
            yield str(value).lower()
            yield "other value"
        case Const(value=value):
            yield f"value {value}"
            yield "other value"
        case Array(items=items):
            yield from ("none", "one", "many")
            yield from (f"item {word}" for word in _words(spec, items, wire))
            for bound in tried(type_.min_items, type_.max_items):
                yield f"items {bound}"
            for most in tried(type_.max_items):
                yield f"items {most + 1}"
        case Map():
            yield from ("empty", "filled")
        case AnyJson():
            yield from ("object", "array", "string", "number", "boolean")
        case Opaque(kinds=kinds):
            yield from kinds
        case Ref(name=name):
            found = spec.type(name)
            if isinstance(found, Enum):
                yield from (f"value {value}" for value in found.values)
                yield "unknown value"
            elif isinstance(found, Struct):
                yield "extra"
            elif isinstance(found, Union):
                yield from (f"branch {branch.mark}" for branch in found.branches)


class _Watcher:
    """Walks a frame beside its types and notes what it shows."""

    def __init__(self, spec: Spec, shown: set[Obligation]) -> None:
        self.spec = spec
        self.shown = shown
        self.unions = {item.name: item for item in build_unions(spec.types, written=True)}

    def look(self, value: Json, type_: Type, owner: str, wire: str, prefix: str = "") -> None:
        """Note everything that ``value`` shows of its member."""
        for word in self._shown(value, type_):
            self.shown.add((owner, wire, prefix + word))
        if isinstance(type_, Array) and isinstance(value, list):
            for item in value:
                self.look(item, type_.items, owner, wire, prefix + "item ")
        elif isinstance(type_, Map) and isinstance(value, dict):
            for item in value.values():
                self.look(item, type_.values, owner, wire, prefix + "value ")
        elif isinstance(type_, Ref):
            found = self.spec.type(type_.name)
            if isinstance(found, Struct) and isinstance(value, dict):
                self._members(value, found)
            elif isinstance(found, Union):
                self._branch(value, found, owner, wire, prefix)

    def _branch(self, value: Json, union: Union, owner: str, wire: str, prefix: str) -> None:
        chosen = choose(self.unions[union.name], value)
        checks = zip(self.unions[union.name].branches, union.branches, strict=True)
        for (_, check), branch in checks:
            if check is chosen:
                self.shown.add((owner, wire, f"{prefix}branch {branch.mark}"))
                self.look(value, branch.type, owner, wire, prefix)

    def _members(self, value: dict[str, Json], struct: Struct) -> None:
        for field in struct.fields:
            if field.wire not in value:
                self.shown.add((struct.name, field.wire, "absent"))
                continue
            self.shown.add((struct.name, field.wire, "present"))
            item = value[field.wire]
            if item is None:
                self.shown.add((struct.name, field.wire, "null"))
            self.look(item, field.type, struct.name, field.wire)

    def _shown(self, value: Json, type_: Type) -> Iterator[str]:
        if isinstance(value, bool):
            yield from ("boolean", "true" if value else "false")
        elif isinstance(value, str):
            yield from ("string", f"length {len(value)}", f"value {value}")
            yield from self._string(value, type_)
        elif isinstance(value, int | float):
            yield from ("number", "integer", f"value {value}")
            yield from self._number(value, type_)
        elif isinstance(value, list):
            yield from ("array", f"items {len(value)}")
            yield "none" if not value else "one" if len(value) == 1 else "many"
        elif isinstance(value, dict):
            yield from ("object", "filled" if value else "empty")
            if isinstance(type_, Ref):
                found = self.spec.type(type_.name)
                if isinstance(found, Struct) and any(found.field(key) is None for key in value):
                    yield "extra"

    def _string(self, value: str, type_: Type) -> Iterator[str]:
        found = self.spec.type(type_.name) if isinstance(type_, Ref) else None
        if isinstance(found, Enum) and value not in found.values:
            yield "unknown value"
        if isinstance(type_, Const) and value != type_.value:
            yield "other value"

    def _number(self, value: float, type_: Type) -> Iterator[str]:
        if isinstance(type_, Const) and value != type_.value:
            yield "other value"
        if isinstance(type_, Scalar):
            if type_.minimum is not None and value < type_.minimum:
                yield "below"
            if type_.maximum is not None and value > type_.maximum:
                yield "above"
