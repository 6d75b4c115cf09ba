"""Base classes of the wire models, and the way back from a model to JSON."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from sys import float_info
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Generic, TypeVar

from pydantic import BaseModel, ConfigDict, Field
from pydantic_core import MISSING

JsonObject = dict[str, Any]
Int64 = Annotated[int, Field(ge=-(2**63), le=2**63 - 1)]
# An integer that may have more bits; a double holds it as well.
Whole = Annotated[int, Field(ge=-int(float_info.max), le=int(float_info.max))]
Reply = TypeVar("Reply", covariant=True)


class WireModel(BaseModel):
    """An object that clients read: open, immutable, null at an optional member reads as absent."""

    model_config = ConfigDict(
        strict=True,
        allow_inf_nan=False,
        extra="allow",
        frozen=True,
        validate_by_name=True,
        validate_by_alias=True,
        protected_namespaces=(),
        hide_input_in_errors=True,
        defer_build=True,
    )

    def to_wire(self) -> JsonObject:
        """Return the JSON object: members by wire name, absent ones left out, unknown ones kept."""
        return _object(self)


class ActionModel(WireModel):
    """An object that clients write: closed, nothing that was not set is written."""

    model_config = ConfigDict(extra="forbid", loc_by_alias=False)


@dataclass(frozen=True, slots=True)
class CallInfo:
    """How a call is named and answered."""

    action: str
    """Wire name of the action."""
    answer: str
    """Wire name of the event that carries the answer."""
    id_attribute: str | None
    """Attribute of the id that the answer carries back; None where the action has none."""


class CallModel(ActionModel, Generic[Reply]):
    """An action that one event answers; `Reply` is the type of what that event carries."""

    CALL: ClassVar[CallInfo]

    if not TYPE_CHECKING:

        def __class_getitem__(cls, reply: Any) -> type:
            """Return the class: pydantic would make one more for each answer."""
            return cls


class EventModel(WireModel):
    """An event. `raw` is the frame as received."""

    __slots__ = ("_raw", "_text")

    containers: ClassVar[tuple[tuple[str, ...], ...]] = ()
    """Places of the objects that every event of the type has, parents first."""
    correlation: ClassVar[tuple[tuple[str, ...], ...]] = ()
    """Attributes that may hold the correlation id, first one first."""

    @property
    def correlated(self) -> str | None:
        """The id that says which action or turn the event belongs to."""
        for path in self.correlation:
            value: Any = self
            for name in path:
                value = getattr(value, name, None)
            if isinstance(value, str):
                return value
        return None

    @property
    def merged(self) -> int:
        """How many adjacent events this one stands for: 1, unless a reader was too slow."""
        return 1

    @property
    def raw_text(self) -> str:
        """The text as received; of an event that was built here, its JSON."""
        text = getattr(self, "_text", None)
        return text if isinstance(text, str) else dump(_object(self))

    @property
    def raw(self) -> JsonObject:
        """The frame as received, parsed; of an event that was built here, its JSON object."""
        known: JsonObject | None = getattr(self, "_raw", None)
        if known is None:
            text = getattr(self, "_text", None)
            known = parsed(text) if isinstance(text, str) else _object(self)
            object.__setattr__(self, "_raw", known)
        return known


set_text = EventModel._text.__set__  # type: ignore[attr-defined]


def parsed(text: str, **hooks: Any) -> Any:
    """Parse JSON; of an integer that is too long for Python to read there is only its size."""
    try:
        return json.loads(text, **hooks)
    except json.JSONDecodeError:
        raise
    except ValueError:
        return json.loads(text, parse_int=_shortened, **hooks)


def _shortened(digits: str) -> float:
    return int(digits) if len(digits) < 400 else float(digits)


def dump(value: Any) -> str:
    """Print compact JSON; non-ASCII text stays as it is."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


@cache
def _members(model: type[BaseModel]) -> tuple[tuple[str, str, Any], ...]:
    """Attribute, wire name and the value that stands for absent, in schema order."""
    return tuple(
        (
            name,
            name if field.alias is None else field.alias,
            ... if field.is_required() else field.default,
        )
        for name, field in model.model_fields.items()
    )


def _object(model: BaseModel) -> JsonObject:
    out: JsonObject = {}
    for name, wire, absent in _members(type(model)):
        value = getattr(model, name)
        if value is MISSING or (value is None and absent is None):
            continue
        out[wire] = plain(value)
    for wire, value in (model.__pydantic_extra__ or {}).items():
        out[wire] = plain(value)
    return out


def plain(value: Any) -> Any:
    """Turn models and enums inside a value into plain JSON."""
    if isinstance(value, BaseModel):
        return _object(value)
    if isinstance(value, list):
        return [plain(item) for item in value]
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    return str(value) if isinstance(value, str) else value


def absent(value: Any) -> Any:
    """Return a value, or `MISSING` for None."""
    return MISSING if value is None else value


def build(model: Any, facts: list[tuple[Any, tuple[tuple[str, ...], ...]]]) -> Any:
    """Make an event from its facts: each is written at all of its places."""
    tree: JsonObject = {}
    for path in model.containers:
        _put(tree, path, {})
    for value, places in facts:
        if value is not MISSING:
            for place in places:
                _put(tree, place, plain(value))
    return model.model_validate_json(dump(tree), by_alias=True, by_name=False)


def _put(tree: JsonObject, path: tuple[str, ...], value: Any) -> None:
    for segment in path[:-1]:
        tree = tree.setdefault(segment, {})
    tree[path[-1]] = value


@dataclass(frozen=True, slots=True)
class Streaming:
    """An event that streams one piece of text: its attributes, and where their values stand."""

    model: type[WireModel]
    ids: tuple[tuple[str, ...], ...]
    id_attribute: str
    texts: tuple[tuple[str, ...], ...]
    text_attribute: str
    numbers: tuple[tuple[str, tuple[str, ...]], ...]
