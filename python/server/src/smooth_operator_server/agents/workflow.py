"""The graph that an agent walks through to its answer, as its file gives it. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import jsonschema_rs

MESSAGE = "message"
"""The name by which texts of a workflow show what the person wrote."""

_NAME = re.compile(r"\{([a-z][a-z0-9_]*(?:\.[A-Za-z0-9_]+)*)\}")


@dataclass(frozen=True, slots=True)
class Node:
    """One node; ``kind`` is what its text is for.

    ``ask`` asks the model, ``tool`` calls a tool, ``person`` lets the person choose, and ``say``
    is the answer to the person: the end.
    """

    name: str
    kind: str
    text: str
    choices: tuple[str, ...] = ()
    """What the model has to choose from, or the person is offered."""

    schema: Mapping[str, Any] | None = None
    """What the answer of the model has to be, as JSON; None = its words."""

    arguments: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Edge:
    """Where to go after a node when the values are as ``when`` says; empty = whatever they are."""

    source: str
    target: str
    when: Mapping[str, Any] = field(default_factory=dict)

    def holds(self, values: Mapping[str, Any]) -> bool:
        """Tell whether the edge is taken."""
        return all(found(values, name) == wanted for name, wanted in self.when.items())


@dataclass(frozen=True, slots=True)
class Workflow:
    """Nodes, and the edges between them: the first of a node that holds is taken."""

    start: str
    nodes: Mapping[str, Node]
    edges: tuple[Edge, ...]

    def after(self, name: str) -> tuple[Edge, ...]:
        """Return the edges of a node."""
        return tuple(edge for edge in self.edges if edge.source == name)

    def fault(self) -> str | None:
        """Say what is wrong with the graph, by JSON Pointer below the workflow; None = nothing."""
        return next(self._faults(), None)

    def _faults(self) -> Iterator[str]:
        if self.start not in self.nodes:
            yield f"/start: there is no node {self.start}"
        for index, edge in enumerate(self.edges):
            for end, name in (("from", edge.source), ("to", edge.target)):
                if name not in self.nodes:
                    yield f"/edges/{index}/{end}: there is no node {name}"
            for name in edge.when:
                if name.partition(".")[0] not in self.nodes:
                    yield f"/edges/{index}/when: there is no node {name.partition('.')[0]}"
        reached = self._reached()
        for node in self.nodes.values():
            yield from self._faults_of(node, reached)

    def _faults_of(self, node: Node, reached: frozenset[str]) -> Iterator[str]:
        place, edges = f"/nodes/{node.name}", self.after(node.name)
        if node.name not in reached:
            yield f"{place}: no edge leads there"
        if node.kind == "say" and edges:
            yield f"{place}: the answer is the end; an edge goes on from it"
        if node.kind != "say" and not any(not edge.when for edge in edges):
            yield f"{place}: an edge without when is missing, for when no other holds"
        if node.schema is not None:
            try:
                answer_checks(node.schema)
            except jsonschema_rs.ValidationError as fault:
                yield f"{place}/schema: {fault.message.strip()}"
        for name in names_in([node.text, dict(node.arguments), list(node.choices)]):
            if name != MESSAGE and name.partition(".")[0] not in self.nodes:
                yield f"{place}: there is no node {name.partition('.')[0]}, which a text shows"

    def _reached(self) -> frozenset[str]:
        reached: set[str] = set()
        waiting = [self.start]
        while waiting:
            name = waiting.pop()
            if name not in reached:
                reached.add(name)
                waiting.extend(edge.target for edge in self.after(name))
        return frozenset(reached)


def found(values: Mapping[str, Any], name: str) -> Any:
    """Return a value by its name, or a member of one by its path; None when there is none."""
    value: Any = values
    for part in name.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    return value


def filled(template: Any, values: Mapping[str, Any]) -> Any:
    """Return a text, or a value with texts in it, with the values that it shows.

    A text that is one name and nothing else becomes the value itself.
    """
    match template:
        case str():
            whole = _NAME.fullmatch(template)
            if whole:
                return found(values, whole[1])
            return _NAME.sub(lambda name: shown(found(values, name[1])), template)
        case Mapping():
            return {key: filled(value, values) for key, value in template.items()}
        case list() | tuple():
            return [filled(value, values) for value in template]
    return template


def shown(value: Any) -> str:
    """Return a value as a text shows it."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def names_in(template: Any) -> Iterator[str]:
    """Yield the names that a text, or a value with texts in it, shows."""
    match template:
        case str():
            yield from _NAME.findall(template)
        case Mapping():
            for value in template.values():
                yield from names_in(value)
        case list() | tuple():
            for value in template:
                yield from names_in(value)


def answer_checks(schema: Mapping[str, Any]) -> jsonschema_rs.Validator:
    """Return what checks an answer of a model.

    Raises:
        ValidationError: the schema is none, or refers to something outside it.
    """
    return jsonschema_rs.validator_for(dict(schema), retriever=_nowhere)


def _nowhere(uri: str) -> Any:
    raise ValueError(f"{uri} is outside the schema")
