"""The specification as the harness reads it: schemas, error table, machines, rules.

Everything here comes from ``spec/`` itself, not from generated code, so that a fault of the
generator cannot hide from the judges. What belongs to it is what ``asyncapi.yaml`` refers to,
directly or by way of others; whatever else lies in the folder counts for nothing.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import jsonschema_rs

from conform.documents import CaseError, load_yaml
from conform.home import SPEC

Tree = dict[str, Any]
TERMINAL_TYPES = frozenset({"eventual_response", "cancelled", "error"})


@dataclass(frozen=True)
class ErrorCode:
    """One row of ``errors.yaml``: what a server's error code means to a client."""

    kind: str
    terminal: str
    retryable: bool


@dataclass
class Spec:
    """The parts of ``spec/`` that judges need. ``root`` is the folder."""

    root: Path
    documents: dict[Path, Tree] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.root = self.root.resolve()
        path = self.root / "asyncapi.yaml"
        if not path.is_file():
            raise CaseError(f"{self.root}: no specification: there is no asyncapi.yaml")
        self.asyncapi: Tree = load_yaml(path)
        if not isinstance(self.asyncapi, dict) or not self.events or not self.actions:
            raise CaseError(f"{path}: the document names no actions and events")

    # --- documents --------------------------------------------------------------------------

    def _document(self, path: Path) -> Tree:
        """Read a schema file, and all that it refers to."""
        if path not in self.documents:
            try:
                tree = json.loads(path.read_text(encoding="utf-8"))
            except OSError as error:
                raise CaseError(f"{path}: {error.strerror}") from None
            except json.JSONDecodeError as error:
                raise CaseError(f"{path}:{error.lineno}: {error.msg}") from None
            self.documents[path] = tree
            for reference in _references(tree):
                name = reference.partition("#")[0]
                if name:
                    self._document((path.parent / name).resolve())
        return self.documents[path]

    def _resolve(self, node: Any) -> Any:
        """Follow references inside ``asyncapi.yaml``."""
        while isinstance(node, dict) and str(node.get("$ref", "")).startswith("#/"):
            target: Any = self.asyncapi
            for step in node["$ref"][2:].split("/"):
                target = target[step.replace("~1", "/").replace("~0", "~")]
            node = target
        return node

    def _file(self, node: Tree) -> tuple[Path, Tree]:
        """File and schema that a reference of ``asyncapi.yaml`` leads to."""
        name, _, pointer = str(node["$ref"]).partition("#")
        path = (self.root / name).resolve()
        schema = self._document(path)
        for step in pointer.split("/")[1:]:
            schema = schema[step]
        return path, schema

    def _messages(self, member: str) -> dict[str, tuple[Path, Tree]]:
        found: dict[str, tuple[Path, Tree]] = {}
        try:
            for channel in self.asyncapi["channels"].values():
                for message in self._resolve(channel)["messages"].values():
                    path, schema = self._file(_payload(self._resolve(message)))
                    word = schema.get("properties", {}).get(member, {}).get("const")
                    if word is not None:
                        found[word] = (path, schema)
        except (KeyError, TypeError, AttributeError) as error:
            file = self.root / "asyncapi.yaml"
            raise CaseError(f"{file}: a message without a payload schema ({error!r})") from None
        return found

    @cached_property
    def events(self) -> dict[str, tuple[Path, Tree]]:
        """File and schema of every event, by its type."""
        return self._messages("type")

    @cached_property
    def actions(self) -> dict[str, tuple[Path, Tree]]:
        """File and schema of every action, by its word."""
        return self._messages("action")

    @cached_property
    def answered(self) -> frozenset[str]:
        """Actions whose answer is the data of an event, by ``x-result`` (REQ-CALL-03)."""
        found = set()
        for operation in self.asyncapi["operations"].values():
            result = operation.get("x-result", {})
            if str(result.get("at", "")).startswith("/data") and "schema" in result:
                for message in operation["messages"]:
                    _, schema = self._file(_payload(self._resolve(message)))
                    found.add(schema["properties"]["action"]["const"])
        return frozenset(found)

    def result(self, action: str) -> tuple[Path, Tree]:
        """File and schema of the answer to a call."""
        path, doc = self.actions[action]
        return path, doc["$defs"]["Response"]

    @cached_property
    def added_fields(self) -> frozenset[str]:
        """Members of events and answers that only a peer is sent that listed a word for them.

        A name that other members bear as well is none: by it alone nothing is told.
        """
        read = [doc for path, doc in self.documents.items() if path.parent.name != "actions"]
        answers = [doc.get("$defs", {}) for _, doc in self.actions.values()]
        members = [pair for node in [*read, *answers] for pair in _members(node)]
        return frozenset(name for name, added in members if added) - {
            name for name, added in members if not added
        }

    def follow(self, path: Path, schema: Tree) -> tuple[Path, Tree]:
        """Resolve ``$ref`` until a schema without one is found."""
        while "$ref" in schema:
            name, _, pointer = schema["$ref"].partition("#")
            path = (path.parent / name).resolve() if name else path
            schema = self.documents[path]
            for step in pointer.split("/")[1:]:
                schema = schema[step]
        return path, schema

    # --- tables -----------------------------------------------------------------------------

    def _table(self, word: str, usual: str) -> Tree:
        path = self.root / str(self.asyncapi.get(word, usual))
        tree = load_yaml(path)
        if not isinstance(tree, dict):
            raise CaseError(f"{path}:1: must be a table")
        return tree

    @cached_property
    def machine(self) -> Tree:
        """``machine.yaml``: the machines, and which frame answers which verb."""
        return self._table("x-state-machines", "machine.yaml")

    @cached_property
    def errors(self) -> Tree:
        """``errors.yaml``: codes, kinds, words that only testees report."""
        return self._table("x-error-codes", "errors.yaml")

    @cached_property
    def codes(self) -> dict[str, ErrorCode]:
        """Error codes by their word."""
        rows = self.errors["codes"]
        return {r["code"]: ErrorCode(r["kind"], r["terminal"], r["retryable"]) for r in rows}

    @cached_property
    def kinds(self) -> dict[str, Tree]:
        """Kinds of errors by their word."""
        return {row["kind"]: row for row in self.errors["kinds"]}

    def carries(self, kind: str) -> frozenset[str]:
        """Facts that an error of a kind may have, by the table ``outcomes`` (REQ-ERR-01)."""
        rows = {row["kind"]: row for row in self.errors["outcomes"]}
        while kind not in rows:
            kind = self.kinds[kind]["parent"]
        return frozenset([*rows[kind]["always"], *rows[kind]["maybe"]])

    def end_row(self, column: str, code: int) -> Tree | None:
        """Row of ``close_codes`` for a close code (``code``) or a status (``http``)."""
        for row in self.errors["close_codes"]:
            said = row.get(column)
            first, last = said if isinstance(said, list) else (said, said)
            if first is not None and first <= code <= last:
                return dict(row)
        return None

    def close_kind(self, code: int | None) -> str:
        """Kind of what fails when a link ends with a close code."""
        row = self.end_row("code", code) if code is not None else None
        return str(row["kind"]) if row else "connection_lost"

    def http_row(self, status: int) -> Tree | None:
        """Row of ``close_codes`` for the status of a refused handshake."""
        return self.end_row("http", status)

    @cached_property
    def _options(self) -> Tree:
        return self._table("x-options", "options.yaml")

    @cached_property
    def options(self) -> dict[str, Tree]:
        """Options of a client by their name."""
        return {row["name"]: row for row in self._options["options"]}

    def bound(self, name: str) -> int:
        """A limit that nobody sets, by its name."""
        return next(int(row["value"]) for row in self._options["limits"] if row["name"] == name)

    @cached_property
    def capabilities(self) -> dict[str, Tree]:
        """Capability words with their rows."""
        rows = self._table("x-capabilities", "capabilities.yaml")["capabilities"]
        return {row["word"]: row for row in rows}

    @cached_property
    def implied(self) -> frozenset[str]:
        """Capability words that every client lists (REQ-CALL-07)."""
        rows = self.capabilities.items()
        return frozenset(
            word for word, row in rows if "always" in row["implied_by"] and "pending" not in row
        )

    def implied_by_handler(self, kind: str) -> frozenset[str]:
        """Capability words that a client lists for a handler of a kind of interaction."""
        rows = self.capabilities.items()
        return frozenset(word for word, row in rows if f"handler {kind}" in row["implied_by"])

    def listed(self, given: Tree) -> frozenset[str]:
        """Capability words of a client with these options (REQ-CALL-07, REQ-RESUME-01)."""
        on = {name: given.get(name, row["default"]) for name, row in self.options.items()}
        on["autoReconnect"] = on["autoReconnect"] and on["maxReconnectAttempts"] != 0
        rows = self.capabilities.items()
        implies = {f"option {name}" for name, value in on.items() if value}
        return self.implied | {word for word, row in rows if implies & {*row["implied_by"]}}

    def code(self, word: str) -> ErrorCode:
        """Return the row of a code, or the one for codes that are not listed (REQ-ERR-03)."""
        row = self.errors["unknown_code"]
        return self.codes.get(word, ErrorCode(row["kind"], row["terminal"], row["retryable"]))

    @cached_property
    def version(self) -> str:
        """Version of the specification."""
        return str(self.asyncapi.get("info", {}).get("version", "?"))

    @cached_property
    def rules(self) -> dict[str, str]:
        """Sentences of ``behaviour.md`` by REQ id."""
        path = self.root / "behaviour.md"
        try:
            text = path.read_text(encoding="utf-8")
        except OSError as error:
            raise CaseError(f"{path}: {error.strerror}") from None
        return dict(re.findall(r"^- \*\*(REQ-[A-Z]+-\d+)\*\* (.+)$", text, re.MULTILINE))

    # --- validation -------------------------------------------------------------------------

    @cached_property
    def _registry(self) -> jsonschema_rs.Registry:
        named = [(doc.get("$id", path.as_uri()), doc) for path, doc in self.documents.items()]
        return jsonschema_rs.Registry(named)

    @cached_property
    def _validators(self) -> dict[str, Any]:
        both = {**self.actions, **self.events}
        make = jsonschema_rs.Draft202012Validator
        return {w: make(doc, registry=self._registry) for w, (_, doc) in both.items()}

    def strict_fault(self, frame: Tree) -> str | None:
        """Say why a frame breaks the schema as written; ``None`` when it does not."""
        word = frame.get("action", frame.get("type"))
        validator = self._validators.get(word) if isinstance(word, str) else None
        if validator is None:
            return f"{word!r} is neither an action nor an event of the spec"
        for error in validator.iter_errors(frame):
            return "/" + "/".join(map(str, error.instance_path)) + f": {error.message}"
        return None

    def answer_fault(self, action: str, data: Tree) -> str | None:
        """Say why the data of an answer breaks the schema of its action."""
        _, schema = self.actions[action]
        if "Response" not in schema.get("$defs", {}):
            return None
        target = {"$ref": f"{schema['$id']}#/$defs/Response"}
        validator = jsonschema_rs.Draft202012Validator(target, registry=self._registry)
        for error in validator.iter_errors(data):
            return "/" + "/".join(map(str, error.instance_path)) + f": {error.message}"
        return None


def _payload(message: Tree) -> Tree:
    """The reference to the schema of a message of ``asyncapi.yaml``."""
    payload: Tree = message["payload"]
    return dict(payload.get("schema", payload))


def _members(node: Any) -> Iterator[tuple[str, bool]]:
    """Names of the members, each with whether it is marked with ``x-since``."""
    if isinstance(node, dict):
        for name, value in node.get("properties", {}).items():
            if isinstance(value, dict):
                yield name, "x-since" in value
    inner = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    for value in inner:
        yield from _members(value)


def _references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        reference = node.get("$ref")
        if isinstance(reference, str):
            yield reference
        for value in node.values():
            yield from _references(value)
    elif isinstance(node, list):
        for value in node:
            yield from _references(value)


def load_spec(root: Path | None = None) -> Spec:
    """Load the specification that comes with the harness, or the one under ``root``."""
    return Spec(root or SPEC)
