"""TypeScript: the wire room of the npm package. Decisions here, layout in templates/typescript."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from wiregen.config import Target
from wiregen.emit import _typescript_shapes as shapes
from wiregen.emit import _typescript_tables as tables
from wiregen.emit.base import documentation, reader_type, render, safe_block, wrap
from wiregen.errors import join_pointer, refuse
from wiregen.escape import Block, typescript_key
from wiregen.hidden import places_below, secret_places, secret_table
from wiregen.ir import (
    Accessor,
    AnyJson,
    Array,
    Const,
    Enum,
    Field,
    Map,
    Message,
    Opaque,
    Path,
    Ref,
    Scalar,
    Spec,
    Struct,
    Type,
    Union,
)
from wiregen.naming import escaped, identifier, member_name, type_name, upper
from wiregen.reserved import Lang, reserved_types

LANG: Lang = "typescript"
WIDTH = 92
SCALARS = {"string": "string", "integer": "number", "number": "number", "boolean": "boolean"}
KINDS = {
    **SCALARS,
    "array": "readonly Json[]",
    "object": "JsonObject",
}
# Members that every view of an event has already.
_TAKEN = frozenset({"constructor", "raw", "toJSON"})
# What an unknown event shows besides.
_OF_UNKNOWN = frozenset({"wireType", "problem"})
_IDENTIFIER = re.compile(r"[A-Za-z_$][A-Za-z0-9_$]*")


@dataclass(frozen=True, slots=True)
class TsField:
    """One member of an interface: `key` is quoted where needed and ends in `?` when optional."""

    key: str
    type: str
    doc: str


@dataclass(frozen=True, slots=True)
class TsStruct:
    """An interface with its members."""

    name: str
    doc: str
    fields: tuple[TsField, ...]


@dataclass(frozen=True, slots=True)
class TsEnum:
    """An open set of strings: the type and the list of the known values."""

    name: str
    constant: str
    values: tuple[str, ...]
    doc: str


@dataclass(frozen=True, slots=True)
class TsUnion:
    """A union with its branches by their marks; `open` when a value may be of none."""

    name: str
    text: str
    doc: str
    branches: tuple[tuple[str, str], ...]
    open: bool


@dataclass(frozen=True, slots=True)
class TsGetter:
    """One getter of a view and the expression that reads the frame."""

    name: str
    type: str
    body: str


@dataclass(frozen=True, slots=True)
class TsEvent:
    """An event: interface and view class."""

    wire: str
    name: str
    view: str
    frame_name: str
    struct: str
    doc: str
    frame: tuple[TsField, ...]
    fields: tuple[TsField, ...]
    getters: tuple[TsGetter, ...]
    shown: str
    turn: str
    mirrors: str
    secret: bool
    learned: str = ""
    """The view of a frame that is like one before it; empty for an event that is always parsed."""
    facts: tuple[tuple[str, tuple[Path, ...]], ...] = ()
    key: int = 0
    """Which of the facts says whose event it is."""


@dataclass(frozen=True, slots=True)
class TsAction:
    """An action: interface and the order of its members."""

    wire: str
    name: str
    struct: str
    doc: str
    fields: tuple[TsField, ...]


@dataclass(frozen=True, slots=True)
class TsResult:
    """A call with a typed result: where the result lies and which struct it must fit."""

    action: str
    event: str
    type: str
    struct: str
    path: str
    at: str
    secrets: str


def _refuse_tag(spec: Spec) -> None:
    """Refuse a discriminator that a view cannot show: no name tells its type apart then."""
    if spec.event_tag not in _TAKEN | _OF_UNKNOWN:
        return
    file, _, pointer = spec.struct(spec.events[0].name).uri.partition("#")
    said = f"in TypeScript every event has a member {spec.event_tag!r} of its own"
    place = join_pointer(pointer, "properties", spec.event_tag)
    raise refuse(file, place, "tag-taken", f"{said}; name events by another one, or leave it out")


def emit(spec: Spec, _target: Target) -> dict[str, str]:
    """Return the files of the wire room below `target.out`."""
    _refuse_tag(spec)
    printer = _Printer(spec)
    events, results = printer.events(), printer.results()
    tag = {"tag": spec.event_tag, "tag_key": key_of(spec.event_tag)}
    tag["tag_access"] = member_of(spec.event_tag, chained=False)
    learned = tuple(event for event in events if event.learned)
    held, others = tables.read_shapes(spec)
    written = tables.write_shapes(spec)
    shown = {"events": events, "imports": printer.event_imports(), **tag}
    unions = {"unions": tables.unions(spec)}
    files: dict[str, dict[str, object]] = {
        "json.ts": {},
        "secrets.ts": {"secrets": _secrets(spec)},
        "enums.ts": {"enums": printer.enums()},
        "types.ts": {
            "structs": printer.structs(),
            "unions": printer.unions(),
            "imports": printer.enum_names(printer.shared_structs()),
        },
        "events.ts": {**shown, "uses_json": _names_json(f for e in events for f in e.fields)},
        "facts.ts": {"events": events},
        "actions.ts": {
            "actions": printer.actions(),
            "imports": printer.action_imports(),
            "uses_json": _names_json(f for a in printer.actions() for f in a.fields),
            "tag": spec.action_tag,
            "tag_key": key_of(spec.action_tag),
        },
        "shapes.ts": {"shapes": held, "written": written, "others": others, **unions},
        "repair.ts": {"unions": spec.unions},
        "codec.ts": {
            "events": events,
            "learned": learned,
            "id_name": printer.id_name(),
            "places": tuple(shapes.access("frame", place) for place in spec.correlation),
            **tag,
        },
        "results.ts": {
            "operations": printer.operations(),
            "results": results,
            "imports": printer.result_imports(results),
            "action_tag": spec.action_tag,
            "action_key": key_of(spec.action_tag),
            **tag,
        },
        "index.ts": {"spec": spec},
    }
    seen = (member for e in events for member in e.frame + e.getters)
    files["views.ts"] = {**shown, "learned": learned, "uses_json": _names_json(seen)}
    if learned:
        files["learned.ts"] = {}
    if spec.unions:
        files["unions.ts"] = {"unions": printer.unions(), "imports": printer.union_imports()}
    if spec.errors is not None:
        files["errors.ts"] = tables.errors(spec)
    return {name: render(LANG, f"{name}.j2", **context) for name, context in files.items()}


def _secrets(spec: Spec) -> list[tuple[str, list[tuple[str, str]]]]:
    tables_ = (("ACTION_SECRETS", spec.actions), ("EVENT_SECRETS", spec.events))
    found = [(name, secret_table(spec, items).items()) for name, items in tables_]
    return [(name, [(word, json.dumps(places)) for word, places in rows]) for name, rows in found]


def comment(text: str, indent: int = 0) -> str:
    """Return a doc comment without a line break at its end; empty for an empty text."""
    lines = wrap(safe_block(text), WIDTH - indent)
    if not lines:
        return ""
    if len(lines) == 1:
        return f"/** {lines[0]} */"
    return Block("\n".join(["/**", *(f" * {line}" for line in lines), " */"]))


def key_of(wire: str) -> str:
    """Return a member's name as an object key: quoted when it is no identifier."""
    name = member_name(LANG, wire)
    plain = _IDENTIFIER.fullmatch(name) and name != "__proto__"
    return name if plain else typescript_key(name)


def member_of(segment: str, chained: bool) -> str:
    """Return the access to one member: ``.data``, ``?.data`` or ``["a-b"]``."""
    if _IDENTIFIER.fullmatch(segment):
        return f"{'?' if chained else ''}.{segment}"
    return f"{'?.' if chained else ''}[{json.dumps(segment)}]"


def shown_as(wire: str) -> str:
    """Return the key under which a view shows a fact."""
    return key_of(f"{wire}_" if wire.rstrip("_") in _TAKEN else wire)


class _Printer:
    """Builds the view models of one specification."""

    def __init__(self, spec: Spec) -> None:
        self.spec = spec

    def type(self, type_: Type) -> str:
        """Return the text of a type as a reader sees it."""
        match reader_type(type_):
            case Scalar(kind=kind):
                return SCALARS[kind]
            case Ref(name=name):
                return self.named(name)
            case Array(items=items, nullable_items=nullable):
                return f"readonly {self._item(items, nullable)}[]"
            case Map(values=AnyJson()):
                return "JsonObject"
            case Map(values=Ref(name=name), nullable_values=nullable) if self._is_union(name):
                null = " | null" if nullable else ""  # a mapped type may not lead to its own alias
                return f"{{ readonly [key: string]: {self.named(name)}{null} }}"
            case Map(values=values, nullable_values=nullable):
                inner = self.type(values) + (" | null" if nullable else "")
                return f"Readonly<Record<string, {inner}>>"
            case Opaque(kinds=kinds):
                return " | ".join(dict.fromkeys(KINDS[kind] for kind in kinds))
            case Const(kind=kind):
                return SCALARS[kind]
            case AnyJson():
                return "Json"

    def _is_union(self, name: str) -> bool:
        return isinstance(self.spec.type(name), Union)

    def _item(self, items: Type, nullable: bool) -> str:
        inner = self.type(items) + (" | null" if nullable else "")
        return f"({inner})" if "|" in inner or inner.startswith("readonly") else inner

    def named(self, name: str) -> str:
        """Return the identifier of a named type."""
        found = self.spec.type(name)
        return type_name(LANG, name, found.role if isinstance(found, Struct) else "type")

    def enums(self) -> tuple[TsEnum, ...]:
        """Return the open enums."""
        return tuple(
            TsEnum(
                self.named(e.name), identifier(LANG, upper(e.name), "X"), e.values, comment(e.doc)
            )
            for e in self.spec.enums
        )

    def shared_structs(self) -> tuple[Struct, ...]:
        """Return the structs that are neither an action nor an event."""
        return tuple(s for s in self.spec.structs if s.role in ("type", "result"))

    def structs(self) -> tuple[TsStruct, ...]:
        """Return the interfaces of all shared structs."""
        return tuple(
            TsStruct(
                self.named(s.name),
                comment(s.doc),
                tuple(self.field(f, s.direction == "write") for f in s.fields),
            )
            for s in self.shared_structs()
        )

    def unions(self) -> tuple[TsUnion, ...]:
        """Return the unions that are told apart by tag, key or kind."""
        return tuple(
            TsUnion(
                self.named(u.name),
                self._union_text(u),
                comment(u.doc),
                tuple((branch.mark, self.type(branch.type)) for branch in u.branches),
                u.kind != "typed",
            )
            for u in self.spec.unions
        )

    def _union_text(self, union: Union) -> str:
        if union.kind == "typed":
            return " | ".join(self.type(branch.type) for branch in union.branches)
        parts = [self.type(branch.type) for branch in union.branches]
        if union.kind == "tagged":
            key = key_of(union.tag or "")
            marked = zip(parts, union.branches, strict=True)
            parts = [
                f"({p} & {{ readonly {key}: {shapes.mark_literal(union.tag_kind, b.mark)} }})"
                for p, b in marked
            ]
        return " | ".join([*parts, "JsonObject"])

    def union_imports(self) -> dict[str, tuple[str, ...]]:
        """Return the names that unions.ts needs from types and enums."""
        found = self._imports(b.type for u in self.spec.unions for b in u.branches)
        names = {self.named(u.name) for u in self.spec.unions}
        return {**found, "types": tuple(sorted(names.union(found["types"])))}

    def field(self, field: Field, writes: bool) -> TsField:
        """Return one member of an interface, in the writer's or the reader's presence."""
        presence = field.presence if writes else field.read_presence
        optional = presence != "required"
        text = self.type(field.type) + (" | null" if field.nullable else "")
        key = key_of(field.wire) + ("?" if optional else "")
        return TsField(key, text, comment(documentation(field), 2))

    def events(self) -> tuple[TsEvent, ...]:
        """Return all events in the order of the document."""
        return tuple(self.event(message) for message in self.spec.events)

    def event(self, message: Message) -> TsEvent:
        """Return one event; members that no accessor shows come as they are in the frame."""
        struct = self.spec.struct(message.name)
        shown = {accessor.name for accessor in message.accessors}
        plain = [f for f in struct.fields if f.wire not in shown]
        accessors = [a for a in message.accessors if a.name != message.tag]
        name = type_name(LANG, message.name, "event")
        facts = self._facts(message)
        return TsEvent(
            wire=message.wire,
            name=name,
            learned=self._aside(f"{name.removesuffix('Event')}Learned") if facts else "",
            facts=facts,
            key=next((n for n, a in enumerate(accessors) if self._is_id(a)), 0),
            view=self._aside(f"{name.removesuffix('Event')}View"),
            frame_name=self._aside(f"{message.name}Frame"),
            struct=message.name,
            doc=comment(message.doc),
            frame=tuple(self.field(f, writes=False) for f in struct.fields),
            fields=(
                *(self._shown(accessor) for accessor in accessors),
                *(self._plain(f) for f in plain),
            ),
            getters=(
                *(self._getter(message.name, accessor) for accessor in accessors),
                *(self._plain_getter(f) for f in plain),
            ),
            shown=json.dumps([accessor.name for accessor in message.accessors]),
            turn=json.dumps(message.turn) if message.turn else "null",
            mirrors=tables.mirrors(message),
            secret=bool(secret_places(self.spec, message)),
        )

    def _facts(self, message: Message) -> tuple[tuple[str, tuple[Path, ...]], ...]:
        """Return the facts of an event that can be learned, in the order of its getters.

        It streams, shows its id and nothing but text and whole numbers, and no secret.
        """
        accessors = [a for a in message.accessors if a.name != message.tag]
        kinds = [a.type.kind if isinstance(a.type, Scalar) else "" for a in accessors]
        plain = all(kind in ("string", "integer") for kind in kinds)
        shows_id = any(not a.optional and self._is_id(a) for a in accessors)
        if message.turn != "streams" or not plain or not shows_id:
            return ()
        if secret_places(self.spec, message) or any(a.nullable for a in accessors):
            return ()
        return tuple((kind, a.places) for kind, a in zip(kinds, accessors, strict=True))

    def _is_id(self, accessor: Accessor) -> bool:
        return bool(self.spec.correlation) and set(accessor.places) == set(self.spec.correlation)

    def id_name(self) -> str:
        """Return the member that shows the id of a learned event."""
        learned = (a for m in self.spec.events if self._facts(m) for a in m.accessors)
        return next((shown_as(a.name) for a in learned if self._is_id(a)), "")

    def _shown(self, accessor: Accessor) -> TsField:
        key = shown_as(accessor.name) + ("?" if accessor.optional else "")
        return TsField(key, self._accessor_type(accessor), comment(accessor.doc, 2))

    def _accessor_type(self, accessor: Accessor) -> str:
        text = self.type(accessor.type)
        if accessor.nullable and not isinstance(accessor.type, AnyJson):
            text += " | null"
        return text + (" | undefined" if accessor.optional else "")

    def _getter(self, owner: str, accessor: Accessor) -> TsGetter:
        type_ = self._accessor_type(accessor)
        # After the repair pass a required nested place is always there: the copy cannot count.
        nested, *rest = accessor.places
        body, certain = self._read(owner, nested)
        if rest and not certain:
            copy, _ = self._read(owner, rest[0])
            body = f"{body} === undefined ? {copy} : {body}"
            if not accessor.optional:
                body = f"({body}) as {type_}"
        return TsGetter(shown_as(accessor.name), type_, body)

    def _read(self, owner: str, place: Path) -> tuple[str, bool]:
        """Return the expression that reads a place, and whether something is always there."""
        text, certain = "this.#frame", True
        type_: Type = Ref(owner)
        for segment in place:
            member = member_of(segment, not certain)
            found = self.spec.type(type_.name) if isinstance(type_, Ref) else None
            field = found.field(segment) if isinstance(found, Struct) else None
            if field is None:
                raise ValueError(f"{owner}: no member at {place}")
            sure = certain and field.read_required
            text = text + member if sure else shapes.own(text, segment, member)
            certain = certain and field.read_required and not field.nullable
            type_ = field.type
        return text, certain

    def _plain(self, field: Field) -> TsField:
        """Return a member that is shown as it is in the frame; a getter may give `undefined`."""
        shown = self.field(field, writes=False)
        absent = shown.key.endswith("?")
        more = " | undefined" if absent else ""
        key = shown_as(field.wire) + ("?" if absent else "")
        return TsField(key, shown.type + more, shown.doc)

    def _plain_getter(self, field: Field) -> TsGetter:
        body = "this.#frame" + member_of(field.wire, False)
        if not field.read_required:
            body = shapes.own("this.#frame", field.wire, member_of(field.wire, False))
        return TsGetter(shown_as(field.wire), self._plain(field).type, body)

    def actions(self) -> tuple[TsAction, ...]:
        """Return all actions; the tag is printed by the template."""
        made: list[TsAction] = []
        for message in self.spec.actions:
            struct = self.spec.struct(message.name)
            fields = tuple(self.field(f, True) for f in struct.fields if f.wire != message.tag)
            name = type_name(LANG, message.name, "action")
            made.append(TsAction(message.wire, name, message.name, comment(message.doc), fields))
        return tuple(made)

    def operations(self) -> tuple[tuple[str, tuple[str, ...]], ...]:
        """Return every action with the events that may answer it."""
        return tuple((item.action, item.replies) for item in self.spec.operations)

    def results(self) -> tuple[TsResult, ...]:
        """Return the calls with a typed result."""
        return tuple(
            TsResult(
                action=item.action,
                event=item.result.event,
                type=self.named(item.result.type.name),
                struct=item.result.type.name,
                path=json.dumps(list(item.result.at)),
                at="".join(f"/{segment}" for segment in item.result.at),
                secrets=json.dumps(places_below(self.spec, item.result.type.name)),
            )
            for item in self.spec.operations
            if item.result is not None
        )

    def result_imports(self, results: Iterable[TsResult]) -> dict[str, tuple[str, ...]]:
        """Return the names that results.ts needs, by file."""
        names = {r.type: self.spec.struct(r.struct).role for r in results}
        return {
            "events": tuple(sorted(name for name, role in names.items() if role == "event")),
            "types": tuple(sorted(name for name, role in names.items() if role != "event")),
        }

    def event_imports(self) -> dict[str, tuple[str, ...]]:
        """Return the names that events need from types and enums."""
        used = [a.type for e in self.spec.events for a in e.accessors]
        for event in self.spec.events:
            used += [f.type for f in self.spec.struct(event.name).fields]
        return self._imports(used)

    def action_imports(self) -> dict[str, tuple[str, ...]]:
        """Return the names that actions need from types and enums."""
        return self._imports(
            f.type for a in self.spec.actions for f in self.spec.struct(a.name).fields
        )

    def enum_names(self, structs: Iterable[Struct]) -> tuple[str, ...]:
        """Return the enums that the fields of some structs, or the unions, name."""
        used = [f.type for s in structs for f in s.fields]
        used += [b.type for u in self.spec.unions for b in u.branches]
        return self._imports(used)["enums"]

    def _imports(self, types: Iterable[Type]) -> dict[str, tuple[str, ...]]:
        found: dict[str, set[str]] = {"types": set(), "enums": set()}
        for type_ in types:
            for name in _refs(type_):
                item = self.spec.type(name)
                room = "enums" if isinstance(item, Enum) else "types"
                if not (isinstance(item, Struct) and item.role in ("event", "action")):
                    found[room].add(self.named(name))
        return {room: tuple(sorted(names)) for room, names in found.items()}

    def _aside(self, wanted: str) -> str:
        """Return a name of our own that no type of the document has."""
        return escaped(identifier(LANG, wanted, "X"), self._taken, "_")

    @cached_property
    def _taken(self) -> frozenset[str]:
        """The names that no name of our own may be."""
        return reserved_types(LANG).union(self.named(item.name) for item in self.spec.types)


def _names_json(members: Iterable[TsField | TsGetter]) -> bool:
    """Say whether a type of these members names `Json`, so that a file must import it."""
    return any(re.search(r"\bJson\b", item.type) for item in members)


def _refs(type_: Type) -> tuple[str, ...]:
    match type_:
        case Ref(name=name):
            return (name,)
        case Array(items=inner) | Map(values=inner):
            return _refs(inner)
        case _:
            return ()
