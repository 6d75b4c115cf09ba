"""Events that stream: their frames differ in one text and in numbers, so they can be learned."""

from __future__ import annotations

from dataclasses import replace

from wiregen.emit._rust_views import RustAccessor, RustStream
from wiregen.escape import rust as rust_text
from wiregen.ir import Accessor, Message, Path, Scalar
from wiregen.naming import member_name

NUMBERS = 2
"""Integers that may vary; the runtime keeps as many."""


def stream(message: Message, correlation: str | None) -> RustStream | None:
    """Return what varies in an event that streams: one sure text, and numbers at most.

    None when the event has other facts, so that its frames differ in more.
    """
    facts = [item for item in message.accessors if item.name not in (message.tag, correlation)]
    texts = [item for item in facts if _is(item, "string")]
    numbers = [item for item in facts if _is(item, "integer")]
    if message.turn != "streams" or len(texts) != 1 or len(numbers) > NUMBERS:
        return None
    if len(texts) + len(numbers) != len(facts) or texts[0].optional or texts[0].nullable:
        return None
    if any(item.nullable and not item.optional for item in numbers):
        return None
    reads = [_number(item) for item in numbers] + ["None"] * (NUMBERS - len(numbers))
    return RustStream(
        text=member_name("rust", texts[0].word),
        numbers=tuple(reads),
        text_places=_places(texts[0].places),
        number_places=tuple(_places(item.places) for item in numbers),
    )


def varying(fact: RustAccessor, streams: RustStream | None) -> RustAccessor:
    """Let a fact that varies be read from what is not in the frame that the event is like."""
    if streams is None:
        return fact
    held = "&varied.text" if fact.name == streams.text else None
    for index, read in enumerate(streams.numbers):
        if read.removeprefix("Some(").startswith(f"event.{fact.name}()"):
            held = f"varied.numbers[{index}]"
            if read.startswith("Some("):
                held += ".unwrap_or_default()"
            elif ".value()" in read:
                held += ".as_ref().map_or(Field::Absent, Field::Value)"
    if held is None:
        return fact
    body = f"match self.0.varying() {{ Some(varied) => {held}, None => {fact.body} }}"
    return replace(fact, body=body)


def _is(item: Accessor, kind: str) -> bool:
    return isinstance(item.type, Scalar) and item.type.kind == kind


def _number(item: Accessor) -> str:
    read = f"event.{member_name('rust', item.word)}()"
    if item.optional and item.nullable:
        return f"{read}.value().copied()"
    return read if item.optional else f"Some({read})"


def _places(places: tuple[Path, ...]) -> str:
    paths = (", ".join(rust_text(segment) for segment in place) for place in places)
    return f"&[{', '.join(f'&[{path}]' for path in paths)}]"
