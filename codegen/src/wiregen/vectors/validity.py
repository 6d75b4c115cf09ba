"""Whether values fit the types of a specification, told by two engines that must agree.

The faster one is asked wherever they hold numbers and characters alike, else `jsonschema`.

One schema of all types is compiled once a view: a protocol's messages lead to the same types again
and again, and compiling those anew for every message is what used to take the time.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from fractions import Fraction
from functools import cache, cached_property, lru_cache
from sys import float_info
from typing import Any
from urllib.parse import quote

import jsonschema_rs
from jsonschema import Draft202012Validator, ValidationError
from jsonschema.validators import extend

from wiregen.ir import Spec
from wiregen.load import walk
from wiregen.metaschema import compiles
from wiregen.normalise import View, bundle

Json = Any
_TOKEN = re.compile(r"\\.|\[(?:\\.|[^\]\\])*\]|\$", re.DOTALL)
# Numbers that the engines may hold differently.
_LONG = re.compile(r"[0-9]{15}|[eE][+]?[0-9]{3}")
# Patterns of members that mean the same in both engines, for names without an escape.
_SIMPLE = re.compile(r"\^?(?:[A-Za-z0-9_-]|\[[A-Za-z0-9_-]+\][+*]?)*\$?")


@cache
def _finder(pattern: str) -> Callable[[str], object] | None:
    """Return what looks for a pattern; None for one that this engine does not understand."""
    # `$` is the end of a text in the words of JSON Schema; here it would let a line break follow.
    own = _TOKEN.sub(lambda token: r"\Z" if token.group() == "$" else token.group(), pattern)
    return re.compile(own).search if compiles(own) else None


def _misses(pattern: str, instance: Json) -> bool:
    """Whether a text lacks what a pattern asks for; one that is not understood asks for nothing."""
    finder = _finder(pattern)
    return isinstance(instance, str) and finder is not None and not finder(instance)


def _pattern(_: Any, pattern: str, instance: Json, __: Json) -> Iterator[ValidationError]:
    if _misses(pattern, instance):
        yield ValidationError(f"{instance!r} does not match {pattern!r}")


class _Pattern:
    """The same for the faster engine, whose own patterns are another dialect."""

    def __init__(self, _: Json, pattern: str, __: Json) -> None:
        self._wanted = pattern

    def validate(self, instance: Json) -> None:
        """Raise where a text does not match."""
        if _misses(self._wanted, instance):
            raise ValueError


def _properties(
    validator: Any, properties: Json, instance: Json, _: Json
) -> Iterator[ValidationError]:
    """Look at the members that are there; of thousands that are declared most are not."""
    if isinstance(instance, dict):
        for name in [name for name in instance if name in properties]:
            yield from validator.descend(
                instance[name], properties[name], path=name, schema_path=name
            )


def _multiple_of(
    validator: Any, step: float, instance: Json, schema: Json
) -> Iterator[ValidationError]:
    """Divide exactly where no double holds the number."""
    if not isinstance(instance, int) or abs(instance) <= float_info.max:
        yield from Draft202012Validator.VALIDATORS["multipleOf"](validator, step, instance, schema)
    elif Fraction(instance) % Fraction(str(step)):
        yield ValidationError(f"no multiple of {step}")


_Validator: Any = extend(  # type: ignore[no-untyped-call]
    Draft202012Validator,
    {"pattern": _pattern, "properties": _properties, "multipleOf": _multiple_of},
)


class Validity:
    """Tells of texts whether their values fit the types of one view.

    The slower engine is asked where a number beyond 53 bits or a half of a surrogate pair is in
    play, and of members whose names a pattern chooses.
    """

    def __init__(self, spec: Spec, view: View) -> None:
        self._schema = bundle(spec, view)
        patterns = [
            pattern
            for _, value, _ in walk(self._schema)
            if isinstance(value, dict) and isinstance(value.get("patternProperties"), dict)
            for pattern in value["patternProperties"]
        ]
        self._by_pattern = bool(patterns)
        self._simple = all(map(_SIMPLE.fullmatch, patterns))
        self._exact: dict[str, Any] = {}

    @cached_property
    def _quick(self) -> Any:
        """The faster engine over all types, each as the member of an object; None without one."""
        names = self._schema["$defs"]
        schema = {
            **self._schema,
            "properties": {name: {"$ref": f"#/$defs/{quote(name)}"} for name in names},
        }
        if not self._simple:
            return None
        try:
            return jsonschema_rs.Draft202012Validator(
                schema, validate_formats=False, keywords={"pattern": _Pattern}
            )
        except (ValueError, jsonschema_rs.ValidationError):
            return None  # a pattern that this engine cannot read

    def fits(self, name: str, text: str, value: Json) -> bool:
        """Return whether ``value``, written as ``text``, fits the type ``name``."""
        if self._quick is not None and not self._delicate(text):
            return bool(self._quick.is_valid({name: value}))
        return self.exactly(name, value)

    def exactly(self, name: str, value: Json) -> bool:
        """Return what `jsonschema` says of a value."""
        if name not in self._exact:
            self._exact[name] = _Validator({**self._schema, "$ref": f"#/$defs/{quote(name)}"})
        return bool(self._exact[name].is_valid(value))

    def _delicate(self, text: str) -> bool:
        return _delicate(text) or (self._by_pattern and "\\" in text)


@lru_cache(maxsize=8)
def _delicate(text: str) -> bool:
    """Whether the engines may hold numbers or characters of a text differently."""
    if "\\ud" in text or "\\uD" in text or _LONG.search(text):
        return True
    try:
        text.encode()
    except UnicodeEncodeError:  # half of a surrogate pair
        return True
    return False


__all__ = ["Validity"]
