"""How Rust reads the facts of an event from its body: the expressions over envelopes and copies."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from wiregen.emit._rust_views import direct, fallback, project_option
from wiregen.ir import Accessor, AnyJson, Field, Message, Path, Ref, Spec, Struct
from wiregen.naming import member_name

BODY = "self.0.body"
Kept = Literal["sure", "option", "field"]
"""How a member is kept: as it is, in an `Option` (absent or null), in a `Field` (both)."""


def may_be_null(item: Accessor) -> bool:
    """Whether a fact that is always there may be null."""
    return item.nullable and not item.optional and not isinstance(item.type, AnyJson)


class FactReader:
    """Tells how a place of an event is read; every object around it may miss or be null."""

    def __init__(self, spec: Spec) -> None:
        self.spec = spec

    def read(self, message: Message, item: Accessor, project: str) -> str:
        """Return the body of the method of a fact: the first place that holds it counts."""
        first = item.places[0]
        if item.optional and item.nullable:
            return self._told(message, item)
        if not item.optional and self._sure(message, first):
            path = ".".join((BODY, *(name for name, _ in self._members(message, first))))
            if may_be_null(item):
                held = "as_deref" if self._field(message, first).boxed else "as_ref"
                return f"{path}.{held}(){project_option(project)}"
            return direct(path, project)
        if may_be_null(item):
            told = self._told(message, item)
            if len(item.places) > 1:
                told = f"({told})"
            return f"{told}.value(){project_option(project)}"
        read = self.option(message, first)
        for place in item.places[1:]:
            read = f"{read}.or_else(|| {self.option(message, place)})"
        read += project_option(project)
        return read if item.optional else f"{read}.{fallback(project)}"

    def option(self, message: Message, path: Path, root: str = BODY) -> str:
        """Return the value at a place as an `Option` of a reference."""
        read = "Some(self)" if root == "self" else f"Some(&{root})"
        for name, kept in self._members(message, path):
            read += _STEPS[kept].format(name)
        return f"{read}.map(|it| &**it)" if self._field(message, path).boxed else read

    def there(self, message: Message, path: Path) -> str:
        """Return whether a place holds something; null, where it is a value, is one."""
        *around, (name, kept) = self._members(message, path)
        read = "Some(self)" + "".join(_STEPS[kept].format(step) for step, kept in around)
        if kept == "field":
            return f"{read}.is_some_and(|it| !it.{name}.is_absent())"
        required = self._field(message, path).read_presence == "required"
        return f"{read}{_STEPS['sure' if required else kept].format(name)}.is_some()"

    def _told(self, message: Message, item: Accessor) -> str:
        """Return the first place that is there, as a `Field`."""
        *others, last = (self._place(message, path) for path in item.places)
        for place in reversed(others):
            last = f"match {place} {{ Field::Absent => {last}, held => held }}"
        return last

    def _place(self, message: Message, path: Path) -> str:
        *around, (name, kept) = self._members(message, path)
        read = f"Some(&{BODY})" + "".join(_STEPS[kept].format(step) for step, kept in around)
        field = f"it.{name}.as_ref()"
        boxed = self._field(message, path).boxed
        if boxed:
            value = "Field::Value(it) => Field::Value(&**it)"
            others = ", ".join(f"Field::{it} => Field::{it}" for it in ("Null", "Absent"))
            field = f"match {field} {{ {value}, {others} }}"
        held = {
            "sure": f"Field::Value(&{'*' if boxed else ''}it.{name})",
            "option": f"Field::from(it.{name}.{'as_deref' if boxed else 'as_ref'}())",
            "field": field,
        }[kept]
        return f"{read}.map_or(Field::Absent, |it| {held})"

    def _fields(self, message: Message, path: Path) -> Iterator[Field]:
        struct = self.spec.struct(message.name)
        for segment in path:
            field = struct.field(segment)
            assert field is not None
            yield field
            found = self.spec.type(field.type.name) if isinstance(field.type, Ref) else None
            struct = found if isinstance(found, Struct) else struct

    def _field(self, message: Message, path: Path) -> Field:
        *_, field = self._fields(message, path)
        return field

    def _members(self, message: Message, path: Path) -> list[tuple[str, Kept]]:
        return [
            (member_name("rust", field.word), _kept(field)) for field in self._fields(message, path)
        ]

    def _sure(self, message: Message, path: Path) -> bool:
        """Whether a place is always there, though its value may be null."""
        *around, last = self._fields(message, path)
        return last.read_presence == "required" and all(_kept(it) == "sure" for it in around)


_STEPS: dict[Kept, str] = {
    "sure": ".map(|it| &it.{})",
    "option": ".and_then(|it| it.{}.as_ref())",
    "field": ".and_then(|it| it.{}.as_ref().value())",
}


def _kept(field: Field) -> Kept:
    if field.read_presence == "tristate":
        return "field"
    null = field.nullable and not isinstance(field.type, AnyJson)
    return "option" if null or field.read_presence == "optional" else "sure"
