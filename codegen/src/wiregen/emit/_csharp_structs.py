"""View models of C# records: members, how they are read and written."""

from __future__ import annotations

from dataclasses import dataclass, replace

from wiregen.emit._csharp_tables import operation_name, shape_name
from wiregen.emit._csharp_types import Speller, Spelling, doc_lines, quoted
from wiregen.emit.base import documentation
from wiregen.errors import refuse
from wiregen.ir import Field, Message, Presence, Ref, Scalar, Spec, Struct
from wiregen.naming import member_name, stepped, type_name
from wiregen.reserved import MESSAGE_MEMBERS, RECORD_MEMBERS, printed_names

_TAKEN = RECORD_MEMBERS.union(
    {
        # Classes that the code of a record names.
        *("Json", "JsonElement", "JsonKinds", "Optional", "WireFault", "Shapes", "Operations"),
        *("List", "Dictionary", "Utf8JsonReader", "Utf8JsonWriter", "StringComparer"),
    }
)


@dataclass(frozen=True, slots=True)
class MemberView:
    """One property of a record and the code around it; lines carry no indentation.

    `due` says that it is always there, `inner` that the library alone sees it.
    """

    wire: str
    name: str
    declaration: str
    doc: tuple[str, ...]
    due: bool
    inner: bool
    local: str
    seen: str
    row: int
    reading: str
    building: str
    taking: str
    writing: str


@dataclass(frozen=True, slots=True)
class FactView:
    """A fact of an event that lies below its envelope; `unset` is its value before one is set.

    Only a fact that code has to set has one.
    """

    name: str
    doc: tuple[str, ...]
    code: tuple[str, ...]
    unset: str = ""


@dataclass(frozen=True, slots=True)
class StructView:
    """A record. `tag` is the member that names a message, `guards` must hold after reading.

    A call names the row of its operation, `answered_by`, and the record of its `answer`. One that
    `streams` is read from bytes by its `shape`, all others from a tree; `extra` is what is kept of
    members that nobody knows. Reading begins with `start`: a new record, or what is `unset` where
    facts of an event are due.
    """

    name: str
    base: str
    doc: tuple[str, ...]
    members: tuple[MemberView, ...]
    tag: str | None
    tag_name: str
    wire: str | None
    access: str = "public"
    facts: tuple[FactView, ...] = ()
    flat: tuple[str, ...] = ()
    guards: tuple[str, ...] = ()
    start: str = ""
    unset: str = ""
    correlation: str = ""
    settable: str = ""
    answered_by: str = ""
    answer: str = ""
    streams: bool = False
    shape: str = ""
    tag_row: int = 0
    extra: str = ""


def struct_view(speller: Speller, struct: Struct, message: Message | None) -> StructView:
    """Return the view of a struct; `message` is set for events and actions."""
    name = type_name("csharp", struct.name, struct.role)
    tag = message.tag if message else None
    members = tuple(
        _member(speller, struct, field, message) for field in struct.fields if field.wire != tag
    )
    refuse_clashes(struct, name, [member.name for member in members])
    base = "WireObject"
    if message:
        base = "ServerEvent" if message.role == "event" else "ClientAction"
    view = StructView(
        name=name,
        base=base,
        doc=doc_lines(struct.doc),
        members=members,
        tag=tag,
        tag_name=_tag_name(message),
        wire=message.wire if message else None,
        start=f"new {name}",
        streams=struct.name in speller.streamed,
        shape=shape_name(struct.name),
        tag_row=_row(struct, tag),
        extra=_extra(struct, message),
    )
    if message is None:
        return view
    if message.role == "action":
        own = _own_id(speller.spec, struct)
        name = "null" if own is None else property_name(speller, struct, own.wire)
        read = f"{name}.Value" if own and own.presence == "tristate" else name
        view = replace(view, correlation=read, settable="" if own is None else name)
        return _call(speller.spec, message, view)
    return view


def _own_id(spec: Spec, struct: Struct) -> Field | None:
    """Return the member of an action that is its id: a text at the first place of the id."""
    place = spec.correlation[0] if spec.correlation else ()
    field = struct.field(place[0]) if len(place) == 1 else None
    if field is None or not isinstance(field.type, Scalar) or field.type.kind != "string":
        return None
    return field


def _row(struct: Struct, wire: str | None) -> int:
    return next((row for row, field in enumerate(struct.fields) if field.wire == wire), 0)


def _extra(struct: Struct, message: Message | None) -> str:
    """Return the code for the members of an object that its specification does not list."""
    json = "json"
    if message is not None:
        json = f"Json.Tagged(json, {quoted(message.tag)}u8, {quoted(message.wire)}u8)"
    if struct.direction != "write":
        return f"Json.Extra({json}, Shapes.{shape_name(struct.name)})"
    return f"Json.Extra({', '.join([json, *(quoted(field.wire) for field in struct.fields)])})"


def _call(spec: Spec, message: Message, view: StructView) -> StructView:
    """Make an action with one answer a call; one that belongs to a turn is none."""
    operation = next((item for item in spec.operations if item.action == message.wire), None)
    if operation is None or operation.result is None or message.turn is not None:
        return view
    answer = spec.struct(operation.result.type.name)
    result = type_name("csharp", answer.name, answer.role)
    name = operation_name(spec, message)
    return replace(view, base=f"CallAction<{result}>", answered_by=name, answer=result)


def property_name(speller: Speller, struct: Struct, wire: str) -> str:
    """Return the name of a member; one that the record has a meaning for becomes its `Value`."""
    name = member_name("csharp", _word(speller, struct, wire))
    taken = set(_TAKEN | printed_names("csharp", "Records.cs.j2", "RecordsCodec.cs.j2"))
    if struct.role in ("event", "action"):
        taken |= MESSAGE_MEMBERS
    taken |= {type_name("csharp", struct.name, struct.role)}
    return stepped(name, taken | _read_by_name(speller, struct, wire), "Value")


def _word(speller: Speller, struct: Struct, wire: str) -> str:
    """Return the word from which the name of a member, or of a fact of an event, is made."""
    field = struct.field(wire)
    if field is not None:
        return field.word
    return next((a.word for a in speller.facts(struct.name) if a.name == wire), wire)


def _read_by_name(speller: Speller, struct: Struct, wire: str) -> set[str]:
    """Return the types that the code of a record names, but that of the member itself."""
    fields = [*struct.fields, *speller.shown(struct.name)]
    found = {speller.held(item.type) for item in fields} - {""}
    own = [item for item in fields if item.wire == wire]
    plain = all(isinstance(item.type, Ref) and not _may_be_tristate(item) for item in own)
    return found - {speller.held(own[0].type)} if plain else found


def _may_be_tristate(field: Field) -> bool:
    return field.nullable and not (field.required and field.read_required)


def _tag_name(message: Message | None) -> str:
    """Return the property that names a message, whatever the wire calls it."""
    if message is None:
        return ""
    return "Type" if message.role == "event" else "Action"


def _local(word: str) -> str:
    name = member_name("csharp", word)
    return f"{name[:1].lower()}{name[1:]}Value"


def refuse_clashes(struct: Struct, name: str, members: list[str]) -> None:
    taken = _TAKEN | MESSAGE_MEMBERS if struct.role in ("event", "action") else _TAKEN
    for member in members:
        if member == name or member in taken or members.count(member) > 1:
            file, _, pointer = struct.uri.partition("#")
            said = f'two members of {name!r} would be {member} in C#; give one another "x-name"'
            raise refuse(file, pointer, "name-clash", said)


def presence_of(struct: Struct, field: Field) -> Presence:
    return field.presence if struct.direction == "write" else field.read_presence


def _member(speller: Speller, struct: Struct, field: Field, message: Message | None) -> MemberView:
    spelling = speller.spell(field.type, nullable=field.nullable)
    presence = presence_of(struct, field)
    if presence == "tristate" and spelling.raw:
        presence = "optional"
    name = property_name(speller, struct, field.wire)
    local = _local(field.word)
    inner = message is not None and field.wire in envelopes(message) | tops(message)
    if message is not None and field.wire in tops(message):
        name = f"Top{name}"
    type_ = _declared(spelling, presence, field.nullable)
    start = ""
    if inner and presence == "required" and not field.nullable:
        start = f" = {type_}.Unset;"
    access = "internal" if inner else "public required" if presence == "required" else "public"
    return MemberView(
        wire=field.wire,
        name=name,
        declaration=f"{access} {type_} {name} {{ get; init; }}{start}",
        doc=() if inner else member_doc(field),
        due=presence == "required",
        inner=inner,
        local=f"{_local_type(spelling, presence)} {local} = {_start(presence)};",
        seen=f"{local}Seen" if presence == "required" and _null_is_value(spelling, field) else "",
        row=_row(struct, field.wire),
        reading=f"{local} = {_reading(spelling, presence, field)};",
        building=_building(spelling, presence, field, local),
        taking=_taking(spelling, presence, field, f"e{_row(struct, field.wire)}"),
        writing=writing_of(spelling, presence, field, name),
    )


def envelopes(message: Message) -> set[str]:
    """Return the members of an event that hold its facts and are none themselves."""
    places = (*message.payloads, *(mirror.nested for mirror in message.mirrors))
    return {place[0] for place in places} - tops(message)


def tops(message: Message) -> set[str]:
    """Return the members of an event that are second copies of facts."""
    return {mirror.top[0] for mirror in message.mirrors}


def member_doc(field: Field) -> tuple[str, ...]:
    """Return the comment of a property."""
    return doc_lines(documentation(field) + (" Deprecated." if field.deprecated else ""))


def _null_is_value(spelling: Spelling, field: Field) -> bool:
    return field.nullable and not spelling.raw


def _declared(spelling: Spelling, presence: Presence, nullable: bool) -> str:
    if presence == "tristate":
        return f"Optional<{spelling.name}>"
    if presence == "optional" or (nullable and not spelling.raw):
        return f"{spelling.name}?"
    return spelling.name


def _local_type(spelling: Spelling, presence: Presence) -> str:
    return f"Optional<{spelling.name}>" if presence == "tristate" else f"{spelling.name}?"


def _start(presence: Presence) -> str:
    return "default" if presence == "tristate" else "null"


def _reading(spelling: Spelling, presence: Presence, field: Field) -> str:
    code = spelling.reading("reader")
    if presence == "tristate":
        wrapped = f"Optional<{spelling.name}>"
        return f"Json.IsNull(ref reader) ? {wrapped}.Null : {wrapped}.Of({code})"
    if spelling.raw and (field.nullable or presence == "required"):
        return code
    if presence == "required" and not field.nullable:
        return code
    return f"Json.IsNull(ref reader) ? null : {code}"


def _building(spelling: Spelling, presence: Presence, field: Field, local: str) -> str:
    if presence != "required":
        return local
    if _null_is_value(spelling, field):
        return f"{local}Seen ? {local} : throw WireFault.Missing()"
    return f"{local} ?? throw WireFault.Missing()"


def _taking(spelling: Spelling, presence: Presence, field: Field, local: str) -> str:
    """Return the code that reads a member of a parsed tree."""
    name = f"{quoted(field.wire)}u8"
    if presence == "tristate":
        return f"Json.Maybe(json, {name}, static e => {spelling.taking('e')})"
    if presence == "required":
        if _null_is_value(spelling, field):
            there = f"json.Due({name}) is {{ ValueKind: not JsonValueKind.Null }} {local}"
            return f"{there} ? {spelling.taking(local)} : null"
        return spelling.taking(f"json.Due({name})")
    call = "TryGetProperty" if spelling.raw and field.nullable else "Has"
    return f"json.{call}({name}, out var {local}) ? {spelling.taking(local)} : null"


def writing_of(spelling: Spelling, presence: Presence, field: Field, name: str) -> str:
    """Return the statement that writes a member, if it is there."""
    head, write = f"{quoted(field.wire)}u8", f"static (w, v) => {spelling.writing('w', 'v')}"
    if presence == "required" and _null_is_value(spelling, field):
        return f"writer.Nullable({head}, {name}, {write});"
    if presence == "tristate" or not spelling.plain:
        return f"writer.Member({head}, {name}, {write});"
    inner = spelling.inner if presence == "required" else spelling.inner.replace(".", "?.")
    return f"writer.Member({head}, {name}{inner});"
