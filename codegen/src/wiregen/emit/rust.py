"""Rust: what the wire room of the crate looks like. Decisions here, layout in templates/rust."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from wiregen.config import Target
from wiregen.emit import _rust_tables as tables
from wiregen.emit._rust_arguments import written
from wiregen.emit._rust_facts import FactReader, may_be_null
from wiregen.emit._rust_streams import stream, varying
from wiregen.emit._rust_views import (
    RustAccessor,
    RustCall,
    RustEvent,
    RustField,
    RustStruct,
    RustUnion,
    Setter,
    viewed,
)
from wiregen.emit.base import documentation, reader_type, render, wrap
from wiregen.errors import join_pointer, refuse
from wiregen.escape import rust as rust_text
from wiregen.hidden import secret_places, secret_table
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
    Operation,
    Path,
    Presence,
    Ref,
    Scalar,
    Spec,
    Struct,
    Type,
)
from wiregen.naming import enum_member, member_name, type_name
from wiregen.reserved import Lang

LANG: Lang = "rust"
WIDTH = 92
SCALARS = {"string": "String", "integer": "i64", "number": "f64", "boolean": "bool"}
# What no name is part of: literals and comments.
_NO_CODE = re.compile(r'"(?:\\.|[^"\\\n])*"|//.*')


def emit(spec: Spec, target: Target) -> dict[str, str]:
    """Return the files of the wire room; `module` names the room below the crate (`wire`)."""
    printer = _Printer(spec)
    frames, events = printer.frames(), printer.events()
    actions, calls, types = printer.actions(), printer.calls(), printer.types()
    files: dict[str, dict[str, Any]] = {
        "json.rs": {},
        "learned.rs": {},
        "mend.rs": {"unions": spec.unions},
        "enums.rs": {"enums": printer.enums()},
        "types.rs": {
            "structs": types,
            "unions": printer.unions(),
            "reads": any(item.open for item in types),
        },
        "frames.rs": {"structs": frames, "uses_maps": _mentions(frames, "BTreeMap<")},
        "events.rs": {
            "events": events,
            "tag": spec.event_tag,
            "secrets": printer.secrets(spec.events),
            "uses_maps": _mentions(events, "BTreeMap<"),
        },
        "actions.rs": {
            "actions": actions,
            "calls": calls,
            "secrets": printer.secrets(spec.actions),
            "uses_maps": _mentions(actions, "BTreeMap<"),
            "uses_field": _mentions(actions, "Field<"),
            "uses_json": _mentions(actions, "Json>", "Json'"),
            "reads": any(call.accessor and not call.typed for call in calls),
            "whole": any("events::" in call.output for call in calls),
        },
        "codec.rs": {
            "events": events,
            "tag": spec.event_tag,
            "head": "{" + json.dumps(spec.event_tag) + ':"',
            "correlation": printer.correlation,
            "envelopes": printer.envelopes,
        },
        "shapes.rs": {
            "shapes": tables.shapes(spec, printer.readable()),
            "mirrors": tables.mirrors(spec, printer.event_name),
            "unions": tables.unions(spec),
            "uses_kind": tables.names_kind(
                (*tables.shapes(spec, printer.readable()), *tables.unions(spec))
            ),
        },
    }
    if spec.actions:
        files["arguments.rs"] = {"structs": written(spec)}
    if spec.errors is not None:
        files["errors.rs"] = tables.errors(spec)
    room = target.options.get("module", "wire")
    made = {
        name: render(LANG, f"{name}.j2", **context).replace("$crate::wire::", f"$crate::{room}::")
        for name, context in files.items()
    }
    return {"mod.rs": _root(spec, target, made.values()), **made}


def _root(spec: Spec, target: Target, files: Iterable[str]) -> str:
    """Return the root of the room; it says so where the names in its files are not all ASCII."""
    loose = target.options.get("dead_code") != "deny"
    alphabets = any(not _NO_CODE.sub("", text).isascii() for text in files)
    return render(LANG, "mod.rs.j2", spec=spec, loose=loose, alphabets=alphabets)


def _mentions(items: tuple[Any, ...], *words: str) -> bool:
    """Whether the types in some view models name one of the words."""
    return any(word in repr(items) for word in words)


def doc_lines(words: str, fallback: str) -> tuple[str, ...]:
    """Wrap a description for `///`; links and code fences of the source stay plain text."""
    plain = words.replace("[", "\\[").replace("```", "'''")
    return wrap(plain or fallback, WIDTH)


class _Printer:
    """Builds the view models of one specification."""

    def __init__(self, spec: Spec) -> None:
        self.spec = spec
        self.facts = FactReader(spec)
        # The member that ties an event to its action; constructors take it as their second one.
        self.correlation = spec.correlation[0][-1] if spec.correlation else None
        self.events_by_struct = {item.name: item for item in spec.events}
        self.containers = self._containers()
        self.envelopes = sorted(
            {
                mirror.nested[0]
                for event in spec.events
                for mirror in event.mirrors
                if mirror.nested[1:] == (self.correlation,)
            }
            | {place[0] for place in spec.correlation if len(place) > 1}
        )

    def _containers(self) -> frozenset[str]:
        """Structs that only lead to the facts of an event: no accessor gives them out."""
        shown: set[str] = set()
        passed: set[str] = set()
        for event in self.spec.events:
            for accessor in event.accessors:
                shown.update(_refs(accessor.type))
                for place in accessor.places:
                    passed.update(self._way(event.name, place))
        for item in self.spec.structs:
            if item.role != "event" and item.name not in passed:
                for field in item.fields:
                    shown.update(_refs(field.type))
        for union in self.spec.unions:
            for branch in union.branches:
                shown.update(_refs(branch.type))
        return frozenset(passed - shown)

    def _way(self, struct: str, path: Path) -> list[str]:
        found: list[str] = []
        current = self.spec.struct(struct)
        for segment in path[:-1]:
            field = current.field(segment)
            assert field is not None
            assert isinstance(field.type, Ref)
            current = self.spec.struct(field.type.name)
            found.append(current.name)
        return found

    # --- names and types

    def event_name(self, message: Message) -> str:
        """Name of an event's variant and struct."""
        return type_name(LANG, message.name, "event")

    def rust_type(self, type_: Type, *, nullable: bool = False) -> str:
        """Return the Rust type of a value as it is kept."""
        match reader_type(type_):
            case Scalar(kind=kind) | Const(kind=kind):
                found = SCALARS[kind]
            case Ref(name=name):
                item = self.spec.type(name)
                role = item.role if isinstance(item, Struct) else "type"
                found = type_name(LANG, name, role)
            case Array(items=items, nullable_items=null):
                found = f"Vec<{self.rust_type(items, nullable=null)}>"
            case Map(values=AnyJson()):
                found = "JsonObject"
            case Map(values=values, nullable_values=null):
                found = f"BTreeMap<String, {self.rust_type(values, nullable=null)}>"
            case AnyJson() | Opaque():
                return "Json"
        return f"Option<{found}>" if nullable else found

    def field(self, field: Field, presence: Presence) -> RustField:
        """Decide name, type and reading mode of one member."""
        base = self.rust_type(field.type)
        if field.boxed:
            base = f"Box<{base}>"
        if presence == "required":
            full = (
                base if not field.nullable or isinstance(field.type, AnyJson) else f"Option<{base}>"
            )
        else:
            full = f"Field<{base}>" if presence == "tristate" else f"Option<{base}>"
        mode: str = presence
        if base == "i64" and not (presence == "required" and field.nullable):
            mode = f"{presence}_int"
        return RustField(
            name=member_name(LANG, field.word),
            wire=field.wire,
            type=full,
            mode=mode,
            doc=doc_lines(documentation(field), "As the specification says."),
            secret=field.secret,
            kinds=_kinds(field.type),
        )

    def setter(self, field: Field) -> Setter:
        """Decide how a value comes in: strings and lists by conversion, the rest as it is."""
        base = self.rust_type(field.type)
        param, convert = base, "{}"
        if base in ("String", "JsonObject", "Json") or (
            isinstance(field.type, Ref) and isinstance(self.spec.type(field.type.name), Enum)
        ):
            param, convert = f"impl Into<{base}>", "{}.into()"
        elif base == "Vec<String>":
            param = "impl IntoIterator<Item = impl Into<String>>"
            convert = "{}.into_iter().map(Into::into).collect()"
        elif base.startswith("Vec<"):
            param = f"impl IntoIterator<Item = {base[4:-1]}>"
            convert = "{}.into_iter().collect()"
        name = member_name(LANG, field.word)
        if field.boxed:
            convert = f"Box::new({convert})"
        if field.presence == "tristate":
            held = f"Box<{base}>" if field.boxed else base
            param, convert = f"impl Into<Field<{held}>>", "{}.into()"
        elif (
            field.presence == "required" and field.nullable and not isinstance(field.type, AnyJson)
        ):
            param, convert = f"Option<{base}>", "{}.map(Box::new)" if field.boxed else "{}"
        made = convert.format(name)
        return Setter(name, param, made, made == name, doc_lines(documentation(field), name))

    # --- structs

    def struct(
        self, item: Struct, *, tag: str | None = None, wire: str | None = None
    ) -> RustStruct:
        """Decide a struct: what is read keeps the unknown, what is written has a constructor."""
        reads = item.direction != "write"
        members = [field for field in item.fields if field.wire != tag]
        fields = tuple(
            self.field(field, field.read_presence if reads else field.presence) for field in members
        )
        ids = (f for f in members if f.wire == self.correlation and _is_id(f))
        correlation = next(ids, None)
        return RustStruct(
            name=type_name(LANG, item.name, item.role),
            doc=doc_lines(item.doc, f"`{item.name}`."),
            fields=fields,
            required=tuple(self.setter(f) for f in _parameters(members, self.correlation)),
            setters=tuple(self.setter(f) for f in members if not f.required),
            open=reads,
            writes=item.direction != "read",
            secret=any(field.secret for field in fields),
            tag=tag,
            wire=wire,
            request_id="" if correlation is None else correlation.presence,
            id_name=member_name(LANG, correlation.word) if correlation else "",
            shape=tables.shape_name(item.name),
        )

    def types(self) -> tuple[RustStruct, ...]:
        """Return every public struct that is no event and no action, sorted by name."""
        return tuple(self.struct(item) for item in self._public())

    def readable(self) -> list[str]:
        """Return the names of public structs that can be read by themselves."""
        return [item.name for item in self._public() if item.direction != "write"]

    def _public(self) -> list[Struct]:
        return [
            item
            for item in self.spec.structs
            if item.role in ("type", "result") and item.name not in self.containers
        ]

    def frames(self) -> tuple[RustStruct, ...]:
        """Return the private bodies of events: the envelope and what lies between it and a fact."""
        return tuple(
            self._frame(item)
            for item in self.spec.structs
            if item.role == "event" or item.name in self.containers
        )

    def _frame(self, item: Struct) -> RustStruct:
        message = self.events_by_struct.get(item.name)
        tag, wire = (message.tag, message.wire) if message else (None, None)
        made = self.struct(item, tag=tag, wire=wire)
        needed: tuple[str, ...] = ()
        if message:
            needed = tuple(
                f"{self.facts.there(message, mirror.nested)} "
                f"|| {self.facts.there(message, mirror.top)}"
                for mirror in message.mirrors
                if mirror.guard
            )
        return replace(made, needed=needed)

    # --- unions

    def unions(self) -> tuple[RustUnion, ...]:
        """Return every union with `(variant, mark, type, kinds)` of its branches."""
        return tuple(
            RustUnion(
                type_name(LANG, item.name, "type"),
                doc_lines(item.doc, f"`{item.name}`."),
                tables.union_shape_name(item.name),
                tuple(
                    (
                        enum_member(LANG, item.name, b.word),
                        b.mark,
                        self.rust_type(b.type),
                        _kinds(b.type),
                    )
                    for b in item.branches
                ),
                item.kind != "typed",
            )
            for item in self.spec.unions
        )

    # --- enums

    def enums(self) -> tuple[tuple[str, tuple[str, ...], tuple[tuple[str, str], ...]], ...]:
        """Return name, doc and `(variant, value)` of every open enum."""
        return tuple(
            (
                type_name(LANG, item.name, "type"),
                doc_lines(item.doc, f"`{item.name}`."),
                tuple((enum_member(LANG, item.name, word), value) for value, word in item.words),
            )
            for item in self.spec.enums
        )

    # --- events

    def events(self) -> tuple[RustEvent, ...]:
        """Return the events in the order of the document."""
        return tuple(self._event(item) for item in self.spec.events)

    def _event(self, message: Message) -> RustEvent:
        streams = stream(message, self.correlation)
        facts = tuple(
            varying(self._accessor(message, item), streams)
            for item in message.accessors
            if item.name != message.tag
        )
        request = None if self.correlation is None else message.accessor(self.correlation)
        read = "None"
        if request is not None and _is_text(request.type):
            read = f"event.{member_name(LANG, request.word)}()"
            if request.optional and request.nullable:
                read += ".value().map(String::as_str)"
            elif not (request.optional or request.nullable):
                read = f"Some({read})"
        return RustEvent(
            name=self.event_name(message),
            wire=message.wire,
            doc=doc_lines(message.doc, f"`{message.wire}`."),
            shape=f"{tables.shape_name(message.name)}_EVENT",
            accessors=facts,
            request_id=read,
            correlation=self._correlation(message),
            terminal=(message.turn or "").startswith("terminal"),
            secret=bool(secret_places(self.spec, message)),
            streams=streams,
        )

    def _correlation(self, message: Message) -> str:
        """Say where an event names its action: at the top, else in its envelope."""
        if self.correlation is None:
            return "None"
        struct = self.spec.struct(message.name)
        read = "None"
        own = struct.field(self.correlation)
        if own is not None and _is_text(own.type):
            read = self.facts.option(message, (self.correlation,), root="event.0.body")
            read += ".map(|id| Cow::Borrowed(id.as_str()))"
        for envelope in self.envelopes:
            field = struct.field(envelope)
            if field is None:
                continue
            if isinstance(field.type, Ref):
                found = self.spec.type(field.type.name)
                inner = found if isinstance(found, Struct) else None
                if inner is None or not inner.field(self.correlation):
                    continue
                nested = self.facts.option(
                    message, (envelope, self.correlation), root="event.0.body"
                )
                read += f".or_else(|| {nested}.map(|id| Cow::Borrowed(id.as_str())))"
            else:
                nested = self.facts.option(message, (envelope,), root="event.0.body")
                read += f".or_else(|| {nested}.and_then(|it| id_in(it.get())))"
        return read

    def _accessor(self, message: Message, item: Accessor) -> RustAccessor:
        base = self.rust_type(item.type)
        view, project = viewed(base)
        tri = item.optional and item.nullable
        if tri:
            view, project = f"Field<&{base}>", ""
        null = may_be_null(item)
        returns = f"Option<{view}>" if (item.optional and not tri) or null else view
        method = member_name(LANG, item.word)
        kind = "field" if tri else "option" if item.optional else "value"
        return RustAccessor(
            name=method,
            wire=item.name,
            returns=returns,
            body=self.facts.read(message, item, project),
            fact=f"facts.{kind}({rust_text(item.name)}, self.{method}());",
            doc=doc_lines(item.doc, f"`{item.name}`."),
        )

    # --- actions

    def actions(self) -> tuple[RustStruct, ...]:
        """Return the actions in the order of the document."""
        return tuple(
            self.struct(self.spec.struct(item.name), tag=item.tag, wire=item.wire)
            for item in self.spec.actions
        )

    def secrets(self, messages: tuple[Message, ...]) -> list[tuple[str, str]]:
        """Return wire name and JSON Pointer of every secret."""
        found = secret_table(self.spec, messages).items()
        return [(wire, join_pointer("", *place)) for wire, places in found for place in places]

    def calls(self) -> tuple[RustCall, ...]:
        """Return the actions that have one typed answer."""
        return tuple(self._call(item) for item in self.spec.operations if item.result)

    def _call(self, operation: Operation) -> RustCall:
        assert operation.result is not None
        result = operation.result
        event = self.spec.event(result.event)
        action = self.spec.struct(self.spec.action(operation.action).name)
        whole = not result.at
        accessor, typed = "", False
        if not whole:
            found = next((a for a in event.accessors if result.at in a.places), None)
            if found is None or found.optional:
                file, _, pointer = self.spec.struct(event.name).uri.partition("#")
                place = join_pointer("", *result.at)
                said = f"the result of {operation.action!r} at {place!r} may miss or be no fact"
                mend = "require it and what is around it, without null"
                raise refuse(file, pointer, "x-result", f"{said}: {mend}")
            accessor = member_name(LANG, found.word)
            typed = isinstance(found.type, Ref)
        role = self.spec.struct(result.type.name).role
        name = type_name(LANG, result.type.name, role)
        return RustCall(
            action=type_name(LANG, action.name, "action"),
            event=self.event_name(event),
            output=f"events::{name}" if whole else f"types::{name}",
            shape=tables.shape_name(result.type.name),
            accessor=accessor,
            at=join_pointer("", *result.at),
            typed=typed,
        )


def _parameters(members: list[Field], correlation: str | None) -> list[Field]:
    """Order the required members of a constructor: the correlation id comes second."""
    required = [field for field in members if field.required]
    own = [field for field in required if field.wire == correlation]
    rest = [field for field in required if field.wire != correlation]
    return [*rest[:1], *own, *rest[1:]]


def _is_id(field: Field) -> bool:
    """Whether a member holds an id as a client draws it: a string, never null."""
    return _is_text(field.type) and not field.nullable


def _is_text(type_: Type) -> bool:
    return isinstance(type_, Scalar) and type_.kind == "string"


def _kinds(type_: Type) -> str:
    """Return the kinds of the raw JSON in a value, as Rust; empty when there is none to look at."""
    while isinstance(type_, Array | Map):
        type_ = type_.items if isinstance(type_, Array) else type_.values
    return tables.kinds(type_.kinds) if isinstance(type_, Opaque) else ""


def _refs(type_: Type) -> set[str]:
    match type_:
        case Ref(name=name):
            return {name}
        case Array(items=inner) | Map(values=inner):
            return _refs(inner)
    return set()
