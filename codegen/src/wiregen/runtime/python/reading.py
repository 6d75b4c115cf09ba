"""Text to event and back: strict first, then one repair, never a guess."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from functools import cache, partial
from typing import Any, NoReturn, TypeVar, cast

from pydantic import ValidationError
from pydantic_core import MISSING, from_json

from .actions import Action
from .events import EVENTS, Event, KnownEvent, Problem, UnknownEvent, correlation_of
from .frames import GUARDED, TAG, TAG_ATTRIBUTE, TAG_FIRST
from .model import CallModel, JsonObject, WireModel, dump, parsed, plain, set_text
from .repair import find_problem, mend, mend_text

Model = TypeVar("Model", bound=WireModel)
_tag_first = re.compile(TAG_FIRST).match


@cache
def _reader(wire_type: str) -> Callable[[str], KnownEvent] | None:
    """Return what reads an event by the names of the wire; None for a type that nobody knows."""
    info = EVENTS.get(wire_type)
    if info is None:
        return None
    return partial(info.model.model_validate_json, by_alias=True, by_name=False)


class MalformedFrame(ValueError):  # noqa: N818 - a word of the specification
    """The text is no frame: not JSON, not an object, or without a string that names its type."""


class DecodeError(ValueError):
    """The body of a known event breaks its schema.

    `kind` is missing, type or const; `pointer` a JSON Pointer into the frame; `raw` the frame.
    """

    def __init__(self, wire_type: str, kind: str, pointer: str, raw_text: str) -> None:
        super().__init__(f"broken {wire_type}: {kind} at {pointer or 'the frame itself'}")
        self.type = wire_type
        self.kind = kind
        self.pointer = pointer
        self.raw_text = raw_text

    @property
    def raw(self) -> JsonObject:
        """The frame as received, parsed."""
        return parsed(self.raw_text)  # type: ignore[no-any-return]

    @property
    def request_id(self) -> str | None:
        """The id that says which action the frame belongs to."""
        return correlation_of(self.raw)

    @property
    def terminal(self) -> bool:
        """Whether an event of this type may end a turn."""
        return self.type in EVENTS and EVENTS[self.type].is_terminal

    def as_unknown(self) -> UnknownEvent:
        """Return the unknown event that stands for the broken one."""
        return UnknownEvent(self.type, self.raw, self.raw_text, Problem(self.kind, self.pointer))


def decode_event(text: str) -> Event:
    """Decode one text message.

    Raises:
        MalformedFrame: the text is no frame.
        DecodeError: the type is known and the body is broken.
    """
    # A look for one letter is quicker than one for a word, and N is rare.
    if ("N" not in text or "NaN" not in text) and "Infinity" not in text:
        try:
            read = _reader(_type_of(text))
            event = read(text) if read is not None else None
        except (ValueError, RecursionError):
            event = None
        if event is not None and type(event) not in GUARDED:
            set_text(event, text)
            return event
    return _second_look(text)


def _type_of(text: str) -> str:
    """Return the type of a frame: what its first member says, or what stands anywhere in it."""
    found = _tag_first(text)
    return found[1] if found is not None else cast(str, _parse(text)[TAG])


def _refuse(word: str) -> NoReturn:
    raise ValueError(word)


def _parse(text: str) -> JsonObject:
    try:
        tree = from_json(text, allow_inf_nan=False)
    except (TypeError, ValueError):  # lone surrogates and deep nesting are JSON all the same
        try:
            tree = parsed(text, parse_constant=_refuse)
        except (ValueError, RecursionError) as err:
            raise MalformedFrame("not JSON") from err
    if not isinstance(tree, dict) or not isinstance(tree.get(TAG), str):
        raise MalformedFrame("not an object that names its type")
    return tree


def _second_look(text: str) -> Event:
    tree = _parse(text)
    wire_type = tree[TAG]
    info = EVENTS.get(wire_type)
    if info is None:
        return UnknownEvent(wire_type, tree, text)
    if "\\u" in text or not text.isascii():
        tree = _parse(mend_text(text))
    try:
        event = _mended(info.model, tree)
    except _BrokenError as fault:
        raise DecodeError(wire_type, fault.kind, fault.pointer, text) from None
    set_text(event, text)
    return event


class _BrokenError(Exception):
    def __init__(self, problem: Problem) -> None:
        super().__init__(problem)
        self.kind = problem.kind
        self.pointer = problem.pointer


def _mended(model: type[Model], tree: Any, at: str = "") -> Model:
    tree = mend(tree, model.__name__)
    problem = find_problem(tree, model.__name__, at)
    if problem is not None:
        raise _BrokenError(problem)
    try:
        return model.model_validate(tree, strict=False, by_alias=True, by_name=False)
    except (ValidationError, RecursionError) as err:
        raise _BrokenError(Problem("type", at)) from err


def decode_type(model: type[Model], value: Any) -> Model:
    """Read a plain JSON value as a type of the domain, by the same rules as an event.

    Raises:
        DecodeError: the value breaks its schema.
    """
    text = json.dumps(value)
    try:
        return _mended(model, parsed(mend_text(text)))
    except _BrokenError as fault:
        raise DecodeError(model.__name__, fault.kind, fault.pointer, text) from None


def read_result(model: type[Model], at: tuple[str, ...], event: Any) -> Model:
    """Return the typed result of a call from its place in the event that answered it.

    Raises:
        DecodeError: the result is broken; the pointer leads into the event.
    """
    if isinstance(event, model):
        return event
    value: Any = parsed(mend_text(event.raw_text))
    pointer = "".join("/" + segment for segment in at)
    for segment in at:
        value = value.get(segment) if isinstance(value, dict) else None
    try:
        return _mended(model, value, pointer)
    except _BrokenError as fault:
        wire_type = getattr(event, TAG_ATTRIBUTE)
        raise DecodeError(wire_type, fault.kind, fault.pointer, event.raw_text) from None


def encode_event(event: Event) -> JsonObject:
    """Return the JSON object of an event: the places that were present, unknown members kept."""
    return event.raw if isinstance(event, UnknownEvent) else event.to_wire()


def facts_of(event: KnownEvent) -> JsonObject:
    """Return the flat facts of an event under the wire's words; absent ones are left out."""
    out: JsonObject = {}
    for fact in EVENTS[getattr(event, TAG_ATTRIBUTE)].facts:
        value = getattr(event, fact.attribute)
        if value is not MISSING and (value is not None or fact.nullable):
            out[fact.word] = plain(value)
    return out


def encode_action(action: Action | CallModel[Any]) -> str:
    """Print an action as compact JSON; members that are not set are absent."""
    return dump(action.to_wire())


def request_id_of(event: Event) -> str | None:
    """Return the id that says which action an event belongs to."""
    return event.correlated
