"""The wire room in Go: one package, no dependency beyond the standard library."""

from __future__ import annotations

from typing import Any

from wiregen.config import Target
from wiregen.emit import _go_structs as structs
from wiregen.emit import _go_tables as tables
from wiregen.emit import _go_unions as unions
from wiregen.emit._go_types import RAW, Named, field_name, words
from wiregen.emit.base import render, wrap
from wiregen.escape import go as quote
from wiregen.graph import reach
from wiregen.hidden import secret_places, secret_table
from wiregen.ir import Enum, Message, Spec, Struct
from wiregen.naming import enum_member, type_name

_RUNTIME = (
    *("scan", "decoder", "encoder", "tree", "reader", "facts", "learned"),
    *("codec", "values", "plan", "arguments"),
)
# Compiled into the package's tests alone.
_TESTS = ("vectors",)


def emit(spec: Spec, target: Target) -> dict[str, str]:
    """Return the files of the package, below the folder of the module."""
    package = target.options.get("package", "wire")
    printer = _Printer(spec, package)
    return {
        f"{package}/wire_{name}.gen{'_test' if name in _TESTS else ''}.go": text
        for name, text in printer.files().items()
    }


class _Printer:
    def __init__(self, spec: Spec, package: str) -> None:
        self.spec = spec
        self.package = package
        self.named = Named(spec)
        self.events = [structs.EventView(self.named, spec, event) for event in spec.events]
        shown = self._shown()
        self.read = [s for s in spec.structs if s.name in shown and s.direction != "write"]
        self.sent = [s for s in spec.structs if s.role != "event" and s.direction == "write"]

    def _shown(self) -> set[str]:
        """Return the structs that users see; envelopes of events are shown flat instead."""
        types = {item.name: item for item in self.spec.types}
        facts = [a.type for event in self.events for a in event.accessors]
        roots = {ref for type_ in facts if (ref := _target(type_)) is not None}
        roots |= {op.result.type.name for op in self.spec.operations if op.result}
        envelopes = reach(types, {event.name for event in self.spec.events})
        roots |= {s.name for s in self.spec.structs if s.name not in envelopes}
        roots |= {union.name for union in self.spec.unions}
        return reach(types, roots) - {event.name for event in self.spec.events}

    def files(self) -> dict[str, str]:
        made = {name: self.render(name) for name in _RUNTIME}
        made["enums"] = self.render("enums", enums=[_enum(item) for item in self.spec.enums])
        constants = [{"name": e.constant, "literal": quote(e.message.wire)} for e in self.events]
        made["events"] = self.types([e.struct() for e in self.events], constants)
        made["event_methods"] = self.render("events", events=list(map(self._event, self.events)))
        made["types"] = self.types([structs.struct_view(self.named, s) for s in self.read])
        made["actions"] = self.types(
            [structs.action_struct(self.named, s, verb=s.role == "action") for s in self.sent]
        )
        made["calls"] = self._actions()
        made["vectors"] = self._vectors()
        levels = [level for event in self.events for level in event.levels]
        if levels:
            made["decode"] = self.render("decode", levels=levels)
        made["methods"] = self._methods()
        if self.spec.unions:
            made["branches"] = self.render("branches")
            made["unions"] = self._unions()
        made["tables"] = self._tables()
        if any(field.secret for item in self.spec.structs for field in item.fields):
            made["secrets"] = self._secrets()
        if self.spec.errors is not None:
            made["errors"] = self.render("errors", **tables.errors(self.spec.errors))
        return made

    def _methods(self) -> str:
        """Print what every type says of itself, but where a member takes the method's name."""
        read = [(structs.struct_view(self.named, s), True) for s in self.read]
        sent = [(structs.action_struct(self.named, s, verb=False), False) for s in self.sent]
        rows = [
            {"name": item.name, "reads": reads, "says": not _says_string(item)}
            for item, reads in (*read, *sent)
        ]
        return self.render("methods", structs=rows)

    def render(self, template: str, **context: Any) -> str:
        return render("go", f"{template}.go.j2", package=self.package, **context)

    def types(self, items: list[structs.GoStruct], constants: Any = ()) -> str:
        uses = any(RAW in text for item in items for text in (item.base, *_types(item)))
        return self.render("structs", structs=items, constants=constants, uses_json=uses)

    def _event(self, event: structs.EventView) -> dict[str, Any]:
        rows = [tables.mirror(item) for item in event.message.mirrors]
        return {
            "name": event.name,
            "constant": event.constant,
            "shape": quote(event.name),
            "says": not _says_string(event.struct()),
            "streams": bool(event.levels),
            "hidden": bool(secret_places(self.spec, event.message)),
            "turn": quote(event.message.turn) if event.message.turn else "",
            "facts": event.facts(),
            "learned": event.learned(),
            "mirrors": f"[]mirror{{{', '.join(rows)}}}" if rows else "nil",
        }

    def _tables(self) -> str:
        rows = [structs.arguments(self.named, s) for s in self.sent]
        return self.render(
            "tables",
            tag=quote(self.spec.event_tag),
            correlation=["{" + words(place)[9:-1] + "}" for place in self.spec.correlation],
            events=[self._event(event) for event in self.events],
            shapes=[tables.shape(self.named, item) for item in self.spec.shapes],
            arguments=rows,
            patterns=_mentions(rows, "regexp."),
        )

    def _unions(self) -> str:
        views = {item.name: unions.view(self.named, item) for item in self.spec.unions}
        shows = {name: {b.mark: b.name for b in view.branches} for name, view in views.items()}
        return self.render(
            "unions",
            unions=list(views.values()),
            tables=[
                tables.union(self.named, item, shows[item.name]) for item in self.spec.union_shapes
            ],
            uses_json=_mentions(list(views.values()), RAW),
        )

    def _actions(self) -> str:
        actions = [
            {
                "name": self.named.of(message.name),
                "wire": message.wire,
                "literal": quote(message.wire),
                "identified": self._id(message),
            }
            for message in self.spec.actions
        ]
        return self.render("actions", actions=actions, calls=self._calls())

    def _secrets(self) -> str:
        """Print where in actions and events secrets lie."""
        return self.render(
            "secrets",
            actions=self._secret_rows(self.spec.actions),
            events=self._secret_rows(self.spec.events),
        )

    def _secret_rows(self, messages: tuple[Message, ...]) -> list[tuple[str, list[str]]]:
        found = secret_table(self.spec, messages).items()
        return [(quote(wire), [words(place)[8:] for place in places]) for wire, places in found]

    def _vectors(self) -> str:
        """Print what tests need to replay vectors: readers by name, and how to read actions."""
        return self.render(
            "vectors",
            types=[(quote(s.name), self.named.of(s.name)) for s in self.read],
            actions=[(quote(m.wire), self.named.of(m.name)) for m in self.spec.actions],
            calls=self._calls(),
            structs=[structs.action_struct(self.named, s, verb=False) for s in self.sent],
        )

    def _id(self, message: Message) -> str:
        """Return the field of an action's id; empty when it has none that is a string."""
        place = self.spec.correlation[0] if self.spec.correlation else ()
        field = self.spec.struct(message.name).field(place[0]) if len(place) == 1 else None
        if field is None or self.named.sent(field.type, field.presence, field.nullable) != "string":
            return ""
        return field_name(field.word)

    def _calls(self) -> list[dict[str, Any]]:
        constants = {e.message.wire: e.constant for e in self.events}
        return [
            {
                "action": quote(op.action),
                "name": self.named.of(self.spec.action(op.action).name),
                "constant": constants[op.result.event],
                "result": self.named.of(op.result.type.name),
                "at": [quote(step) for step in op.result.at],
            }
            for op in self.spec.operations
            if op.result is not None
        ]


def _says_string(item: structs.GoStruct) -> bool:
    return any(field.name in ("String", "GoString") for field in item.fields)


def _target(type_: Any) -> str | None:
    while hasattr(type_, "items") or hasattr(type_, "values"):
        type_ = type_.items if hasattr(type_, "items") else type_.values
    return getattr(type_, "name", None)


def _types(item: structs.GoStruct) -> list[str]:
    return [field.type for field in item.fields]


def _mentions(items: list[Any], word: str) -> bool:
    return word in repr(items)


def _enum(item: Enum) -> dict[str, Any]:
    name = type_name("go", item.name, "type")
    doc = structs.type_doc(name, item.doc, False)
    values = [
        {"name": enum_member("go", item.name, word), "literal": quote(value)}
        for value, word in item.words
    ]
    return {
        "name": name,
        "doc": (*doc, *wrap("Values that are not listed are kept.", 90)),
        "members": values,
    }


__all__ = ["Struct", "emit"]
