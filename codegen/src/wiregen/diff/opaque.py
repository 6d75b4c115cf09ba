"""Compare what types cannot say: keywords and constructs that the resolver noted."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from wiregen.errors import Diagnostic, pointer_path
from wiregen.ir import Spec
from wiregen.keywords import ANNOTATIONS, UNTYPED

_GONE = object()
_WORDS = {
    "opaque-keyword": UNTYPED | {"additionalProperties"},
    "choice": frozenset({"anyOf", "oneOf"}),
    "opaque-pattern": frozenset({"pattern"}),
    "opaque-untyped": frozenset({"type"}),
    "object-assumed": frozenset({"type"}),
    "required-undeclared": frozenset({"required"}),
}
_NAMES = frozenset({"properties", "$defs", "patternProperties", "dependentSchemas", "definitions"})


def not_understood(old: Spec, new: Spec) -> Iterator[tuple[str, str]]:
    """Yield place and message where such a construct differs and both versions have the place."""
    noted = {(it.file, it.pointer, it.rule): it for it in (*old.diagnostics, *new.diagnostics)}
    told: set[str] = set()
    for note in noted.values():
        before, after = _at(old, note), _at(new, note)
        place = f"{note.file}#{note.pointer}"
        if before is _GONE or after is _GONE or place in told:
            continue
        words = _WORDS.get(note.rule)
        if _meaning(before, words) != _meaning(after, words):
            told.add(place)
            yield place, f"a construct that is not understood changed ({note.rule})"


def one_of_alike(spec: Spec) -> bool:
    """Whether there is a `oneOf` whose branches cannot be told apart."""
    alike = (_at(spec, it) for it in spec.diagnostics if it.rule == "opaque-union")
    return any(isinstance(value, dict) and "oneOf" in value for value in alike)


def _at(spec: Spec, note: Diagnostic) -> Any:
    if note.file not in spec.store.names():
        return _GONE
    value = spec.store.document(note.file).value
    for key in pointer_path(note.pointer):
        if isinstance(value, dict) and key in value:
            value = value[key]
        elif isinstance(value, list) and key.isdigit() and int(key) < len(value):
            value = value[int(key)]
        else:
            return _GONE
    return value


def _meaning(value: Any, words: frozenset[str] | None) -> Any:
    """Return the part of a schema that a note speaks of, without words that bind nobody."""
    if words is not None and isinstance(value, dict):
        value = {key: item for key, item in value.items() if key in words}
    return _bare(value)


def _bare(value: Any, *, names: bool = False) -> Any:
    if isinstance(value, list):
        return [_bare(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {
        key: _bare(item, names=not names and key in _NAMES)
        for key, item in value.items()
        if names or (key not in ANNOTATIONS - {"$defs", "definitions"} and not key.startswith("x-"))
    }
