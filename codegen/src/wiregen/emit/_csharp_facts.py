"""View models of C# events: one property a fact, over the envelopes that the wire has.

What is received stays as it came: envelopes, and second copies of facts, are members that only
the library sees. A fact that code sets is written to all its places.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

from wiregen.emit._csharp_structs import (
    FactView,
    StructView,
    member_doc,
    presence_of,
    property_name,
    refuse_clashes,
    tops,
    writing_of,
)
from wiregen.emit._csharp_types import Speller, Spelling, quoted
from wiregen.errors import refuse
from wiregen.graph import neighbours, referenced
from wiregen.ir import Accessor, Field, Message, Path, Presence, Ref, Scalar, Spec, Struct
from wiregen.naming import type_name

WIDTH = 116
Kind = Literal["sure", "optional", "null", "tristate"]
"""How a property says that there is no value: not at all, absent is null, null is a value, both."""


@dataclass(frozen=True, slots=True)
class _Step:
    """One member on the way to a place: the record around it, and its property there."""

    struct: Struct
    field: Field
    name: str
    kind: Kind


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a fact lies. `around` is the object that holds it, `loose` whether that may miss."""

    steps: tuple[_Step, ...]
    around: str
    loose: bool

    @property
    def leaf(self) -> _Step:
        """The member itself."""
        return self.steps[-1]

    @property
    def text(self) -> str:
        """The expression that reads it."""
        if not self.around:
            return self.leaf.name
        return f"{self.around}{'?.' if self.loose else '.'}{self.leaf.name}"

    @property
    def certain(self) -> bool:
        """Whether there is a value always."""
        return not self.loose and self.leaf.kind == "sure"

    @property
    def missing(self) -> str:
        """The condition that nothing is there."""
        if self.leaf.kind == "tristate":
            return f"{self.text} is not {{ IsAbsent: false }}"
        return f"{self.around if self.leaf.kind == 'null' else self.text} is null"

    def optional(self, type_: str, held: str) -> str:
        """Return the expression that tells absent, null and a value apart."""
        if self.leaf.kind == "tristate":
            return f"({self.text} ?? default)" if self.loose else self.text
        # A type that is an interface converts to no other by itself.
        name, optional = self.leaf.name, f"Optional<{type_}>"
        given = f"{held} ? {optional}.Of({held}) : {optional}.Null"
        if not self.loose:
            return f"({self.text} is {{ }} {given})"
        at = f"{held}At"
        there = f"{at}.{name} is {{ }} {given}"
        return f"({self.around} is not {{ }} {at} ? default : {there})"


def event_view(speller: Speller, message: Message, view: StructView) -> StructView:
    """Return the view of an event with its facts."""
    struct = speller.spec.struct(message.name)
    own = {field.wire for field in struct.fields} - tops(message)
    facts: list[FactView] = []
    flat: list[str] = []
    for accessor in message.accessors:
        if accessor.name == message.tag:
            tag, wire = quoted(message.tag), quoted(message.wire)
            flat.append(f"writer.WriteString({tag}u8, {wire}u8);")
            continue
        if not (len(accessor.places) == 1 and accessor.places[0] == (accessor.name,)):
            facts.append(_fact(speller, message, accessor))
        elif accessor.name not in own:
            raise refuse("", "", "csharp-accessor", f"{accessor.name!r} is no member")
        flat.append(_flat(speller, struct, accessor))
    names = [item.name for item in facts] + [item.name for item in view.members]
    refuse_clashes(struct, view.name, names)
    due = {item.name: item.unset for item in facts if item.unset}
    if due:
        due |= {item.name: "default!" for item in view.members if item.due and not item.inner}
        view = replace(view, start="Unset with", unset=_unset(due))
    return replace(
        view,
        facts=tuple(facts),
        flat=tuple(flat) if facts else (),
        guards=tuple(_guards(speller, message)),
        correlation=_correlation(speller, message),
    )


def envelope_records(spec: Spec) -> set[str]:
    """Return the structs that hold facts of events."""
    return {
        field.type.name
        for event in spec.events
        for item in event.accessors
        for place in item.places
        for _, field in _walk(spec, spec.struct(event.name), place[:-1])
        if isinstance(field.type, Ref)
    }


def unset(speller: Speller, name: str) -> str:
    """Return what an envelope holds before code sets a fact."""
    struct, held = speller.spec.struct(name), envelope_records(speller.spec)
    made = {}
    for field in struct.fields:
        if presence_of(struct, field) != "required":
            continue
        value = _nothing(speller.spell(field.type, nullable=field.nullable))
        if isinstance(field.type, Ref) and field.type.name in held and not field.nullable:
            value = f"{_record(speller.spec, field.type.name)}.Unset"
        made[property_name(speller, struct, field.wire)] = value
    return _unset(made)


def _nothing(spelling: Spelling) -> str:
    return "default" if spelling.value else "default!"


def _unset(values: dict[str, str]) -> str:
    made = ", ".join(f"{name} = {value}" for name, value in values.items())
    return f"new() {{ {made} }}" if made else "new()"


def inner_records(spec: Spec) -> set[str]:
    """Return the structs that nobody sees: envelopes that no fact, action or result leads to."""
    held = envelope_records(spec)
    types = {item.name: item for item in spec.types}
    events = {item.name: item for item in spec.events}
    todo = [name for name in types if name not in held]
    todo += [item.result.type.name for item in spec.operations if item.result]
    seen: set[str] = set()
    while todo:
        name = todo.pop()
        if name in seen:
            continue
        seen.add(name)
        shown = [referenced(item.type) for item in events[name].accessors] if name in events else []
        todo += [item for item in shown if item] if name in events else neighbours(types[name])
    return held - seen


def _record(spec: Spec, name: str) -> str:
    return type_name("csharp", name, spec.struct(name).role)


def _walk(spec: Spec, struct: Struct, path: Path) -> Iterator[tuple[Struct, Field]]:
    """Yield every member on the way, with the struct that has it."""
    for segment in path:
        field = struct.field(segment)
        assert field is not None
        yield struct, field
        if isinstance(field.type, Ref):
            found = spec.type(field.type.name)
            struct = found if isinstance(found, Struct) else struct


def _place(speller: Speller, message: Message, path: Path) -> _Place:
    steps: list[_Step] = []
    for struct, field in _walk(speller.spec, speller.spec.struct(message.name), path):
        name = property_name(speller, struct, field.wire)
        if not steps and field.wire in tops(message):
            name = f"Top{name}"
        raw = speller.spell(field.type, nullable=field.nullable).raw
        kind = _kind(presence_of(struct, field), nullable=field.nullable and not raw)
        steps.append(_Step(struct, field, name, kind))
    around, loose = "", False
    for step in steps[:-1]:
        around += ("?." if loose else ".") if around else ""
        around += f"{step.name}.Value" if step.kind == "tristate" else step.name
        loose = loose or step.kind != "sure"
    return _Place(tuple(steps), around, loose)


def _kind(presence: Presence, *, nullable: bool) -> Kind:
    if presence == "required":
        return "null" if nullable else "sure"
    return "tristate" if nullable else "optional"


def _guards(speller: Speller, message: Message) -> Iterator[str]:
    for mirror in message.mirrors:
        inner, outer = (_place(speller, message, path) for path in (mirror.nested, mirror.top))
        if mirror.needed and (inner.loose or inner.leaf.kind in ("optional", "tristate")):
            yield f"{inner.missing} && {outer.missing}"


def _correlation(speller: Speller, message: Message) -> str:
    ids = speller.spec.correlation
    accessor = message.accessor(ids[0][-1]) if ids else None
    if accessor is None or not isinstance(accessor.type, Scalar) or accessor.type.kind != "string":
        return "null"
    places = [_place(speller, message, path) for path in accessor.places]
    return " ?? ".join(
        place.text + (".Value" if place.leaf.kind == "tristate" else "") for place in places
    )


def _fact(speller: Speller, message: Message, accessor: Accessor) -> FactView:
    struct = speller.spec.struct(message.name)
    spelling = speller.spell(accessor.type, nullable=accessor.nullable)
    kind = _fact_kind(accessor, spelling)
    places = [_place(speller, message, path) for path in accessor.places]
    inner = max(places, key=lambda place: len(place.steps))
    name = property_name(speller, struct, accessor.name)
    types = {"sure": spelling.name, "tristate": f"Optional<{spelling.name}>"}
    declared = f"{types.get(kind, f'{spelling.name}?')} {name}"
    expression = _expression(places, kind, spelling)
    doc = member_doc(inner.leaf.field)
    if _is_whole(message, accessor):
        return FactView(name, doc, (f"public {declared} => {expression};",))
    due = kind in ("sure", "null")
    deepest = sorted(places, key=lambda place: -len(place.steps))
    setting = [_made(speller.spec, place, kind, spelling) for place in deepest]
    declared = f"public {'required ' if due else ''}{declared}"
    code = _property(declared, expression, setting)
    return FactView(name, doc, code, _nothing(spelling) if due else "")


def _property(declared: str, expression: str, setting: list[tuple[str, str]]) -> tuple[str, ...]:
    """Return the code of a fact: on one line where it fits."""
    getting, init = f"get => {expression};", f"init => {_assigned(setting)};"
    whole = f"{declared} {{ {getting} {init} }}"
    if len(whole) <= WIDTH:
        return (whole,)
    lines = [init]
    if len(init) + 4 > WIDTH and len(setting) > 1:
        lines = ["init", "{", *(f"    {name} = {text};" for name, text in setting), "}"]
    return (declared, "{", *(f"    {line}" for line in (getting, *lines)), "}")


def _fact_kind(accessor: Accessor, spelling: Spelling) -> Kind:
    presence: Presence = "required"
    if accessor.optional:
        presence = "tristate" if accessor.nullable and not spelling.raw else "optional"
    return _kind(presence, nullable=accessor.nullable and not spelling.raw)


def _is_whole(message: Message, accessor: Accessor) -> bool:
    """Whether other facts are members of this one: they are what is set."""
    path = accessor.places[0]
    return any(
        other.places[0][: len(path)] == path and other is not accessor
        for other in message.accessors
    )


def _expression(places: list[_Place], kind: Kind, spelling: Spelling) -> str:
    """Return the value at the first place where there is one."""
    last = next((n for n, place in enumerate(places) if place.certain), len(places) - 1)
    used = places[: last + 1]
    if kind in ("sure", "optional"):
        text = " ?? ".join(place.text for place in used)
        if kind == "optional" or used[-1].certain:
            return text
        return f"({text}){'.GetValueOrDefault()' if spelling.value else '!'}"
    if kind == "null" and used[0].leaf.kind == "null" and not used[0].loose:
        return used[0].text
    text = used[-1].optional(spelling.name, f"held{len(used)}")
    for number, place in reversed(list(enumerate(used[:-1], 1))):
        there = place.optional(spelling.name, f"held{number}")
        text = f"{there} is {{ IsAbsent: false }} at{number} ? at{number} : {text}"
    if kind == "tristate":
        return text
    return f"({text}) is {{ HasValue: true }} found ? found.Value : null"


def _assigned(pairs: list[tuple[str, str]]) -> str:
    """Return the assignment of values to properties, as one expression."""
    names, values = zip(*pairs, strict=True)
    return " = ".join(
        part[0] if len(part) == 1 else f"({', '.join(part)})" for part in (names, values)
    )


def _made(spec: Spec, place: _Place, kind: Kind, spelling: Spelling) -> tuple[str, str]:
    """Return what is assigned for `value`, and to what: every object around is made anew."""
    around: list[str] = []
    for step in place.steps[:-1]:
        text = f"{around[-1]}.{step.name}" if around else step.name
        if step.kind == "tristate":
            text += ".Value"
        if step.kind != "sure":
            assert isinstance(step.field.type, Ref)
            text = f"({text} ?? {_record(spec, step.field.type.name)}.Unset)"
        around.append(text)
    old = f"{around[-1]}.{place.leaf.name}" if around else ""
    name, text = place.leaf.name, _converted(kind, place.leaf.kind, old, spelling)
    for step, whole in zip(reversed(place.steps[:-1]), reversed(around), strict=True):
        name, text = step.name, f"{whole} with {{ {name} = {text} }}"
    if place.loose and kind in ("optional", "tristate"):
        absent = "value.IsAbsent" if kind == "tristate" else "value is null"
        text = f"{absent} && {place.around} is null ? {name} : {text}"
    return name, text


def _converted(kind: Kind, there: Kind, old: str, spelling: Spelling) -> str:
    """Return `value` of a fact as a place takes it; one that must be there keeps its `old`."""
    if kind == "optional" and there == "sure":
        return f"value ?? {old}"
    if kind == "null" and there == "tristate":
        given = "value.Value" if spelling.value else "value"
        optional = f"Optional<{spelling.name}>"
        return f"value is null ? {optional}.Null : {optional}.Of({given})"
    if kind == "tristate" and there == "null":
        return f"value.IsAbsent ? {old} : value.HasValue ? value.Value : null"
    return "value"


def _flat(speller: Speller, struct: Struct, accessor: Accessor) -> str:
    spelling = speller.spell(accessor.type, nullable=accessor.nullable)
    presence: Presence = "required"
    if accessor.optional:
        presence = "tristate" if accessor.nullable and not spelling.raw else "optional"
    field = Field(
        wire=accessor.name,
        type=accessor.type,
        required=not accessor.optional,
        nullable=accessor.nullable,
        read_required=not accessor.optional,
        label=accessor.word,
    )
    return writing_of(spelling, presence, field, property_name(speller, struct, accessor.name))
