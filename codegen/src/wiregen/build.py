"""Assemble the intermediate representation from a folder with an AsyncAPI document."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from wiregen import asyncapi
from wiregen.asyncapi import MessageNode
from wiregen.asyncapi2 import read_document
from wiregen.contract import read_contract
from wiregen.contract.model import Contract
from wiregen.errors import pointer_path, refuse
from wiregen.graph import boxed_members, directions, neighbours, reach, referenced, renamed
from wiregen.ir import Const, Field, Message, Operation, Ref, Result, Spec, Struct, TypeDef
from wiregen.load import Store
from wiregen.mirrors import FactReader
from wiregen.naming import TWIN, rooted, spelled
from wiregen.reading import AS_WRITTEN, Reading
from wiregen.recursion import check_circles
from wiregen.resolve import Resolver
from wiregen.served import Side, served
from wiregen.shapes import build_shapes, build_unions
from wiregen.tables import UNKNOWN_EVENT, read_errors, read_machines
from wiregen.tags import candidates

DOCUMENT_NAMES = ("asyncapi.yaml", "asyncapi.yml", "asyncapi.json")
_SUFFIXES = (".yaml", ".yml", ".json")


def find_document(place: Path, root: Path | None = None) -> tuple[Path, str]:
    """Return the folder of a specification and the name of its AsyncAPI document in it.

    ``place`` is the document or its folder, ``root`` the folder around all that it refers to.
    """
    document = place if place.is_file() else None
    for name in DOCUMENT_NAMES:
        if document is None and (place / name).is_file():
            document = place / name
    if document is None:
        message = f"no {' or '.join(DOCUMENT_NAMES)} in {place.name or place}"
        others = sorted(item.name for item in place.glob("*") if item.suffix in _SUFFIXES)
        if others and place.is_dir():
            message += f"; name the document itself: --spec {place.name}/{others[0]}"
        raise refuse(DOCUMENT_NAMES[0], "", "load-missing-file", message)
    folder = (root or document.parent).resolve()
    if not document.resolve().is_relative_to(folder):
        message = f"{document.name} does not lie in {folder}: --root names a folder around it"
        raise refuse("", "", "usage", message)
    return folder, document.resolve().relative_to(folder).as_posix()


def build(place: Path, reading: Reading = AS_WRITTEN, role: Side = "client") -> Spec:
    """Read the specification in a folder, or of one document in it.

    With the role of a server its actions are what is read, its events what is written.
    Raises SpecError with file and JSON Pointer.
    """
    folder, name = find_document(place, reading.root)
    try:
        return _Builder(Store(folder), name, reading, role).spec()
    except RecursionError as err:
        raise refuse(name, "", "load-depth", "nested too deeply") from err


class _Builder:
    def __init__(self, store: Store, name: str, reading: Reading, role: Side) -> None:
        document = read_document(store, name, reading)
        if role == "server":
            document = served(document, name)
        self.role = role
        self.store = store
        self.name = name
        self.document = document
        self.resolver = Resolver(store)

    def spec(self) -> Spec:
        """Return the finished representation."""
        document = self.document
        drafts = [self._draft(item) for item in document.messages]
        operations = tuple(self._operation(item) for item in document.operations)
        shown = {
            key: self.resolver.root_type(node, rooted(key)).type for key, node in document.schemas
        }
        named = {key: name for key, type_ in shown.items() if (name := referenced(type_))}
        self.resolver.finish()
        check_circles((item.schema for item in document.messages), self.store.resolve)
        self._hold([item.name for item in drafts])
        messages = [
            self._facts(item, draft) for item, draft in zip(document.messages, drafts, strict=True)
        ]
        self._prune(messages, operations, list(named.values()))
        asked = tuple(sorted(name for key, name in named.items() if key in document.asked))
        types = self._types(messages, operations, asked)
        wire_types = {item.wire for item in messages if item.role == "event"}
        names = [document.tables.get(key) for key in ("x-error-codes", "x-state-machines")]
        errors = read_errors(self.store, names[0]) if names[0] else None
        machines = read_machines(self.store, names[1], wire_types) if names[1] else None
        contract = Contract()
        if self.role == "client":
            contract = read_contract(
                self.store,
                document.tables,
                frames=(*(item.wire for item in messages if item.role == "event"), UNKNOWN_EVENT),
                actions=frozenset(item.wire for item in messages if item.role == "action"),
                answers=machines.answers if machines else (),
            )
        return Spec(
            title=document.title,
            version=document.version,
            doc=document.doc,
            action_tag=document.action_tag,
            event_tag=document.event_tag,
            actions=tuple(item for item in messages if item.role == "action"),
            events=tuple(item for item in messages if item.role == "event"),
            operations=operations,
            correlation=tuple(pointer_path(item) for item in document.correlation),
            types=types,
            asked=asked,
            shapes=build_shapes(types, {item.name: item for item in messages}),
            union_shapes=build_unions(types),
            errors=errors,
            machines=machines,
            contract=contract,
            diagnostics=tuple(sorted((*document.notes, *self.resolver.notes.found))),
            noted=tuple(self.resolver.notes.folded),
            sha256=self.store.digest(),
            read=self.resolver.read,
            folded={item.uri: item for item in self.resolver.folded},
            store=self.store,
            _by_name={item.name: item for item in types},
        )

    def _draft(self, item: MessageNode) -> Message:
        if item.role == "event" and item.wire == UNKNOWN_EVENT:
            message = (
                f"{UNKNOWN_EVENT!r} is the word for events that are not known; "
                "leave this one out of the document, and it is read as one of these"
            )
            raise refuse(item.node.file, item.node.pointer, "reserved-word", message)
        struct = self._struct(item)
        document = self.document
        tag = document.action_tag if item.role == "action" else document.event_tag
        field = struct.field(tag)
        if field is None or field.type != Const("string", item.wire):
            raise refuse(
                item.schema.file, item.schema.pointer, "tag-const", self._untagged(item, tag, field)
            )
        if not field.required:
            struct = self._requiring(struct, tag, item)
        return Message(
            wire=item.wire,
            role=item.role,
            name=struct.name,
            tag=tag,
            doc=struct.doc,
            turn=item.turn,
            file=item.schema.file,
        )

    def _untagged(self, item: MessageNode, tag: str, field: Field | None) -> str:
        """Say why a payload does not name its message, and which member would."""
        others = candidates(self.store, [it.schema for it in self.document.messages])
        more = f"; every message here has a constant at {' and at '.join(map(repr, others))}"
        return _untagged(item, tag, field) + (more if others and tag not in others else "")

    def _hint(self, item: MessageNode) -> str:
        """Return a name by the word of a message: by its signs where words fall together."""
        hint = rooted(item.wire)
        others = {other.wire for other in self.document.messages} - {item.wire}
        return rooted(spelled(item.wire)) if hint in map(rooted, others) else hint

    def _struct(self, item: MessageNode) -> Struct:
        """Return the struct of a message; an action that is an event as well has its own."""
        hint = self._hint(item)
        if not item.twin or item.role == "event":
            return self.resolver.struct(item.schema, item.role, hint)
        event = next(
            other
            for other in self.document.messages
            if other.wire == item.wire and other.role == "event"
        )
        if event.schema.uri != item.schema.uri:
            return self.resolver.struct(item.schema, "action", f"{hint}{TWIN}")
        found = self.resolver.struct(event.schema, "event", hint)
        twin = replace(found, name=f"{found.name}{TWIN}", role="action")
        self.resolver.types[twin.name] = twin
        return twin

    def _requiring(self, struct: Struct, tag: str, item: MessageNode) -> Struct:
        """Return a struct that requires its discriminator, which no frame can do without."""
        said = f"{tag!r} is not required, yet no frame can be told without it: read as required"
        self.resolver.note(item.schema, "tag-optional", said)
        fields = tuple(
            replace(field, required=True, read_required=True) if field.wire == tag else field
            for field in struct.fields
        )
        found = replace(struct, fields=fields)
        self.resolver.types[struct.name] = found
        return found

    def _hold(self, messages: list[str]) -> None:
        """Give types that lead to the struct of a message a type with its members instead.

        A message stands in a room of its own in every language, and is read by its word.
        """
        types = self.resolver.types
        led = {name for item in types.values() for name in neighbours(item)}
        held = {name: f"{name.removesuffix(TWIN)}Type" for name in messages if name in led}
        for name, other in held.items():
            found = types[name]
            assert isinstance(found, Struct)
            if other in types:
                file, _, pointer = found.uri.partition("#")
                said = f"a type holds this message as {other!r}, a name that {types[other].uri} has"
                raise refuse(file, pointer, "name-clash", said)
            types[other] = replace(found, name=other, role="type")
        for name in list(types):
            types[name] = renamed(types[name], held)

    def _facts(self, item: MessageNode, draft: Message) -> Message:
        if draft.role == "action":
            return draft
        struct = self.resolver.types[draft.name]
        assert isinstance(struct, Struct)
        correlation = tuple(pointer_path(it) for it in self.document.correlation)
        facts = FactReader(item.schema, struct, self.resolver.types, correlation).read()
        tops = {mirror.top[0] for mirror in facts.mirrors}
        fields = tuple(
            replace(field, read_required=False) if field.wire in tops else field
            for field in struct.fields
        )
        self.resolver.types[draft.name] = replace(struct, fields=fields)
        return replace(
            draft, mirrors=facts.mirrors, payloads=facts.payloads, accessors=facts.accessors
        )

    def _operation(self, item: asyncapi.OperationNode) -> Operation:
        found = [message for message in self.document.messages if message.role == "event"]
        events = {message.wire: message for message in found}
        if item.result is None:
            return Operation(action=item.action, replies=item.replies)
        wire = item.result.event
        if wire not in item.replies:
            message = f"x-result names {wire!r}, which is no reply of {item.action!r}"
            raise refuse(item.result.node.file, item.result.node.pointer, "x-result", message)
        if item.result.schema is None:
            struct = self.resolver.struct(events[wire].schema, "event", rooted(wire))
        else:
            hint = rooted(item.action) + "Result"
            struct = self.resolver.struct(item.result.schema, "result", hint)
        result = Result(event=wire, at=pointer_path(item.result.at), type=Ref(struct.name))
        return Operation(action=item.action, replies=item.replies, result=result)

    def _prune(
        self, messages: list[Message], operations: tuple[Operation, ...], shown: list[str]
    ) -> None:
        """Drop what nothing leads to: parts of unions that cannot be told apart."""
        types = self.resolver.types
        roots = [item.name for item in messages]
        roots += [item.result.type.name for item in operations if item.result]
        kept = reach(types, [*roots, *shown])
        for name in types.keys() - kept:
            del types[name]

    def _types(
        self,
        messages: list[Message],
        operations: tuple[Operation, ...],
        asked: tuple[str, ...],
    ) -> tuple[TypeDef, ...]:
        types = self.resolver.types
        writes = [item.name for item in messages if item.role == "action"]
        reads = [item.name for item in messages if item.role == "event"]
        reads += [item.result.type.name for item in operations if item.result]
        way = directions(types, reads, writes, asked)
        boxed = boxed_members(types)
        done: list[TypeDef] = []
        for name in sorted(types):
            item = replace(types[name], direction=way[name])
            if isinstance(item, Struct):
                marked = boxed.get(name, frozenset())
                fields = tuple(replace(f, boxed=f.wire in marked) for f in item.fields)
                item = replace(item, fields=fields, recursive=name in boxed)
            done.append(item)
        return tuple(done)


def _untagged(item: MessageNode, tag: str, field: Field | None) -> str:
    """Say why a payload does not name its message, and what to do."""
    said = f"{tag!r} must be required and have the const {item.wire!r}"
    if field is None:
        return f"{said}; there is no such member, so that nothing tells this {item.role} apart"
    if isinstance(field.type, Const) and not isinstance(field.type.value, str):
        return (
            f"{said}; it is the {field.type.kind} {field.type.value}, and only strings name a "
            "message: keep this protocol's codes in a member of their own"
        )
    if isinstance(field.type, Const):
        return f"{said}, found {field.type.value!r}; the message's name is that word, or left out"
    return said
