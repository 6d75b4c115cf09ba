"""Whether a value fits a schema: `jsonschema` decides, a faster engine where the two must agree."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import jsonschema_rs
from jsonschema import Draft202012Validator, ValidationError
from jsonschema.validators import extend

from wiregen.load import walk
from wiregen.metaschema import compiles

Json = Any
# Texts with numbers or characters that the engines hold differently.
_DELICATE = re.compile(r"\d{15}|[eE][+]?\d{3}|\\u[dD]|[\ud800-\udfff]")


def _pattern(_: Any, pattern: str, instance: Json, __: Json) -> Iterator[ValidationError]:
    """Try a pattern; one that this engine does not understand asks for nothing."""
    # The end of a text, in the words of JSON Schema; here `$` would let a line break follow.
    own = pattern[:-1] + r"\Z" if re.search(r"(?<!\\)(\\\\)*\$$", pattern) else pattern
    if isinstance(instance, str) and compiles(own) and not re.search(own, instance):
        yield ValidationError(f"{instance!r} does not match {pattern!r}")


def _properties(
    validator: Any, properties: Json, instance: Json, _: Json
) -> Iterator[ValidationError]:
    """Look at the members that are there; of thousands that are declared most are not."""
    if isinstance(instance, dict):
        for name in [name for name in instance if name in properties]:
            yield from validator.descend(
                instance[name], properties[name], path=name, schema_path=name
            )


_Validator: Any = extend(  # type: ignore[no-untyped-call]
    Draft202012Validator, {"pattern": _pattern, "properties": _properties}
)


class Validity:
    """Tells of texts whether their values fit one schema.

    The faster engine is asked only where no pattern, no number beyond 53 bits and no half of a
    surrogate pair is in play.
    """

    def __init__(self, schema: Json) -> None:
        self._exact = _Validator(schema)
        plain = not any(
            isinstance(value, dict) and {"pattern", "patternProperties"} & value.keys()
            for _, value, _ in walk(schema)
        )
        self._quick = (
            jsonschema_rs.Draft202012Validator(schema, validate_formats=False) if plain else None
        )

    def fits(self, text: str, value: Json) -> bool:
        """Return whether ``value``, written as ``text``, fits."""
        if self._quick is not None and not _DELICATE.search(text):
            return self._quick.is_valid(value)
        return bool(self._exact.is_valid(value))


__all__ = ["Validity"]
