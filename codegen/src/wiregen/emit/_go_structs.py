"""View models of structs, events and actions in Go."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

from wiregen.emit._asked import bounds_of, inner_struct
from wiregen.emit._go_types import Named, field_name
from wiregen.emit.base import clean, documentation, wrap
from wiregen.escape import go as quote
from wiregen.ir import (
    Accessor,
    Choice,
    Field,
    Message,
    Path,
    Presence,
    Ref,
    Spec,
    Struct,
)
from wiregen.naming import escaped, member_name, type_name, word_name

WIDTH = 95


@dataclass(frozen=True, slots=True)
class GoField:
    """One line of a Go struct, with its comment."""

    name: str
    type: str
    doc: tuple[str, ...]
    tag: str = ""


@dataclass(frozen=True, slots=True)
class GoStruct:
    """One Go struct; ``base`` is what it embeds or keeps of the text."""

    name: str
    doc: tuple[str, ...]
    fields: tuple[GoField, ...]
    base: str = ""


@dataclass(frozen=True, slots=True)
class Case:
    """What to do with one member."""

    key: str
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """A decode method for one JSON object of an event that streams: itself, or an envelope."""

    type: str
    method: str
    cases: tuple[Case, ...]
    after: tuple[str, ...]
    verdict: str
    own: bool
    shared: bool


def type_doc(name: str, doc: str, verb: bool) -> tuple[str, ...]:
    """Return the comment of a type; with ``verb`` the text lacks its subject, the name."""
    text = clean(doc)
    if not text:
        return (f"{name} is one of the types of the wire.",)
    said = f"{name} {text[0].lower()}{text[1:]}" if verb else f"{name}: {text[0].lower()}{text[1:]}"
    return wrap(said, WIDTH)


def struct_view(named: Named, struct: Struct) -> GoStruct:
    """Return the Go struct of a type that is read, or read and written."""
    name = named.of(struct.name)
    fields = tuple(
        GoField(
            field_name(field.word),
            named.member(field.type, field.read_presence, field.nullable),
            wrap(documentation(field), WIDTH),
        )
        for field in struct.fields
    )
    return GoStruct(name, type_doc(name, struct.doc, False), fields, "kept")


# events -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class FactView:
    """How one accessor is told: its row in the table."""

    name: str
    row: str


class EventView:
    """Everything that is printed for one event: one Go field a fact, decoded without detours."""

    def __init__(self, named: Named, spec: Spec, message: Message) -> None:
        self.named = named
        self.spec = spec
        self.message = message
        self.name = type_name("go", message.name, "event")
        self.constant = "Type" + word_name("go", message.name)
        self.accessors = tuple(a for a in message.accessors if a.places != ((message.tag,),))
        self.bits: dict[Path, int] = {}
        self._methods: dict[Path, str] = {}
        self.levels: list[Level] = []
        if message.turn == "streams":
            self._level((), spec.struct(message.name))

    def field(self, accessor: Accessor) -> str:
        """Return the Go type of an accessor."""
        presence: Presence = "optional" if accessor.optional else "required"
        return self.named.member(accessor.type, presence, accessor.nullable)

    def struct(self) -> GoStruct:
        """Return the Go struct of the event."""
        fields = tuple(
            GoField(member_name("go", a.word), self.field(a), wrap(self._doc(a), WIDTH))
            for a in self.accessors
        )
        return GoStruct(self.name, type_doc(self.name, self.message.doc, True), fields, "received")

    def _doc(self, accessor: Accessor) -> str:
        # Of two copies the inner one is the fact; the outer one says "once more".
        field = self._field_at(max(accessor.places, key=len))
        return documentation(field) if field is not None else clean(accessor.doc)

    def _field_at(self, path: Path) -> Field | None:
        struct: Struct | None = self.spec.struct(self.message.name)
        field: Field | None = None
        for step in path:
            field = struct.field(step) if struct is not None else None
            struct = self._struct(field)
        return field

    def _struct(self, field: Field | None) -> Struct | None:
        if field is None or not isinstance(field.type, Ref):
            return None
        found = self.spec.type(field.type.name)
        return found if isinstance(found, Struct) else None

    def outer(self, accessor: Accessor) -> Accessor | None:
        """Return the accessor whose object holds this one as a member, if there is one."""
        for other in self.accessors:
            inside = tuple((*place, accessor.places[0][-1]) for place in other.places)
            if inside == accessor.places:
                return other
        return None

    def _bit(self, path: Path) -> int:
        return self.bits.setdefault(path, len(self.bits))

    def _level(self, path: Path, struct: Struct) -> None:
        """Make the decode method of the object at ``path``, after those of the objects inside."""
        cases: list[Case] = []
        required: list[Path] = []
        for field in struct.fields:
            here = (*path, field.wire)
            if field.read_required and here != (self.message.tag,):
                required.append(here)
            lines = self._case(here, field)
            if here in required or here in self._watched():
                lines = [self._mark(path, here), *lines]
            cases.append(Case(quote(field.wire), tuple(lines)))
        mask = sum(1 << self._bit(item) for item in required)
        test = self._has(path)
        checks = [f"{test}&{mask:#x} == {mask:#x}"] if mask else []
        if not path:
            checks += self._guards()
        self.levels.append(
            Level(
                type=self.name,
                method=self._method(path),
                cases=tuple(cases),
                after=tuple(self._derived()) if not path else (),
                verdict=" && ".join(checks) or "true",
                own=not path and bool(self.bits or self.levels),
                shared=bool(path),
            )
        )

    def _method(self, path: Path) -> str:
        name = "decode" + "".join(field_name(step) for step in path)
        others = {self._methods[known] for known in self._methods if known != path}
        return self._methods.setdefault(path, escaped(name, others, "_"))

    def _has(self, path: Path) -> str:
        return "*has" if path else "has"

    def _mark(self, path: Path, here: Path) -> str:
        return f"{self._has(path)} |= 1 << {self._bit(here)}"

    def _watched(self) -> set[Path]:
        """Return the places whose presence must be known: first places and guarded mirrors."""
        found = {a.places[0] for a in self.accessors if a.mirrored}
        for mirror in self.message.mirrors:
            if mirror.guard:
                found |= {mirror.nested, mirror.top}
        return found

    def _guards(self) -> list[str]:
        out = []
        for mirror in self.message.mirrors:
            if mirror.guard:
                either = 1 << self._bit(mirror.nested) | 1 << self._bit(mirror.top)
                out.append(f"has&{either:#x} != 0")
        return out

    def _case(self, here: Path, field: Field) -> list[str]:
        accessor = next((a for a in self.accessors if here in a.places), None)
        if accessor is not None:
            return self._fact_case(here, accessor)
        inner = self._struct(field)
        if inner is not None and any(
            here == p[: len(here)] for a in self.accessors for p in a.places
        ):
            self._level(here, inner)
            has = "&has" if len(here) == 1 else "has"
            # Bits of the objects inside are known only now; the caller's mask comes later.
            null = "!d.null() && " if field.nullable else ""
            return [f"if {null}!e.{self._method(here)}(d, {has}) {{", "\treturn false", "}"]
        return self.named.skip(field.type, field.nullable)

    def _fact_case(self, here: Path, accessor: Accessor) -> list[str]:
        target = f"e.{member_name('go', accessor.word)}"
        go_type = self.field(accessor)
        if here == accessor.places[0]:
            return self.named.read_into(target, accessor.type, go_type, accessor.nullable)
        bit = 1 << self._bit(accessor.places[0])
        taken = f"{self._has(here[:-1])}&{bit:#x} != 0"
        return self.named.read_unless(taken, target, accessor.type, go_type, accessor.nullable)

    def _derived(self) -> list[str]:
        out = []
        for accessor in self.accessors:
            outer = self.outer(accessor)
            if outer is not None:
                inner, whole = (member_name("go", a.word) for a in (accessor, outer))
                out.append(f"e.{inner} = e.{whole}.{inner}")
        return out

    def facts(self) -> tuple[FactView, ...]:
        """Return how every accessor is written."""
        return tuple(self._fact(a) for a in self.accessors)

    def _fact(self, accessor: Accessor) -> FactView:
        places = ", ".join(
            "{" + ", ".join(quote(step) for step in place) + "}" for place in accessor.places
        )
        inner = ", inner: true" if self.outer(accessor) else ""
        optional = ", optional: true" if accessor.optional else ""
        row = f"{{name: {quote(accessor.name)}, places: [][]string{{{places}}}{inner}{optional}}}"
        return FactView(accessor.name, row)

    def learned(self) -> tuple[tuple[str, ...], ...]:
        """Return how every accessor is set from the text or number of a learned frame.

        Empty when the event does not stream, or has an accessor that is more than a scalar.
        """
        if self.message.turn != "streams":
            return ()
        found = [_setter(f"e.{member_name('go', a.name)}", self.field(a)) for a in self.accessors]
        return () if () in found else tuple(found)


def _setter(target: str, go_type: str) -> tuple[str, ...]:
    """Return the statements that set a field of a scalar type; none for other types."""
    match go_type:
        case "string":
            return (f"{target} = text",)
        case "*string":
            return ("value := text", f"{target} = &value")
        case "int64":
            return (f"{target} = number",)
        case "*int64":
            return ("value := number", f"{target} = &value")
    return ()


# actions ------------------------------------------------------------------------------


def action_struct(named: Named, struct: Struct, *, verb: bool) -> GoStruct:
    """Return the Go struct of a type that is only written."""
    name = named.of(struct.name)
    fields = tuple(
        GoField(
            field_name(field.word),
            named.sent(field.type, field.presence, field.nullable),
            wrap(documentation(field), WIDTH),
            _tag(field.wire),
        )
        for field in struct.fields
        if not _constant(field)
    )
    return GoStruct(name, type_doc(name, struct.doc, verb), fields)


def _tag(wire: str) -> str:
    """Return the struct tag of a member; none for a name that a tag cannot say."""
    return "`json:" + quote(wire) + "`" if re.fullmatch(r"[\w$./]+", wire, re.ASCII) else ""


@dataclass(frozen=True, slots=True)
class Arguments:
    """What the schema asks of the members of a type that callers write."""

    name: str
    rows: tuple[str, ...]


def arguments(named: Named, struct: Struct) -> Arguments:
    """Return the rows of a type, one a member."""
    name = named.of(struct.name)
    rows: list[str] = []
    for field in struct.fields:
        facts = [f"wire: {quote(field.wire)}"]
        if _constant(field):
            facts.append(f"constant: {quote(json.dumps(getattr(field.type, 'value', '')))}")
        elif asked := _asked(named, field):
            facts += [f"name: {quote(f'{name}.{field_name(field.word)}')}", *asked]
        facts += [] if not field.secret else ["secret: true"]
        facts += [] if field.required else _unless(named, struct, field)
        rows.append("{" + ", ".join(facts) + "}")
    return Arguments(quote(name), tuple(rows))


def _asked(named: Named, field: Field) -> list[str]:
    facts = ["required: true"] if field.required else []
    bounds = bounds_of(field.type)
    facts += [f"{name}: bound({value:.17g})" for name, value in bounds.named("least", "most")]
    if bounds.pattern is not None:
        facts.append(f"pattern: regexp.MustCompile({quote(bounds.pattern)})")
    if inner := inner_struct(named.spec, field):
        facts.append(f"inner: {quote(named.of(inner.name))}")
    return facts


def _constant(field: Field) -> bool:
    return type(field.type).__name__ == "Const"


def _unless(named: Named, struct: Struct, field: Field) -> list[str]:
    """Return when an empty text is written: it is the first alternative, and no other one holds."""
    text = named.sent(field.type, field.presence, field.nullable) == "string"
    for choice in struct.choices:
        first, *others = choice.alternatives
        if text and len(first) == 1 and first[0][0] == field.wire:
            held = [_held(struct, alternative) for alternative in others]
            if all(held):
                return [f"unless: [][]string{{{', '.join(held)}}}"]
    return []


def _held(struct: Struct, alternative: tuple[tuple[str, object], ...]) -> str:
    """Return the fields that are true in an alternative; nothing when it asks for more."""
    fields = [struct.field(name) for name, _ in alternative]
    if any(field is None for field in fields) or any(value is not True for _, value in alternative):
        return ""
    return "{" + ", ".join(quote(field_name(field.word)) for field in fields if field) + "}"


__all__ = ["Choice", "EventView", "GoStruct", "Level"]
