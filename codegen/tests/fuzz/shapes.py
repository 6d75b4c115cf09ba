"""The grammar of shapes: schemas of every kind that a document may hold."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .texts import Draw

Json = Any
_DEPTH = 2
_FORMATS = ("uuid", "date-time", "email", "uri", "int32", "int64", "uint64", "float", "byte")
_PATTERNS = ("^a", "^[a-z]*$", r"^\d+$", r"\p{L}", "(?=a)b", "[", r"^\w+@\w+$", "a\nb", '"', "*/")
_BOUNDS = (0, 1, -1, 10, 100, 2**31, 2**53, 2**53 + 1, 2**63 - 1, 2**64, -(2**63), 0.5, 1e300)
_VALUES: tuple[Json, ...] = (
    None,
    True,
    False,
    0,
    1,
    -1,
    1.0,
    0.1,
    2**70,
    "",
    [],
    {},
    [1],
    {"a": 1},
)


class Shapes:
    """Draws schemas; `parts` are the names of those that every schema may refer to."""

    def __init__(self, draw: Draw, parts: list[str]) -> None:
        self.draw = draw
        self.parts = parts
        self._makers: tuple[tuple[int, Callable[[int], Json]], ...] = (
            (6, self._text),
            (4, self._number),
            (2, self._enum),
            (1, self._const),
            (4, self.object),
            (2, self._list),
            (2, self._map),
            (4, self.ref),
            (3, self._tagged),
            (1, self._keyed),
            (2, self._choice),
            (2, self._all_of),
            (1, self._any),
        )

    def schema(self, depth: int = 0) -> Json:
        """Return a schema of any kind, with words beside it."""
        makers = [it for it in self._makers if depth < _DEPTH or it[1] in self._leaves()]
        weights = [weight for weight, _ in makers]
        found = self.draw.choices([maker for _, maker in makers], weights)[0](depth)
        return self._worded(found) if isinstance(found, dict) else found

    def _leaves(self) -> tuple[Callable[[int], Json], ...]:
        return (self._text, self._number, self._enum, self._const, self.ref, self._any)

    def _often(self, share: float) -> bool:
        return self.draw.random() < share

    def _worded(self, found: Json) -> Json:
        """Add words that bind nobody, and now and then a keyword that does."""
        draw = self.draw
        words: tuple[tuple[float, str, Callable[[], Json]], ...] = (
            (0.2, "description", draw.text),
            (0.03, "default", self._value),
            (0.03, "examples", lambda: [self._value()]),
            (0.02, "deprecated", lambda: True),
            (0.02, "$comment", draw.text),
            (0.02, "x-name", lambda: draw.choice((draw.name(), {"go": draw.name(), "*": "other"}))),
            (0.02, "x-secret", lambda: True),
            (0.02, "x-reader-optional", lambda: True),
            (0.02, draw.name() or "empty", lambda: draw.choice(_VALUES)),
            (0.01, "not", lambda: {"required": [draw.name()]}),
            (0.01, "if", lambda: {"properties": {draw.name(): {"const": draw.name()}}}),
            (0.01, "patternProperties", lambda: {"^x-": {"type": "string"}}),
            (0.01, "unevaluatedProperties", lambda: False),
            (0.01, "dependentRequired", lambda: {draw.name(): [draw.name()]}),
        )
        for share, word, value in words:
            if word not in found and self._often(share):
                found[word] = value()
        if found.get("type", "null") != "null" and self._often(0.08):
            kinds = found["type"]
            found["type"] = [kinds, "null"] if isinstance(kinds, str) else kinds
        return found

    def _value(self) -> Json:
        return self.draw.name() if self._often(0.5) else self.draw.choice(_VALUES)

    def _text(self, _: int) -> Json:
        found: Json = {"type": "string"}
        if self._often(0.2):
            found["format"] = self.draw.choice((*_FORMATS, self.draw.name()))
        if self._often(0.1):
            found["pattern"] = self.draw.choice(_PATTERNS)
        if self._often(0.1):
            found |= {"minLength": 1, "maxLength": self.draw.choice((1, 20, 2**40))}
        return found

    def _number(self, _: int) -> Json:
        found: Json = {"type": self.draw.choice(("integer", "integer", "number", "boolean"))}
        if found["type"] != "boolean":
            for word in ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"):
                if self._often(0.1):
                    found[word] = self.draw.choice(_BOUNDS)
            if self._often(0.1):
                found["format"] = self.draw.choice(_FORMATS)
            if self._often(0.05):
                found["multipleOf"] = self.draw.choice((1, 2, 0.01))
        return found

    def _enum(self, _: int) -> Json:
        values: list[Json] = list(self.draw.names(1, 5))
        if self._often(0.1):
            values.append(None)
        if self._often(0.05):
            values += [1, True]
        found: Json = {"enum": values}
        if self._often(0.5):
            found["type"] = "string"
        if self._often(0.4):
            found["title"] = self.draw.name()
        if self._often(0.05):
            found["x-names"] = {value: self.draw.name() for value in values[:1] if value}
        return found

    def _const(self, _: int) -> Json:
        return {"const": self._value()}

    def _any(self, _: int) -> Json:
        return self.draw.choice(({}, True, {"type": "null"}, {"type": "object"}, {"type": "array"}))

    def ref(self, depth: int) -> Json:
        """Return a reference to one of the parts."""
        if not self.parts:
            return self._text(depth)
        name = self.draw.choice(self.parts).replace("~", "~0").replace("/", "~1")
        return {"$ref": f"#/components/schemas/{percent(name)}"}

    def _list(self, depth: int) -> Json:
        found: Json = {"type": "array", "items": self.schema(depth + 1)}
        if self._often(0.1):
            found["minItems"] = self.draw.choice((0, 1, 3))
        if self._often(0.05):
            found["prefixItems"] = [self.schema(depth + 1)]
        return found

    def _map(self, depth: int) -> Json:
        return {"type": "object", "additionalProperties": self.schema(depth + 1)}

    def object(self, depth: int) -> Json:
        """Return an object with members."""
        names = self.draw.names(0, 3)
        found: Json = {
            "type": "object",
            "properties": {name: self.schema(depth + 1) for name in names},
        }
        if self._often(0.7):
            found["required"] = [name for name in names if self._often(0.5)]
        if self._often(0.3):
            found["title"] = self.draw.name()
        if self._often(0.3):
            found["additionalProperties"] = self.draw.choice((False, True, {"type": "string"}))
        return found

    def _tagged(self, depth: int) -> Json:
        """Return a union whose branches have a constant each."""
        tag = self.draw.name()
        kind = self.draw.random()
        marks: list[Json] = list(self.draw.names(2, 4))
        if kind < 0.1:
            marks = [True, False]
        elif kind < 0.2:
            marks = [1, 2, 300]
        branches = []
        for mark in marks:
            branch = self.object(depth + 1)
            branch["properties"][tag] = {"const": mark} if self._often(0.8) else {"enum": [mark]}
            branch["required"] = [*dict.fromkeys([*branch.get("required", ()), tag])]
            branches.append(branch)
        if self._often(0.1):
            branches.append({"type": "null"})
        found: Json = {self.draw.choice(("oneOf", "anyOf")): branches}
        if self._often(0.3):
            found["title"] = self.draw.name()
        if self._often(0.1):
            found["discriminator"] = {"propertyName": tag}
        if self._often(0.1):
            found |= {"type": "object", "properties": {self.draw.name(): self.schema(depth + 1)}}
        return found

    def _keyed(self, depth: int) -> Json:
        branches = []
        for name in self.draw.names(2, 3):
            properties = {name: self.schema(depth + 1)}
            branches.append({"type": "object", "properties": properties, "required": [name]})
        return {"oneOf": branches}

    def _choice(self, depth: int) -> Json:
        """Return a union of anything: told apart by JSON types, or not at all, or of one branch."""
        branches = [self.schema(depth + 1) for _ in range(self.draw.randint(1, 3))]
        return {self.draw.choice(("oneOf", "anyOf")): branches}

    def _all_of(self, depth: int) -> Json:
        """Return what fits several schemas; seldom what fits none, as a part may be anything."""
        makers = (self.ref, self.object, self.object, self.object)
        parts = [self.draw.choice(makers)(depth + 1) for _ in range(2)]
        found: Json = {"allOf": parts[: self.draw.randint(1, 2)]}
        if self._often(0.3):
            found |= self.object(depth + 1)
        return found


def percent(text: str) -> str:
    """Return a pointer as it stands in a URI."""
    return "".join(
        char if char.isascii() and (char.isalnum() or char in "-._~/") else _hex(char)
        for char in text
    )


def _hex(char: str) -> str:
    return "".join(f"%{byte:02X}" for byte in char.encode("utf-8", "surrogatepass"))
