"""The specification as the harness reads it: schemas, error table, machines, rules.

Everything here comes from ``spec/`` itself, not from generated code, so that a fault of the
generator cannot hide from the judges.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import jsonschema_rs

from conform.documents import CaseError, load_yaml

Tree = dict[str, Any]
ROOT = Path(__file__).resolve().parents[3]
TERMINAL_TYPES = frozenset({"eventual_response", "cancelled", "error"})


@dataclass(frozen=True)
class ErrorCode:
    """One row of ``errors.yaml``: what a server's error code means to a client."""

    kind: str
    terminal: str
    verbs: tuple[str, ...] = ()


@dataclass
class Spec:
    """The parts of ``spec/`` that judges need. ``root`` is the folder."""

    root: Path
    documents: dict[Path, Tree] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for path in sorted(self.root.rglob("*.schema.json")):
            try:
                self.documents[path] = json.loads(path.read_text(encoding="utf-8"))
            except json.JSONDecodeError as error:
                raise CaseError(f"{path}:{error.lineno}: {error.msg}") from None

    @cached_property
    def machine(self) -> Tree:
        """``machine.yaml``: the machines, and which frame answers which verb."""
        tree: Tree = load_yaml(self.root / "machine.yaml")
        return tree

    @cached_property
    def codes(self) -> dict[str, ErrorCode]:
        """Error codes by their word."""
        rows = load_yaml(self.root / "errors.yaml")["codes"]
        return {r["code"]: ErrorCode(r["kind"], r["terminal"], tuple(r["verbs"])) for r in rows}

    def code(self, word: str) -> ErrorCode:
        """Return the row of a code; an unknown one is terminal and of kind protocol."""
        return self.codes.get(word, ErrorCode("protocol", "always"))

    @cached_property
    def rules(self) -> dict[str, str]:
        """Sentences of ``behaviour.md`` by REQ id."""
        text = (self.root / "behaviour.md").read_text(encoding="utf-8")
        return dict(re.findall(r"^- \*\*(REQ-[A-Z]+-\d+)\*\* (.+)$", text, re.MULTILINE))

    def _by_word(self, folder: str, member: str) -> dict[str, tuple[Path, Tree]]:
        found = {}
        for path, doc in self.documents.items():
            if path.parent.name == folder:
                found[doc["properties"][member]["const"]] = (path, doc)
        return found

    @cached_property
    def events(self) -> dict[str, tuple[Path, Tree]]:
        """File and schema of every event, by its type."""
        return self._by_word("events", "type")

    @cached_property
    def actions(self) -> dict[str, tuple[Path, Tree]]:
        """File and schema of every action, by its word."""
        return self._by_word("actions", "action")

    def result(self, action: str) -> tuple[Path, Tree]:
        """File and schema of the answer to a call."""
        path, doc = self.actions[action]
        return path, doc["$defs"]["Response"]

    def follow(self, path: Path, schema: Tree) -> tuple[Path, Tree]:
        """Resolve ``$ref`` until a schema without one is found."""
        while "$ref" in schema:
            name, _, pointer = schema["$ref"].partition("#")
            path = (path.parent / name).resolve() if name else path
            schema = self.documents[path]
            for step in pointer.split("/")[1:]:
                schema = schema[step]
        return path, schema

    @cached_property
    def _registry(self) -> jsonschema_rs.Registry:
        return jsonschema_rs.Registry([(doc["$id"], doc) for doc in self.documents.values()])

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


def load_spec(root: Path | None = None) -> Spec:
    """Load the specification of this repository, or the one under ``root``."""
    return Spec(root or ROOT / "spec")
