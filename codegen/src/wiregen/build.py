"""Assemble the intermediate representation from a folder with an AsyncAPI document."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from wiregen import asyncapi
from wiregen.asyncapi import Document, MessageNode
from wiregen.errors import pointer_path, refuse
from wiregen.graph import boxed_members, directions
from wiregen.ir import Const, Message, Operation, Ref, Result, Spec, Struct, TypeDef
from wiregen.load import Store
from wiregen.mirrors import FactReader
from wiregen.naming import pascal
from wiregen.resolve import Resolver
from wiregen.shapes import build_shapes, build_unions
from wiregen.tables import UNKNOWN_EVENT, read_errors, read_machines

DOCUMENT_NAMES = ("asyncapi.yaml", "asyncapi.yml", "asyncapi.json")


def find_document(folder: Path) -> str:
    """Return the name of the AsyncAPI document in ``folder``; refuse a folder without one."""
    for name in DOCUMENT_NAMES:
        if (folder / name).is_file():
            return name
    message = f"no {' or '.join(DOCUMENT_NAMES)} in {folder.name or folder}"
    raise refuse(DOCUMENT_NAMES[0], "", "load-missing-file", message)


def build(folder: Path) -> Spec:
    """Read the specification in ``folder``. Raises SpecError with file and JSON Pointer."""
    store = Store(folder)
    try:
        return _Builder(store, asyncapi.Reader(store, find_document(folder)).read()).spec()
    except RecursionError as err:
        raise refuse(find_document(folder), "", "load-depth", "nested too deeply") from err


class _Builder:
    def __init__(self, store: Store, document: Document) -> None:
        self.store = store
        self.document = document
        self.resolver = Resolver(store)

    def spec(self) -> Spec:
        """Return the finished representation."""
        document = self.document
        drafts = [self._draft(item) for item in document.messages]
        operations = tuple(self._operation(item) for item in document.operations)
        for key, node in document.schemas:
            self.resolver.root_type(node, pascal(key))
        self.resolver.finish()
        messages = [
            self._facts(item, draft) for item, draft in zip(document.messages, drafts, strict=True)
        ]
        types = self._types(messages, operations)
        wire_types = {item.wire for item in messages if item.role == "event"}
        errors, machines = document.error_codes, document.state_machines
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
            shapes=build_shapes(types, {item.name: item for item in messages}),
            union_shapes=build_unions(types),
            errors=read_errors(self.store, errors) if errors else None,
            machines=read_machines(self.store, machines, wire_types) if machines else None,
            diagnostics=tuple(sorted(self.resolver.diagnostics)),
            sha256=self.store.digest(),
            store=self.store,
            _by_name={item.name: item for item in types},
        )

    def _draft(self, item: MessageNode) -> Message:
        if item.role == "event" and item.wire == UNKNOWN_EVENT:
            message = f"{UNKNOWN_EVENT!r} is the word for events that are not known"
            raise refuse(item.node.file, item.node.pointer, "reserved-word", message)
        struct = self.resolver.struct(item.schema, item.role, pascal(item.wire))
        document = self.document
        tag = document.action_tag if item.role == "action" else document.event_tag
        field = struct.field(tag)
        if field is None or not field.required or field.type != Const("string", item.wire):
            message = f"{tag!r} must be required and have the const {item.wire!r}"
            raise refuse(item.schema.file, item.schema.pointer, "tag-const", message)
        return Message(
            wire=item.wire,
            role=item.role,
            name=struct.name,
            tag=tag,
            doc=struct.doc,
            turn=item.turn,
            file=item.schema.file,
        )

    def _facts(self, item: MessageNode, draft: Message) -> Message:
        if draft.role == "action":
            return draft
        struct = self.resolver.types[draft.name]
        assert isinstance(struct, Struct)
        facts = FactReader(item.schema, struct, self.resolver.types).read()
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
        events = {message.wire: message for message in self.document.messages}
        for wire in item.replies:
            if wire not in events or events[wire].role != "event":
                message = f"the reply {wire!r} is no event of the document"
                raise refuse(item.node.file, item.node.pointer, "asyncapi-reply", message)
        if item.result is None:
            return Operation(action=item.action, replies=item.replies)
        wire = item.result.event
        if wire not in item.replies:
            message = f"x-result names {wire!r}, which is no reply of {item.action!r}"
            raise refuse(item.result.node.file, item.result.node.pointer, "x-result", message)
        if item.result.schema is None:
            struct = self.resolver.struct(events[wire].schema, "event", pascal(wire))
        else:
            hint = pascal(item.action) + "Result"
            struct = self.resolver.struct(item.result.schema, "result", hint)
        result = Result(event=wire, at=pointer_path(item.result.at), type=Ref(struct.name))
        return Operation(action=item.action, replies=item.replies, result=result)

    def _types(
        self, messages: list[Message], operations: tuple[Operation, ...]
    ) -> tuple[TypeDef, ...]:
        types = self.resolver.types
        writes = [item.name for item in messages if item.role == "action"]
        reads = [item.name for item in messages if item.role == "event"]
        reads += [item.result.type.name for item in operations if item.result]
        way = directions(types, reads, writes)
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
