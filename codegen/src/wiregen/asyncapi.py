"""Read an AsyncAPI 3 document: messages, who sends them, what answers them, and our `x-` words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from wiregen.errors import refuse
from wiregen.load import Node, Store

Json = Any
TURN_WORDS = (
    "opens",
    "resumes",
    "stops",
    "terminal",
    "terminal_by_code",
    "parks",
    "streams",
    "acknowledges",
    "asks",
    "answers",
)


@dataclass(frozen=True, slots=True)
class MessageNode:
    """A message of the document: wire name, role and the schema of its payload."""

    wire: str
    role: Literal["event", "action"]
    turn: str | None
    node: Node
    schema: Node


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
    error_codes: str | None
    state_machines: str | None


def _mapping(node: Node, what: str) -> dict[str, Json]:
    if not isinstance(node.value, dict):
        raise refuse(node.file, node.pointer, "asyncapi-shape", f"{what} must be an object")
    return node.value


def _text(node: Node, key: str, what: str) -> str:
    value = _mapping(node, what).get(key)
    if not isinstance(value, str) or not value:
        message = f"{what} needs {key!r}, a non-empty string"
        raise refuse(node.file, node.pointer, "asyncapi-shape", message)
    return value


class Reader:
    """Reads one document; every fault names the place in it."""

    def __init__(self, store: Store, name: str) -> None:
        self.store = store
        self.root = store.document(name)
        root = _mapping(self.root, "the document")
        version = root.get("asyncapi")
        if not isinstance(version, str) or not version.startswith("3."):
            message = f"'asyncapi' must be a 3.x version, found {version!r}"
            raise refuse(name, "/asyncapi", "asyncapi-version", message)

    def read(self) -> Document:
        """Return the document's messages and operations."""
        info = self._section("info")
        info_node = self.root.child("info") if "info" in self.root.value else self.root
        action_tag, event_tag = self._discriminator()
        messages: dict[str, MessageNode] = {}
        operations: list[OperationNode] = []
        for key in self._section("operations"):
            self._operation(self.root.child("operations", key), messages, operations)
        return Document(
            title=_text(info_node, "title", "info"),
            version=str(info.get("version", "")),
            doc=str(info.get("description", "")),
            action_tag=action_tag,
            event_tag=event_tag,
            correlation=self._correlation(),
            messages=tuple(messages.values()),
            operations=tuple(operations),
            schemas=tuple(self._schemas()),
            error_codes=self.root.value.get("x-error-codes"),
            state_machines=self.root.value.get("x-state-machines"),
        )

    def _section(self, key: str) -> dict[str, Json]:
        if key not in self.root.value:
            message = f"the document has no {key!r}"
            raise refuse(self.root.file, "", "asyncapi-shape", message)
        return _mapping(self.root.child(key), key)

    def _discriminator(self) -> tuple[str, str]:
        found: set[tuple[str, str]] = set()
        for key in self._section("channels"):
            node = self.root.child("channels", key)
            value = _mapping(node, "a channel").get("x-discriminator")
            if isinstance(value, str):
                found.add((value, value))
            elif isinstance(value, dict) and {"receive", "send"} <= value.keys():
                found.add((str(value["receive"]), str(value["send"])))
            else:
                message = "x-discriminator must be a property name or {receive: name, send: name}"
                raise refuse(node.file, node.pointer, "asyncapi-discriminator", message)
        if len(found) != 1:
            message = "all channels must share one x-discriminator"
            raise refuse(self.root.file, "/channels", "asyncapi-discriminator", message)
        return found.pop()

    def _correlation(self) -> tuple[str, ...]:
        found: dict[str, None] = {}
        for key in self._section("channels"):
            node = self.root.child("channels", key)
            listed = node.value.get("x-correlation", [])
            if not isinstance(listed, list) or not all(
                isinstance(item, str) and item.startswith("/") for item in listed
            ):
                message = "x-correlation must be a list of JSON Pointers"
                raise refuse(node.file, node.pointer, "asyncapi-correlation", message)
            found |= dict.fromkeys(listed)
        return tuple(found)

    def _deref(self, node: Node) -> Node:
        for _ in range(16):
            if not isinstance(node.value, dict) or "$ref" not in node.value:
                return node
            if not isinstance(node.value["$ref"], str):
                raise refuse(node.file, node.pointer, "asyncapi-shape", "$ref must be a string")
            node = self.store.resolve(node, node.value["$ref"])
        raise refuse(node.file, node.pointer, "ref-cycle", "the $ref leads in a circle")

    def _operation(
        self, node: Node, messages: dict[str, MessageNode], operations: list[OperationNode]
    ) -> None:
        value = _mapping(node, "an operation")
        direction = value.get("action")
        if direction not in ("receive", "send"):
            message = "an operation's action must be 'receive' or 'send'"
            raise refuse(node.file, node.pointer, "asyncapi-shape", message)
        role: Literal["event", "action"] = "action" if direction == "receive" else "event"
        for listed in self._listed(node):
            found = self._message(listed, role)
            known = messages.setdefault(found.wire, found)
            if known.role != role or known.schema.uri != found.schema.uri:
                message = f"the message {found.wire!r} is declared twice, differently"
                raise refuse(listed.file, listed.pointer, "asyncapi-duplicate", message)
            if role == "action":
                operations.append(self._call(node, found.wire))

    def _listed(self, node: Node) -> list[Node]:
        listed = node.value.get("messages", [])
        if not isinstance(listed, list):
            raise refuse(node.file, node.pointer, "asyncapi-shape", "'messages' must be a list")
        return [self._deref(node.child("messages", index)) for index in range(len(listed))]

    def _message(self, node: Node, role: Literal["event", "action"]) -> MessageNode:
        wire = _text(node, "name", "a message")
        turn = node.value.get("x-turn")
        if turn is not None and turn not in TURN_WORDS:
            message = f"x-turn must be one of {', '.join(TURN_WORDS)}; found {turn!r}"
            raise refuse(node.file, node.pointer, "asyncapi-x-turn", message)
        if "payload" not in node.value:
            raise refuse(node.file, node.pointer, "asyncapi-shape", f"{wire!r} has no payload")
        schema = self._schema(node.child("payload"))
        return MessageNode(wire, role, turn, node, schema)

    def _schema(self, node: Node) -> Node:
        """Return the schema of a multi-format schema object, or the node itself."""
        if isinstance(node.value, dict) and "schemaFormat" in node.value:
            if "schema" not in node.value:
                message = "a multi-format schema needs 'schema'"
                raise refuse(node.file, node.pointer, "asyncapi-shape", message)
            node = node.child("schema")
        return self._deref(node)

    def _call(self, node: Node, action: str) -> OperationNode:
        replies: list[str] = []
        if "reply" in node.value:
            reply = self._deref(node.child("reply"))
            replies = [_text(item, "name", "a message") for item in self._listed(reply)]
        return OperationNode(action, tuple(replies), self._result(node), node)

    def _result(self, node: Node) -> ResultNode | None:
        if "x-result" not in node.value:
            return None
        result = node.child("x-result")
        event = _text(result, "message", "x-result")
        at = result.value.get("at", "")
        schema = self._schema(result.child("schema")) if "schema" in result.value else None
        return ResultNode(event, at, result, schema)

    def _schemas(self) -> list[tuple[str, Node]]:
        components = self.root.value.get("components", {})
        schemas = components.get("schemas", {}) if isinstance(components, dict) else {}
        node = self.root
        return [(key, self._schema(node.child("components", "schemas", key))) for key in schemas]
