"""What a rule is, what it may look at, and how findings are collected and waived."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from wiregen.asyncapi import Document
from wiregen.errors import Diagnostic, Severity, pointer_path
from wiregen.ir import Spec, Struct
from wiregen.load import Node, Store, walk

Json = Any
WAIVER = "x-lint-allow"
_DATA = frozenset({"const", "enum", "default", "examples", "example", "required"})


@dataclass(frozen=True, slots=True)
class Finding:
    """Where a rule is broken and what to do."""

    file: str
    pointer: str
    message: str


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule: its id never changes its meaning."""

    id: str
    purpose: str
    check: Callable[[Context], Iterator[Finding]]
    severity: Severity = "error"


class Context:
    """The specification as the rules see it: files, schemas, and the representation."""

    def __init__(self, spec: Spec, document: Document, name: str) -> None:
        self.spec = spec
        self.document = document
        self.name = name
        self.store: Store = spec.store

    @property
    def root(self) -> Node:
        """The AsyncAPI document."""
        return self.store.document(self.name)

    @property
    def folder(self) -> Path:
        """The folder of the specification."""
        return self.store.root

    @cached_property
    def schema_files(self) -> tuple[str, ...]:
        """Files of schemas that the document leads to, in JSON or YAML, sorted."""
        tables = (*self.document.tables.values(), self.name)
        typed = {self.place(item.uri)[0] for item in self.spec.types}
        return tuple(
            name
            for name in self.store.names()
            if name not in tables and (name.endswith(".json") or name in typed)
        )

    @cached_property
    def schemas(self) -> tuple[Node, ...]:
        """Every schema object of those files and of the document itself, parents first."""
        found: dict[str, Node] = {}
        roots = [self.store.document(name) for name in self.schema_files]
        inline = [item.schema for item in self.document.messages]
        inline += [node for _, node in self.document.schemas]
        roots += [node for node in inline if node.file == self.name]
        for root in roots:
            found |= {node.uri: node for node in _schemas(root)}
        return tuple(found.values())

    def place(self, uri: str) -> tuple[str, str]:
        """Split a type's place into file and pointer."""
        file, _, pointer = uri.partition("#")
        return file, pointer

    def member(self, struct: Struct, wire: str) -> Finding:
        """Return a finding without words at a member of a struct."""
        file, pointer = self.place(struct.uri)
        return Finding(file, f"{pointer}/properties/{wire}", "")


def _schemas(root: Node) -> Iterator[Node]:
    for pointer, value, _ in walk(root.value):
        path = pointer_path(pointer)
        if isinstance(value, dict) and _is_schema(path):
            yield Node(root.file, root.pointer + pointer, value)


def _is_schema(path: tuple[str, ...]) -> bool:
    """Whether a JSON path inside a schema file leads to a schema and not to data."""
    expects_name = False
    for part in path:
        if expects_name:
            expects_name = False
        elif part in ("properties", "$defs", "definitions", "patternProperties"):
            expects_name = True
        elif part in _DATA or part.startswith("x-"):
            return False
    return not expects_name and (not path or path[-1] not in ("allOf", "anyOf", "oneOf"))


def run(context: Context, rules: Iterable[Rule]) -> tuple[Diagnostic, ...]:
    """Return all findings, sorted; those with a waiver and a reason at their place are left out."""
    found: list[Diagnostic] = []
    for rule in rules:
        found += [
            Diagnostic(item.file, item.pointer, rule.id, item.message, rule.severity)
            for item in rule.check(context)
            if not _waived(context, rule.id, item)
        ]
    return tuple(sorted(set(found)))


def _waived(context: Context, rule: str, item: Finding) -> bool:
    """Whether the schema at the place, or one around it, allows the rule with a reason."""
    if (
        not item.file.endswith((".json", ".yaml", ".yml"))
        or not (context.folder / item.file).is_file()
    ):
        return False
    value = context.store.document(item.file).value
    for part in ("", *pointer_path(item.pointer)):
        if part:
            if isinstance(value, list) and part.isdigit() and int(part) < len(value):
                value = value[int(part)]
            elif isinstance(value, dict) and part in value:
                value = value[part]
            else:
                return False
        allowed = value.get(WAIVER) if isinstance(value, dict) else None
        if isinstance(allowed, dict) and str(allowed.get(rule, "")).strip():
            return True
    return False
