"""Read an AsyncAPI document: messages, who sends them, what answers them, and our `x-` words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import Any, Literal

from wiregen.errors import Diagnostic, pointer_path, refuse
from wiregen.keywords import ANNOTATIONS
from wiregen.load import Node, Store
from wiregen.reading import AS_WRITTEN, Reading
from wiregen.tags import branches, candidates, constants, word_of

Json = Any
Role = Literal["event", "action"]
_FORMATS = ("application/schema+", "application/vnd.aai.asyncapi")
TABLES = ("x-error-codes", "x-state-machines", "x-options", "x-capabilities")
TURN_WORDS: dict[Role, tuple[str, ...]] = {
    "action": ("opens", "resumes", "stops"),
    "event": (
        *("terminal", "terminal_by_code", "parks", "streams"),
        *("acknowledges", "asks", "answers"),
    ),
}


@dataclass(frozen=True, slots=True)
class MessageNode:
    """A message of the document: wire name, role and the schema of its payload."""

    wire: str
    role: Role
    turn: str | None
    node: Node
    schema: Node
    twin: bool = False
    """Whether a message of the other role has the same word."""


@dataclass(frozen=True, slots=True)
class ResultNode:
    """An `x-result`: the event, the place in it, and the schema (None = the event itself)."""

    event: str
    at: str
    node: Node
    schema: Node | None


@dataclass(frozen=True, slots=True)
class OperationNode:
    """A call of the client with its possible answers."""

    action: str
    replies: tuple[str, ...]
    result: ResultNode | None
    node: Node


@dataclass(frozen=True, slots=True)
class Document:
    """The parts of an AsyncAPI document that matter here."""

    title: str
    version: str
    doc: str
    action_tag: str
    event_tag: str
    correlation: tuple[str, ...]
    messages: tuple[MessageNode, ...]
    operations: tuple[OperationNode, ...]
    schemas: tuple[tuple[str, Node], ...]
    asked: frozenset[str]
    """Keys of the schemas that are printed though no message leads to them (`x-emit`)."""
    tables: Mapping[str, str]
    """Files of the tables beside the schemas, by the word that names them (`TABLES`)."""
    notes: tuple[Diagnostic, ...] = ()
    """What was read otherwise than it is written."""


def _mapping(node: Node, what: str) -> dict[str, Json]:
    if not isinstance(node.value, dict):
        raise refuse(node.file, node.pointer, "asyncapi-shape", f"{what} must be an object")
    return node.value


def _said(node: Node, key: str) -> str:
    """Return a text that may be missing; a number is its digits, as YAML reads `version: 1.0`."""
    value = _mapping(node, "it").get(key, "")
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        place = node.child(key)
        raise refuse(place.file, place.pointer, "asyncapi-shape", f"{key!r} must be a text")
    return str(value)


def _text(node: Node, key: str, what: str) -> str:
    value = _mapping(node, what).get(key)
    if not isinstance(value, str) or not value:
        message = f"{what} needs {key!r}, a non-empty string"
        raise refuse(node.file, node.pointer, "asyncapi-shape", message)
    return value


class Reader:
    """Reads one document; every fault names the place in it."""

    section = "/operations"
    no_events = (
        "no message comes from the server: an operation says what the server does, "
        "`action: send` for what clients read and `receive` for what they write; "
        "a document that says what a client does is read with --side client"
    )

    def __init__(self, store: Store, name: str, reading: Reading = AS_WRITTEN) -> None:
        self.store = store
        self.reading = reading
        self.root = store.document(name)
        _mapping(self.root, "the document")
        self.action_tag, self.event_tag = "", ""
        self.notes: list[Diagnostic] = []
        self._worded: dict[str, str] = {}

    def read(self) -> Document:
        """Return the document's messages and operations."""
        self._section("info")
        info_node = self.root.child("info") if "info" in self.root.value else self.root
        self.action_tag, self.event_tag = self._discriminator()
        messages: dict[tuple[str, str], MessageNode] = {}
        operations: dict[str, OperationNode] = {}
        replies: list[MessageNode] = []
        for operation in self._operations():
            replies += self._operation(operation, messages, operations)
        for reply in replies:  # what no operation lists comes after all that one does
            _add(messages, reply)
        if not any(role == "event" for role, _ in messages):
            raise refuse(self.root.file, self.section, "asyncapi-no-events", self.no_events)
        words = Counter(wire for _, wire in messages)
        found = [replace(item, twin=words[item.wire] > 1) for item in messages.values()]
        return Document(
            title=_text(info_node, "title", "info"),
            version=_said(info_node, "version"),
            doc=_said(info_node, "description"),
            action_tag=self.action_tag,
            event_tag=self.event_tag,
            correlation=self._correlation(),
            messages=tuple(found),
            operations=tuple(operations.values()),
            schemas=tuple((key, self._schema(node)) for key, node in self._components()),
            asked=frozenset(key for key, node in self._components() if _asked(node)),
            tables={key: self._file(key) for key in TABLES if key in self.root.value},
            notes=tuple(self.notes),
        )

    def _file(self, key: str) -> str:
        """Return the file of tables that a word of the document names."""
        node = self.root.child(key)
        if not isinstance(node.value, str) or not node.value:
            message = f"{key!r} names a file of tables, as `{key}: tables.yaml`"
            raise refuse(node.file, node.pointer, "asyncapi-shape", message)
        return self.store.beside(node, node.value)

    def _section(self, key: str) -> dict[str, Json]:
        if key not in self.root.value:
            message = f"the document has no {key!r}"
            if key == "operations":
                message += ": say there which messages the server sends and which it receives"
            raise refuse(self.root.file, "", "asyncapi-shape", message)
        return _mapping(self.root.child(key), key)

    def _operations(self) -> list[Node]:
        """Return all operations, behind their references."""
        keys = self._section("operations")
        return [self._deref(self.root.child("operations", key)) for key in keys]

    def _role(self, node: Node) -> Role:
        """Return what the messages of an operation are."""
        direction = _mapping(node, "an operation").get("action")
        if direction not in ("receive", "send"):
            message = "an operation's action must be 'receive' or 'send'"
            raise refuse(node.file, node.pointer, "asyncapi-shape", message)
        own = "send" if self.reading.side == "client" else "receive"
        return "action" if direction == own else "event"

    def _discriminator(self) -> tuple[str, str]:
        found: set[tuple[str, str]] = set()
        if self.reading.discriminator and self.reading.tags() is None:
            message = "--discriminator is a property name or receive=NAME,send=NAME"
            raise refuse("", "", "usage", message)
        said = self.root.value.get("x-discriminator")
        for key in self._section("channels"):
            node = self._deref(self.root.child("channels", key))
            value = _mapping(node, "a channel").get("x-discriminator", said)
            if isinstance(value, str) and value:
                found.add((value, value))
            elif isinstance(value, dict) and _both_ways(value):
                found.add((value["receive"], value["send"]))
            elif value is None and (given := self.reading.tags()):
                found.add(given)
            elif value is None and self._messages_of(node):
                raise self._untold(node)
            elif value is None:
                continue
            else:
                message = "x-discriminator must be a property name or {receive: name, send: name}"
                raise refuse(node.file, node.pointer, "asyncapi-discriminator", message)
        if not found:
            message = "no channel has messages: list them under `messages` of a channel"
            raise refuse(self.root.file, "/channels", "asyncapi-discriminator", message)
        if len(found) != 1:
            message = "all channels must share one x-discriminator; one wire, one way to tell"
            raise refuse(self.root.file, "/channels", "asyncapi-discriminator", message)
        return found.pop()

    def _untold(self, channel: Node) -> Exception:
        """Say of a channel without x-discriminator which members would do."""
        schemas = [
            self._schema(message.child("payload"))
            for message in self._messages_of(channel)
            if isinstance(message.value, dict) and "payload" in message.value
        ]
        found = candidates(self.store, schemas)
        message = (
            "x-discriminator must say which member names a message, as `x-discriminator: type`, "
            "or --discriminator type on the command line"
        )
        if found:
            message += f"; every message here has a constant at {' and at '.join(map(repr, found))}"
        else:
            message += (
                "; no member of these payloads is a constant in each of them: give every message "
                "one, as `type: {const: ping}`"
            )
        return refuse(channel.file, channel.pointer, "asyncapi-discriminator", message)

    def _correlation(self) -> tuple[str, ...]:
        found: dict[str, None] = {}
        for key in self._section("channels"):
            node = self._deref(self.root.child("channels", key))
            listed = node.value.get("x-correlation", [])
            if not isinstance(listed, list) or not all(
                isinstance(item, str) and item.startswith("/") for item in listed
            ):
                message = "x-correlation must be a list of JSON Pointers"
                raise refuse(node.file, node.pointer, "asyncapi-correlation", message)
            found |= dict.fromkeys(listed)
        return tuple(found)

    def _deref(self, node: Node) -> Node:
        seen: set[str] = set()
        while isinstance(node.value, dict) and "$ref" in node.value:
            if node.uri in seen:
                raise refuse(node.file, node.pointer, "ref-cycle", "the $ref leads in a circle")
            seen.add(node.uri)
            if not isinstance(node.value["$ref"], str):
                raise refuse(node.file, node.pointer, "asyncapi-shape", "$ref must be a string")
            target = self.store.resolve(node, node.value["$ref"])
            if not target.pointer and target.file == self.root.file:
                message = "the $ref leads to the document itself, not to a part of it"
                raise refuse(node.file, node.pointer, "ref-dangling", message)
            node = target
        return node

    def _operation(
        self,
        node: Node,
        messages: dict[tuple[str, str], MessageNode],
        operations: dict[str, OperationNode],
    ) -> list[MessageNode]:
        """Add the messages and calls of an operation; return what replies to it."""
        role = self._role(node)
        other: Role = "event" if role == "action" else "action"
        own = [item for listed in self._listed(node) for item in self._message(listed, role)]
        replies = [item for listed in self._replies(node) for item in self._message(listed, other)]
        for found in own:
            _add(messages, found)
        for found in own if role == "action" else replies:
            words = tuple(item.wire for item in replies) if role == "action" else ()
            known_as = operations.get(found.wire)
            call = OperationNode(found.wire, words, self._result(node), node)
            if known_as is not None:
                words = tuple(dict.fromkeys((*known_as.replies, *words)))
                call = replace(known_as, replies=words, result=known_as.result or call.result)
            operations[found.wire] = call
        return replies

    def _listed(self, node: Node) -> list[Node]:
        """Return the messages of an operation or a reply: those listed, else its channel's."""
        value = _mapping(node, "an operation, or its reply,")
        if "messages" not in value and "channel" in value:
            return self._messages_of(self._deref(node.child("channel")))
        listed = value.get("messages", [])
        if not isinstance(listed, list):
            raise refuse(node.file, node.pointer, "asyncapi-shape", "'messages' must be a list")
        return [self._traits(node.child("messages", index)) for index in range(len(listed))]

    def _messages_of(self, channel: Node) -> list[Node]:
        listed = _mapping(channel, "a channel").get("messages", {})
        if not isinstance(listed, dict):
            message = "'messages' must be an object"
            raise refuse(channel.file, channel.pointer, "asyncapi-shape", message)
        return [self._traits(channel.child("messages", key)) for key in listed]

    def _replies(self, node: Node) -> list[Node]:
        return self._listed(self._deref(node.child("reply"))) if "reply" in node.value else []

    def _traits(self, node: Node) -> Node:
        """Return a message with what its traits say; what it says itself counts."""
        node = self._deref(node)
        value = _mapping(node, "a message")
        listed = value.get("traits", [])
        if not isinstance(listed, list):
            raise refuse(node.file, node.pointer, "asyncapi-shape", "'traits' must be a list")
        out: dict[str, Json] = {}
        for index in range(len(listed)):
            out |= _mapping(self._deref(node.child("traits", index)), "a trait")
        return Node(node.file, node.pointer, {**out, **value}) if out else node

    def _message(self, node: Node, role: Role) -> list[MessageNode]:
        """Return the message, or those that its payload is one of."""
        turn = node.value.get("x-turn")
        if turn is not None and turn not in TURN_WORDS[role]:
            words = ", ".join(TURN_WORDS[role])
            message = f"x-turn of an {role} must be one of {words}; found {turn!r}"
            raise refuse(node.file, node.pointer, "asyncapi-x-turn", message)
        if "payload" not in node.value:
            message = f"{self._key(node)!r} has no payload: add one, as `payload: {{type: object}}`"
            raise refuse(node.file, node.pointer, "asyncapi-shape", message)
        self._say_content(node)
        schema = self._payload(node)
        tag = self.action_tag if role == "action" else self.event_tag
        parts = branches(self.store, schema, tag)
        if parts:
            return [MessageNode(wire, role, turn, node, part) for wire, part in parts]
        # The wire counts: a message's name may be anybody's word for it.
        word = word_of(self.store, schema, tag)
        wire = word or self._named(node)
        if word is None or schema.uri in self._worded:
            self._say_word(schema, tag, wire if word is None else self._named(node))
        return [MessageNode(wire, role, turn, node, schema)]

    def _say_content(self, node: Node) -> None:
        """Say of a message that is not written as JSON that it is read as such."""
        said = node.value.get("contentType", self.root.value.get("defaultContentType", "json"))
        if not isinstance(said, str) or "json" not in said.lower():
            message = f"content of type {said!r}; frames are read and written as JSON text"
            found = Diagnostic(node.file, node.pointer, "asyncapi-content", message, "info")
            if found not in self.notes:
                self.notes.append(found)

    def _named(self, node: Node) -> str:
        """Return what a document calls a message that says no word itself."""
        return _text(node, "name", "a message") if "name" in node.value else self._key(node)

    def _key(self, node: Node) -> str:
        """Return the last resort for the name of a message: where it stands."""
        path = pointer_path(node.pointer)
        return path[-1] if path else PurePosixPath(node.file).stem

    def _payload(self, node: Node) -> Node:
        return self._schema(node.child("payload"))

    def _say_word(self, schema: Node, tag: str, wire: str) -> None:
        """Let the name of a message be its word where its own payload takes any text there.

        The document that was read is changed, as if its author had written the constant.
        """
        found = constants(self.store, schema).get(tag, wire)
        if not isinstance(found, str):
            message = (
                f"{tag!r} must be required and have a string as its const; it is {found!r}, and "
                "only strings name a message: keep this protocol's codes in a member of their own"
            )
            raise refuse(schema.file, schema.pointer, "tag-const", message)
        other = self._worded.get(schema.uri, wire)
        if other != wire:
            message = (
                f"the messages {other!r} and {wire!r} have one payload, which takes any text at "
                f"{tag!r}: give each a payload with its own const there"
            )
            raise refuse(schema.file, schema.pointer, "asyncapi-duplicate", message)
        members = schema.value.get("properties") if isinstance(schema.value, dict) else None
        member = members.get(tag) if isinstance(members, dict) else None
        if not isinstance(members, dict) or not isinstance(member, dict):
            return
        bounds = {"type", "minLength", "maxLength"}
        if member.get("type") != "string" or member.keys() - ANNOTATIONS - bounds:
            return
        if not member.get("minLength", 0) <= len(wire) <= member.get("maxLength", len(wire)):
            return
        self._worded[schema.uri] = wire
        members[tag] = {**member, "const": wire}
        said = f"{tag!r} takes any text; the message's name {wire!r} is taken for its word"
        place = schema.child("properties", tag)
        self.notes.append(Diagnostic(place.file, place.pointer, "tag-from-name", said, "info"))

    def _schema(self, node: Node) -> Node:
        """Return the schema of a multi-format schema object, or the node itself."""
        node = self._deref(node)
        if isinstance(node.value, dict) and "schemaFormat" in node.value:
            if "schema" not in node.value:
                message = "a multi-format schema needs 'schema'"
                raise refuse(node.file, node.pointer, "asyncapi-shape", message)
            said = str(node.value["schemaFormat"])
            self._format(node, said)
            node = self._deref(node.child("schema"))
        return node

    def _format(self, node: Node, said: str) -> None:
        """Refuse schemas of other languages, such as Avro or Protobuf."""
        if not any(word in said for word in _FORMATS):
            message = (
                f"a schema of format {said!r} is not read; write it as JSON Schema, "
                "or print it once as JSON Schema with the tools of that format"
            )
            raise refuse(node.file, node.pointer, "asyncapi-format", message)

    def _result(self, node: Node) -> ResultNode | None:
        if "x-result" not in node.value:
            return None
        result = node.child("x-result")
        event = _text(result, "message", "x-result")
        at = result.value.get("at", "")
        if not isinstance(at, str) or (at and not at.startswith("/")):
            message = f"'at' must be a JSON Pointer into the event, as '/data'; found {at!r}"
            raise refuse(result.file, result.pointer, "asyncapi-shape", message)
        schema = self._schema(result.child("schema")) if "schema" in result.value else None
        return ResultNode(event, at, result, schema)

    def _components(self) -> list[tuple[str, Node]]:
        if "components" not in self.root.value:
            return []
        components = self.root.child("components")
        if "schemas" not in _mapping(components, "components"):
            return []
        schemas = components.child("schemas")
        listed = [(key, schemas.child(key)) for key in _mapping(schemas, "schemas")]
        return [(key, node) for key, node in listed if self._is_read(node)]

    def _is_read(self, node: Node) -> bool:
        """Whether a component is a schema of a format that is read; another one is told."""
        said = node.value.get("schemaFormat") if isinstance(node.value, dict) else None
        if said is None or any(word in str(said) for word in _FORMATS):
            return True
        message = f"a schema of format {said!r} is not read; no message here can hold it"
        found = Diagnostic(node.file, node.pointer, "asyncapi-format", message, "info")
        if found not in self.notes:
            self.notes.append(found)
        return False


def _both_ways(value: dict[str, Json]) -> bool:
    """Whether it names a member of what is received, and one of what is sent."""
    return all(isinstance(value.get(key), str) and value[key] for key in ("receive", "send"))


def _asked(node: Node) -> bool:
    asked = node.value.get("x-emit", False) if isinstance(node.value, dict) else False
    if not isinstance(asked, bool):
        raise refuse(node.file, node.pointer, "asyncapi-shape", "'x-emit' must be true or false")
    return asked


def _add(messages: dict[tuple[str, str], MessageNode], found: MessageNode) -> None:
    """Add a message; refuse another payload under a word that its role has already."""
    known = messages.setdefault((found.role, found.wire), found)
    if known.schema.uri != found.schema.uri:
        message = (
            f"two {found.role}s are called {found.wire!r}, with different payloads "
            f"({known.schema.uri} is the other): write them as one message"
        )
        raise refuse(found.node.file, found.node.pointer, "asyncapi-duplicate", message)
