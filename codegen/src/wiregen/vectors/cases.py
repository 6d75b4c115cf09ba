"""Which frames to try for one message: every obligation of its schema, at and past its edge."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from wiregen.ir import (
    AnyJson,
    Array,
    Const,
    Enum,
    Map,
    Message,
    Opaque,
    Ref,
    Scalar,
    Struct,
    Type,
    Union,
)
from wiregen.vectors.samples import Sampler, Slot, drop, put, tried

Json = Any
KINDS: dict[str, Json] = {
    "null": None,
    "boolean": False,
    "integer": 3,
    "number": 2.5,
    "string": "s",
    "array": [],
    "object": {},
}
WIDE = "\U0001f600"
_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))
_HOLE = "@@value@@"


@dataclass(frozen=True, slots=True)
class Case:
    """A frame under a stable id: `tree` is what a parser makes of `text`."""

    id: str
    tree: Json
    text: str


def spelled(tree: Json) -> str:
    """Return the plain text of a tree."""
    return _ENCODER.encode(tree)


def _case(name: str, tree: Json) -> Case:
    return Case(name, tree, spelled(tree))


@dataclass(frozen=True, slots=True)
class _Hole:
    """The frame around one place, printed once for all values that are tried there."""

    slot: Slot
    place: str
    frame: Json
    before: str
    after: str


class CaseMaker:
    """Makes the cases of one struct, which is a message, a result or a type of its own."""

    def __init__(self, sampler: Sampler, struct: Struct, message: Message | None) -> None:
        self.sampler = sampler
        self.struct = struct
        self.message = message
        self.tag = message.tag if message else None
        self._open: _Hole | None = None

    def cases(self) -> Iterator[Case]:
        """Yield every case; ids are unique and stable."""
        minimal = self.sampler.minimal(Ref(self.struct.name))
        full = self.sampler.full(Ref(self.struct.name))
        yield _case("minimal", minimal)
        yield _case("full", full)
        yield _case("reversed", _turned(full))
        yield Case("spaced", full, json.dumps(full, indent=1, ensure_ascii=True))
        yield _case("extra", {**minimal, "x-new": {"deep": [None, 1.5, "é"]}})
        for slot in self.sampler.slots(self.struct):
            yield from self._slot(slot)
        yield from self._mirrors()
        yield from self._choices()
        yield from self._spellings()

    def _with(self, slot: Slot, name: str, value: Json) -> Case:
        return self._spelled(slot, name, value, spelled(value))

    def _spelled(self, slot: Slot, name: str, value: Json, spelling: str) -> Case:
        """Return the frame with a value at a place, spelled in this way."""
        if self._open is None or self._open.slot is not slot:
            self._open = self._hole(slot)
        hole = self._open
        tree = put(hole.frame, slot.path, value)
        return Case(f"{hole.place}={name}", tree, hole.before + spelling + hole.after)

    def _text(self, slot: Slot, name: str, spelling: str) -> Case:
        return self._spelled(slot, name, json.loads(spelling), spelling)

    def _hole(self, slot: Slot) -> _Hole:
        frame = self.sampler.frame(self.struct, slot.path, slot.branches)
        text = spelled(put(frame, slot.path, _HOLE))
        before, _, after = text.partition(f'"{_HOLE}"')
        return _Hole(slot, self._place(slot), frame, before, after)

    def _place(self, slot: Slot) -> str:
        """Return the pointer of a place, with the branches that lead there."""
        names = [_called(type_) for _, type_ in slot.branches]
        return slot.pointer + "".join(f"<{name}>" for name in names)

    def _slot(self, slot: Slot) -> Iterator[Case]:
        if slot.path == (self.tag,):
            return
        if not slot.item:
            frame = self.sampler.frame(self.struct, slot.path, slot.branches)
            word = "missing" if slot.required else "absent"
            yield _case(f"{self._place(slot)}={word}", drop(frame, slot.path))
        yield self._with(slot, "null", None)
        yield from self._wrong(slot)
        yield from self._right(slot, slot.type)

    def _wrong(self, slot: Slot) -> Iterator[Case]:
        allowed = _kinds(slot.type, self.sampler)
        for kind, value in KINDS.items():
            if kind not in allowed and kind != "null":
                yield self._with(slot, f"a-{kind}", value)
        if "string" in allowed or "object" in allowed:
            return
        if "integer" in allowed or "number" in allowed:
            yield self._with(slot, "number-as-text", "1")
        if "boolean" in allowed:
            yield self._with(slot, "boolean-as-text", "true")

    def _right(self, slot: Slot, type_: Type) -> Iterator[Case]:
        match type_:
            case Scalar(kind="boolean"):
                yield self._with(slot, "true", True)
                yield self._with(slot, "false", False)
            case Scalar(kind="string"):
                yield from self._string(slot, type_)
            case Scalar():
                yield from self._number(slot, type_)
            case Const(value=value):
                yield self._with(slot, "const", value)
                other = value + 1 if isinstance(value, int) else f"{value}-other"
                yield self._with(slot, "other-value", other)
            case Array():
                yield from self._array(slot, type_)
            case Map():
                yield self._with(slot, "empty", {})
                sample = self.sampler.full(type_.values, "key")
                yield self._with(slot, "one", {"a": sample})
                yield self._with(slot, "many", {"a": sample, "b": sample})
            case AnyJson():
                for kind, value in KINDS.items():
                    yield self._with(slot, f"a-{kind}", value)
                yield self._with(slot, "deep", {"a": [{"b": [[], {}, None]}], "": 0})
            case Opaque(kinds=kinds):
                for kind in kinds:
                    yield self._with(slot, f"a-{kind}", KINDS[kind])
            case Ref(name=name):
                yield from self._named(slot, name)

    def _named(self, slot: Slot, name: str) -> Iterator[Case]:
        found = self.sampler.spec.type(name)
        if isinstance(found, Enum):
            for value in found.values:
                yield self._with(slot, f"value-{value}", value)
            yield self._with(slot, "unknown-value", "x-new-value")
        elif isinstance(found, Union):
            for branch in found.branches:
                sample = self.sampler.branch(found, branch, full=True)
                yield self._with(slot, f"branch-{branch.mark}", sample)
            yield from self._foreign(slot, found)
        else:
            sample = {**self.sampler.minimal(Ref(name)), "x-new": [1, {"y": None}]}
            yield self._with(slot, "extra", sample)

    def _foreign(self, slot: Slot, union: Union) -> Iterator[Case]:
        """Values of no branch, and of two."""
        if union.kind == "typed":
            return
        sample = self.sampler.branch(union, union.branches[0], full=False)
        yield self._with(slot, "no-branch", {"x-new": [1, None]})
        if union.kind == "tagged":
            new: dict[str, Json] = {"string": "x-new-tag", "integer": -77}
            if union.tag_kind in new:
                yield self._with(slot, "new-tag", {**sample, union.tag: new[union.tag_kind]})
            for kind, value in KINDS.items():
                if kind != union.tag_kind:
                    yield self._with(slot, f"tag-{kind}", {**sample, union.tag: value})
        else:
            both = {**self.sampler.minimal(union.branches[-1].type), **sample}
            yield self._with(slot, "two-keys", both)

    def _string(self, slot: Slot, type_: Scalar) -> Iterator[Case]:
        yield self._with(slot, "text", self.sampler.minimal(type_, slot.field.wire))
        yield self._with(slot, "empty", "")
        yield self._with(slot, "odd", 'é"\\/\b\u2028\x7f' + WIDE)
        for bound in tried(type_.min_length or None, type_.max_length or None):
            for length in (bound - 1, bound, bound + 1):
                fill = "a" if type_.pattern else WIDE
                yield self._with(slot, f"length-{length}", fill * length)
        if type_.pattern is not None:
            yield self._with(slot, "pattern-miss", "no match: \n")
            yield self._with(slot, "pattern-newline", "abc\n")

    def _number(self, slot: Slot, type_: Scalar) -> Iterator[Case]:
        whole = type_.kind == "integer"
        low, high = type_.minimum, type_.maximum
        edge = 1 if whole else 0.25
        for name, bound, past in (("minimum", low, -edge), ("maximum", high, edge)):
            if bound is not None:
                yield self._with(slot, name, bound)
                beyond = bound + past
                if beyond == bound:  # a double so large that nothing lies between
                    beyond = math.nextafter(bound, math.copysign(math.inf, past))
                yield self._with(slot, f"past-{name}", beyond)
        if whole:
            yield from self._edges(slot, type_)
            yield self._with(slot, "zero-fraction", 2.0)
            yield self._with(slot, "exponent", 1e3)
            yield self._text(slot, "exponent-text", "2e1")
            yield self._text(slot, "minus-zero", "-0")
            yield self._with(slot, "half", 0.5)
        else:
            yield self._with(slot, "whole", 1)
            yield self._with(slot, "small", 1e-7)

    def _edges(self, slot: Slot, type_: Scalar) -> Iterator[Case]:
        """Integers at and past 64 bits, where no bound says that there are none so large."""
        if type_.minimum is None:
            yield self._with(slot, "least-of-64-bits", -(2**63))
            yield self._with(slot, "past-least-of-64-bits", -(2**63) - 1)
        if type_.maximum is None:
            yield self._with(slot, "most-of-64-bits", 2**63 - 1)
            yield self._with(slot, "past-most-of-64-bits", 2**63)
            yield self._text(slot, "beyond-64-bits", "123456789012345678901234567890")
            yield self._text(slot, "beyond-doubles", "9" * 400)

    def _array(self, slot: Slot, type_: Array) -> Iterator[Case]:
        item = self.sampler.minimal(type_.items, slot.field.wire)
        counts = {"none": 0, "one": 1, "many": max(3, (type_.min_items or 0))}
        for name, count in counts.items():
            yield self._with(slot, name, [item] * count)
        if type_.min_items:
            yield self._with(slot, "too-few", [item] * (type_.min_items - 1))
            yield self._with(slot, "fewest", [item] * type_.min_items)
        for most in tried(type_.max_items):
            yield self._with(slot, "most", [item] * most)
            yield self._with(slot, "too-many", [item] * (most + 1))

    def _mirrors(self) -> Iterator[Case]:
        mirrors = self.message.mirrors if self.message else ()
        nullable = {slot.path for slot in self.sampler.slots(self.struct) if slot.nullable}
        for mirror in mirrors:
            name = "/" + "/".join(mirror.nested)
            frame = self.sampler.frame(self.struct, mirror.nested)
            sampled = self.sampler.full(Ref(self.struct.name))
            nested = _get(sampled, mirror.nested)
            both = put(put(frame, mirror.nested, nested), mirror.top, nested)
            yield _case(f"mirror{name}=both", both)
            yield _case(f"mirror{name}=nested", drop(both, mirror.top))
            yield _case(f"mirror{name}=top", drop(both, mirror.nested))
            yield _case(f"mirror{name}=neither", drop(drop(both, mirror.top), mirror.nested))
            yield _case(f"mirror{name}=top-null", put(drop(both, mirror.nested), mirror.top, None))
            other = _other(nested)
            yield _case(f"mirror{name}=differ", put(both, mirror.top, other))
            if len(mirror.nested) > 1:
                yield _case(f"mirror{name}=no-parent", drop(both, mirror.nested[:-1]))
            for depth in range(1, len(mirror.nested) + 1):
                if mirror.nested[:depth] in nullable:
                    nulled = put(both, mirror.nested[:depth], None)
                    yield _case(f"mirror{name}=null-{depth}", nulled)
                    yield _case(f"mirror{name}=only-null-{depth}", drop(nulled, mirror.top))

    def _choices(self) -> Iterator[Case]:
        for number, choice in enumerate(self.struct.choices):
            members = {member for alternative in choice.alternatives for member, _ in alternative}
            full = self.sampler.full(Ref(self.struct.name))
            bare = {key: value for key, value in full.items() if key not in members}
            yield _case(f"choice-{number}=none", bare)
            for index, alternative in enumerate(choice.alternatives):
                given = {m: full[m] if v is ... else v for m, v in alternative}
                yield _case(f"choice-{number}={index}", {**bare, **given})

    def _spellings(self) -> Iterator[Case]:
        """Escapes of one string: surrogates in pairs and alone, and a backslash before them."""
        if self.message is None or self.message.role != "event":
            return
        slot = next(
            (
                slot
                for slot in self.sampler.slots(self.struct)
                if slot.type == Scalar("string") and not slot.item and slot.path != (self.tag,)
            ),
            None,
        )
        if slot is None:
            return
        yield self._text(slot, "escaped", '"\\u0041\\u00e9\\n\\/"')
        yield self._text(slot, "pair", '"\\ud83d\\ude00"')
        yield self._text(slot, "lone-high", '"a\\ud83dz"')
        yield self._text(slot, "lone-low", '"\\udE00"')
        yield self._text(slot, "lone-then-pair", '"\\ud83d\\ud83d\\ude00"')
        yield self._text(slot, "backslash", '"\\\\ud83d"')
        yield self._text(slot, "backslash-lone", '"\\\\\\ud83d"')


def _kinds(type_: Type, sampler: Sampler) -> frozenset[str]:
    """Return the JSON kinds that a type admits; an integer is a number as well."""
    match type_:
        case Scalar(kind="number"):
            return frozenset({"number", "integer"})
        case Scalar(kind=kind) | Const(kind=kind):
            return frozenset({kind})
        case Array():
            return frozenset({"array"})
        case Map():
            return frozenset({"object"})
        case AnyJson():
            return frozenset(KINDS)
        case Opaque(kinds=kinds):
            return frozenset(kinds)
        case Ref(name=name):
            found = sampler.spec.type(name)
            if isinstance(found, Union):
                return frozenset().union(*(_kinds(b.type, sampler) for b in found.branches))
            return frozenset({"string"} if isinstance(found, Enum) else {"object"})


def _called(type_: Type) -> str:
    return type_.name if isinstance(type_, Ref) else type(type_).__name__.lower()


def _get(tree: Json, path: tuple[str, ...]) -> Json:
    for part in path:
        tree = tree[part]
    return tree


def _other(value: Json) -> Json:
    """Return another value of the same type."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int | float):
        return value + 1
    if isinstance(value, str):
        return value + "-top"
    if isinstance(value, dict):
        return {key: _other(item) if isinstance(item, str) else item for key, item in value.items()}
    return value


def _turned(value: Json) -> Json:
    """Return a value with the members of every object in the opposite order."""
    if isinstance(value, dict):
        return {key: _turned(value[key]) for key in reversed(value)}
    return [_turned(item) for item in value] if isinstance(value, list) else value
