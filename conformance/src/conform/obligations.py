"""What a schema obliges somebody to cope with, and which of it a frame shows.

An obligation is a fork of the schema: an optional member there or not, each word of an enumeration,
both booleans, null or a value, a list of none, one or several, each branch of a union.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from conform.spec import Spec, Tree

MANY = 2
TYPES: dict[str, type | tuple[type, ...]] = {
    "object": dict,
    "array": list,
    "string": str,
    "boolean": bool,
    "integer": int,
    "number": (int, float),
    "null": type(None),
}


class Walker:
    """Walks schemas of one specification."""

    def __init__(self, spec: Spec) -> None:
        self.spec = spec

    def obligations(self, path: Path, schema: Tree, at: str) -> Iterator[str]:
        """Yield every obligation below a schema."""
        path, schema = self.spec.follow(path, schema)
        for word in schema.get("enum", []):
            yield f"{at} = {word!r}"
        kinds = _kinds(schema)
        if "null" in kinds and len(kinds) > 1:
            yield f"{at} null"
            yield f"{at} not null"
        if kinds == ["boolean"] and "const" not in schema:
            yield f"{at} = True"
            yield f"{at} = False"
        if "array" in kinds and "items" in schema:
            least = schema.get("minItems", 0)
            yield from (f"{at} of {n}" for n in ("none", "one", "several")[min(least, MANY) :])
            yield from self.obligations(path, schema["items"], f"{at}/*")
        for index, branch in enumerate(_branches(schema)):
            yield f"{at} branch {index + 1}"
            yield from self.obligations(path, branch, f"{at}[{index + 1}]")
        for name, inner in schema.get("properties", {}).items():
            yield f"{at}/{name} there"
            if name not in schema.get("required", []):
                yield f"{at}/{name} absent"
            yield from self.obligations(path, inner, f"{at}/{name}")

    def shown(self, path: Path, schema: Tree, value: Any, at: str) -> Iterator[str]:
        """Yield every obligation that a value shows."""
        path, schema = self.spec.follow(path, schema)
        if isinstance(value, str | int | bool):
            yield f"{at} = {value!r}"
        yield f"{at} null" if value is None else f"{at} not null"
        if isinstance(value, list):
            yield f"{at} of {('none', 'one', 'several')[min(len(value), MANY)]}"
            for each in value:
                yield from self.shown(path, schema.get("items", {}), each, f"{at}/*")
        for index, branch in enumerate(_branches(schema)):
            if self._fits(path, branch, value):
                yield f"{at} branch {index + 1}"
                yield from self.shown(path, branch, value, f"{at}[{index + 1}]")
        if isinstance(value, dict):
            for name, inner in schema.get("properties", {}).items():
                yield f"{at}/{name} {'there' if name in value else 'absent'}"
                if name in value:
                    yield from self.shown(path, inner, value[name], f"{at}/{name}")

    def _fits(self, path: Path, schema: Tree, value: Any) -> bool:
        _, schema = self.spec.follow(path, schema)
        kinds = _kinds(schema)
        fits = not kinds or any(isinstance(value, TYPES[kind]) for kind in kinds)
        wanted = schema.get("required", [])
        return fits and (not isinstance(value, dict) or all(name in value for name in wanted))


def _kinds(schema: Tree) -> list[str]:
    kind = schema.get("type", [])
    return [kind] if isinstance(kind, str) else list(kind)


def _branches(schema: Tree) -> list[Tree]:
    return [branch for word in ("oneOf", "anyOf") for branch in schema.get(word, [])]
