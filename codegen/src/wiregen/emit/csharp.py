"""The C# wire room: records, readers and writers over System.Text.Json, tables."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from wiregen.config import Target
from wiregen.emit import _csharp_arguments as arguments
from wiregen.emit import _csharp_tables as tables
from wiregen.emit._csharp_facts import envelope_records, event_view, inner_records, unset
from wiregen.emit._csharp_streams import stream_views
from wiregen.emit._csharp_structs import StructView, struct_view
from wiregen.emit._csharp_types import Speller, doc_lines, quoted
from wiregen.emit.base import render
from wiregen.hidden import secret_table
from wiregen.ir import Enum, Message, Mirror, Ref, Spec, Struct
from wiregen.naming import enum_member, escaped, pascal, type_name
from wiregen.reserved import Lang

LANG: Lang = "csharp"
# Code that is the same for every protocol: helpers of the readers and writers.
_STATIC = (
    *("Optional", "WireObject", "UnknownEvent", "Json", "JsonWriting", "Repair", "Faults"),
    *("Check", "Decoder", "DecodedFrame", "WireCodec", "WireFault", "PlainEncoder", "Surrogates"),
    *("LearnedFrame", "FrameReader", "Tree", "MemberWriting"),
)


@dataclass(frozen=True, slots=True)
class EnumView:
    """An open enum."""

    name: str
    doc: tuple[str, ...]
    values: tuple[tuple[str, str, str], ...]


@dataclass(frozen=True, slots=True)
class EventView:
    """One row of the table of events."""

    record: str
    wire: str
    shape: str
    reading: str
    terminal: bool
    mirrors: tuple[str, ...]


def emit(spec: Spec, target: Target) -> dict[str, str]:
    """Return the files of the C# wire room."""
    speller = Speller(spec)
    messages = {item.name: item for item in (*spec.events, *spec.actions)}
    views = _records(speller, messages)
    context: dict[str, Any] = {
        "namespace": target.options.get("namespace", pascal(spec.title)),
        "sha256": spec.sha256,
        "version": spec.version,
        "has_errors": spec.errors is not None,
        "action_tag": spec.action_tag,
        "event_tag": spec.event_tag,
        "correlation": ", ".join(_words(place) for place in spec.correlation),
        "unions": tables.union_views(spec, speller),
        "q": quoted,
    }
    events = [views[item.name] for item in spec.events]
    actions = [views[item.name] for item in spec.actions]
    types = [view for name, view in sorted(views.items()) if name not in messages]
    out = {
        f"{name}.g.cs": render(LANG, f"{name}.cs.j2", **context, **data)
        for name, data in _data(speller, actions, target.options.get("exception", "")).items()
    }
    streams = stream_views(spec, views)
    out["StreamTable.g.cs"] = render(LANG, "StreamTable.cs.j2", **context, streams=streams)
    parts = [views[item.name] for item in spec.structs if _is_part(item, messages)]
    types = [view for view in types if view not in parts]
    groups = (("Events", events), ("EventParts", parts), ("Actions", actions), ("Types", types))
    for name, group in groups:
        out[f"{name}.g.cs"] = render(LANG, "Records.cs.j2", **context, records=group)
        out[f"{name}Codec.g.cs"] = render(LANG, "RecordsCodec.cs.j2", **context, records=group)
    return out


def _records(speller: Speller, messages: dict[str, Message]) -> dict[str, StructView]:
    """Return the views of all structs."""
    spec = speller.spec
    views = {
        item.name: struct_view(speller, item, messages.get(item.name)) for item in spec.structs
    }
    for event in spec.events:
        views[event.name] = event_view(speller, event, views[event.name])
    for name in envelope_records(spec):
        views[name] = replace(views[name], unset=unset(speller, name))
    for name in inner_records(spec):
        views[name] = replace(views[name], access="internal")
    return views


def _is_part(item: Struct, messages: dict[str, Message]) -> bool:
    """Whether a struct is only ever read: a part of events, or the result of a call."""
    return item.direction == "read" and item.name not in messages


def _data(
    speller: Speller,
    actions: list[StructView],
    exception: str,
) -> dict[str, dict[str, Any]]:
    """Return, for every file but the records, what its template is given.

    ``exception`` is the root of all exceptions when that is written by hand.
    """
    spec = speller.spec
    found: dict[str, dict[str, Any]] = {name: {} for name in _STATIC}
    found["Enums"] = {"enums": [_enum(item) for item in spec.enums]}
    found["Messages"] = {
        "events": [_event(item, speller) for item in spec.events],
        "actions": actions,
    }
    found["ArgumentTable"] = {"arguments": arguments.written(spec)}
    found["Shapes"] = {"shapes": tables.shape_views(spec.shapes)}
    if spec.unions:
        found["Unions"] = {}
        found["UnionShape"] = {}
        found["UnionShapes"] = {}
    tables_ = (("OfActions", spec.actions), ("OfEvents", spec.events))
    found["Secrets"] = {"tables": [(name, _secrets(spec, items)) for name, items in tables_]}
    found["Operations"] = {"operations": tables.operation_views(spec, speller)}
    if spec.errors:
        found["ErrorKinds"] = {
            "kinds": [(pascal(k.kind), k.kind, doc_lines(k.when)) for k in spec.errors.kinds]
        }
        found["ErrorCodes"] = {
            "rows": tables.code_rows(spec.errors),
            "kinds": spec.errors.kinds,
        }
        root = exception or tables.ROOT_EXCEPTION
        views = tables.exception_views(spec.errors, root)
        found["Exceptions"] = {"exceptions": views, "root": root}
        if not exception:
            found["RootException"] = {"root": root}
    return found


def _secrets(spec: Spec, messages: tuple[Message, ...]) -> list[tuple[str, list[str]]]:
    found = secret_table(spec, messages).items()
    return [(quoted(wire), [_words(place) for place in places]) for wire, places in found]


def _words(path: tuple[str, ...]) -> str:
    return "[" + ", ".join(quoted(segment) for segment in path) + "]"


def _enum(item: Enum) -> EnumView:
    own = type_name(LANG, item.name, "type")
    names = {v: escaped(enum_member(LANG, item.name, w), {own}, "_") for v, w in item.words}
    return EnumView(
        name=own,
        doc=doc_lines(item.doc),
        values=tuple((name, quoted(value), value) for value, name in names.items()),
    )


def _event(item: Message, speller: Speller) -> EventView:
    reading = speller.spell(Ref(item.name)).reading("r")
    return EventView(
        reading=f"static (ref r) => {reading}",
        record=type_name(LANG, item.name, "event"),
        wire=item.wire,
        shape=tables.shape_name(item.name),
        terminal=(item.turn or "").startswith("terminal"),
        mirrors=tuple(_mirror(mirror) for mirror in item.mirrors),
    )


def _mirror(mirror: Mirror) -> str:
    nested = ", ".join(quoted(segment) for segment in mirror.nested)
    fill, needed = str(mirror.fill).lower(), str(mirror.needed).lower()
    return f"new([{nested}], {quoted(mirror.top[0])}, {fill}, {needed})"
