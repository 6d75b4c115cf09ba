"""Frames that are equal byte for byte but for a piece of text, an id and numbers.

Events that stream come by the hundred thousand, and the frames of one peer look alike. After one
full decode a reader knows what stands around the parts that change. A frame that matches exactly is
read by comparing bytes; whatever else somebody asks of its event is decoded then. A frame that does
not match takes the full way, so that both ways give the same event.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

from pydantic_core import from_json

from .events import Event, UnknownEvent
from .frames import STREAMING, TAG_ATTRIBUTE
from .model import Streaming
from .reading import decode_event

Path = tuple[str, ...]
_SHAPES = 4  # kinds of frames that one reader knows
_TRIES = 32  # peers whose frames never look alike are not studied for ever

_WORD = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\]:,]|[^\s{}\[\]:,"]+')
_NUMBER = re.compile("0|[1-9][0-9]{0,14}")
_ID = r'([^"\\\x00-\x1f]+)'
_TEXT = r'([^"\\\x00-\x1f]*(?:\\.[^"\\\x00-\x1f]*)*)'
_DIGITS = "(0|[1-9][0-9]{0,14})"
_PIECES: set[type] = set()
"""Classes of the events that are read in part."""


class FrameReader:
    """Decodes the messages of one link. With ``learn`` off every frame takes the full way."""

    def __init__(self, *, learn: bool = True) -> None:
        self.last: Callable[[bytes], Any] = _nothing
        """Reads a frame that looks like the one before, gives None for any other."""
        self._readers: list[Callable[[bytes], Any]] = []
        self._tries = _TRIES if learn else 0

    def read(self, data: bytes) -> Event:
        """Decode one text message.

        Raises:
            UnicodeDecodeError: the bytes are no UTF-8.
            MalformedFrame: the text is no frame.
            DecodeError: the type is known and the body is broken.
        """
        event: Event | None = self.last(data)
        return event if event is not None else self._read_other(data)

    def _read_other(self, data: bytes) -> Event:
        for reader in self._readers:
            event: Event | None = reader(data)
            if event is not None:
                self.last = reader
                return event
        event = decode_event(data.decode())
        known: Any = event
        if (
            self._tries
            and type(event) is not UnknownEvent
            and getattr(known, TAG_ATTRIBUTE) in STREAMING
        ):
            self._tries -= 1
            reader_of_this = learn(data, event)
            if reader_of_this is not None:
                self.last = reader_of_this
                self._readers = [reader_of_this, *self._readers][:_SHAPES]
        return event


def _nothing(data: bytes) -> None:
    """Read nothing: no frame was learned yet."""
    del data


def learn(data: bytes, event: Any) -> Callable[[bytes], Any] | None:
    """Return a reader of frames that look like ``data``, from which ``event`` was decoded.

    The reader returns None for a frame that does not match; None stands for a frame from which
    nothing can be learned.
    """
    row = STREAMING[getattr(event, TAG_ATTRIBUTE)]
    text = data.decode()
    try:
        spans = dict(_values(text))
    except LookupError:
        return None
    if not any(place in spans for place in row.ids) or not any(p in spans for p in row.texts):
        return None
    pattern, groups = _pattern(text, spans, row)
    match = re.compile(pattern.encode(), re.DOTALL).fullmatch
    return _reader(match, row, groups) if match(data) is not None else None


def _values(text: str) -> Iterator[tuple[Path, tuple[int, int]]]:
    """Yield where each value of a frame stands; LookupError for arrays and repeated members."""
    seen: set[Path] = set()
    at: list[str] = []
    key: str | None = None
    for found in _WORD.finditer(text):
        word = found.group()
        if word in ":,":
            continue
        if word == "}":
            del at[-1:]
        elif key is None and word != "{":
            key = json.loads(word)
        elif word != "{" or key is not None:
            place = (*at, str(key))
            if word == "[" or place in seen:
                raise LookupError(place)
            seen.add(place)
            if word == "{":
                at.append(place[-1])
            else:
                yield place, found.span()
            key = None


def _pattern(
    text: str, spans: dict[Path, tuple[int, int]], row: Streaming
) -> tuple[str, dict[str, int]]:
    """Return a pattern for frames like ``text``, and the number of each part's group."""
    numbers = {place: name for name, place in row.numbers}
    groups: dict[str, int] = {}
    pattern, end, count = "", 0, 0
    for place, (start, stop) in sorted(spans.items(), key=lambda item: item[1]):
        value = text[start:stop]
        if place in row.ids or place in row.texts:
            name, body = ("id", _ID) if place in row.ids else ("text", _TEXT)
            quote = '"'
        elif _NUMBER.fullmatch(value):
            name, body, quote = numbers.get(place, ""), _DIGITS, ""
        else:
            continue
        if name in groups:
            body = rf"\{groups[name]}"
        else:
            count += 1
            if name:
                groups[name] = count
        pattern += re.escape(text[end:start]) + quote + body + quote
        end = stop
    return pattern + re.escape(text[end:]), groups


def _reader(
    match: Callable[[bytes], re.Match[bytes] | None], row: Streaming, groups: dict[str, int]
) -> Callable[[bytes], Any]:
    numbers = tuple((name, groups[name]) for name, _ in row.numbers if name in groups)
    made = _piece_class(row, numbers, joined=False)
    new = made.__new__
    set_found, set_text, set_id = (
        made._found.__set__,
        made._piece.__set__,
        made._id.__set__,
    )
    of_text, of_id = groups["text"], groups["id"]
    last_id, last_name = b"", ""

    def read(data: bytes) -> Any:
        nonlocal last_id, last_name
        found = match(data)
        if found is None:
            return None
        piece, name = found.group(of_text, of_id)
        try:
            text = piece.decode() if b"\\" not in piece else from_json(b'"' + piece + b'"')
            if name != last_id:
                last_id, last_name = name, name.decode()
        except ValueError:
            return None  # half a pair, no UTF-8: what becomes of it, the full way knows
        event = new(made)
        set_found(event, found)
        set_text(event, text)
        set_id(event, last_name)
        return event

    return read


def join(event: Any, text: str, count: int) -> Any:
    """Return one event for ``count`` adjacent ones: their texts in one, all else the last one's."""
    row = STREAMING[getattr(event, TAG_ATTRIBUTE)]
    joined = object.__new__(_piece_class(row, (), joined=True))
    for name, value in (
        ("_whole", event),
        ("_found", None),
        ("_piece", text),
        ("_id", getattr(event, row.id_attribute)),
        ("_count", count),
    ):
        object.__setattr__(joined, name, value)
    return joined


def _whole(event: Any) -> Any:
    """Return the event, decoded in full, for what its own parts do not tell."""
    try:
        return object.__getattribute__(event, "_whole")
    except AttributeError:
        whole = decode_event(event._found.string.decode())
        object.__setattr__(event, "_whole", whole)
        return whole


def _number(name: str, group: int) -> property:
    return property(lambda event: int(event._found[group]), doc=f"`{name}` of the frame.")


@cache
def _piece_class(row: Streaming, numbers: tuple[tuple[str, int], ...], *, joined: bool) -> Any:
    """Return the class of events that are read in part: a model that knows the rest on demand."""
    model = row.model
    slots = ("_found", "_piece", "_id", "_whole")
    members: dict[str, Any] = {
        "__slots__": (*slots, "_count") if joined else slots,
        "__module__": model.__module__,
        "__qualname__": model.__qualname__,
        "__doc__": model.__doc__,
        "__class__": property(lambda _: model),
        "__dict__": property(lambda event: vars(_whole(event))),
        "__getattr__": lambda event, name: getattr(_whole(event), name),
        "__copy__": lambda event: event,
        "__deepcopy__": lambda event, _: event,
        "__reduce_ex__": lambda event, _: _reduced(event),
        "raw_text": property(lambda event: _whole(event).raw_text),
        "raw": property(lambda event: _whole(event).raw),
    }
    # The metaclass would make validators of its own for what is only another way to be read.
    made: Any = type.__new__(type(model), model.__name__, (model,), members)
    for name, group in numbers:
        setattr(made, name, _number(name, group))
    setattr(made, TAG_ATTRIBUTE, _tag(model))
    setattr(made, row.text_attribute, made._piece)
    setattr(made, row.id_attribute, made._id)
    made.correlated = made._id
    if joined:
        made.merged = made._count
    _PIECES.add(made)
    return made


def _tag(model: Any) -> Any:
    return model.model_fields[TAG_ATTRIBUTE].default


def _reduced(event: Any) -> tuple[Any, ...]:
    """Return how a copy of the event is made elsewhere."""
    if event.merged == 1:
        return decode_event, (event.raw_text,)
    return join, (decode_event(event.raw_text), event._piece, event.merged)


def size_of(event: Any) -> int:
    """Return how much of the wire an event holds, in bytes or letters of its text."""
    if type(event) in _PIECES:
        found = event._found
        return len(found.string) if found is not None else size_of(event._whole) + len(event._piece)
    return len(event.raw_text)


def sent_text(event: Any) -> str:
    """Return the text of an event as it was sent: half of a surrogate pair is still half."""
    row = STREAMING[getattr(event, TAG_ATTRIBUTE)]
    for place in row.texts:
        value: Any = json.loads(event.raw_text)
        for name in place:
            value = value.get(name) if isinstance(value, dict) else None
        if isinstance(value, str):
            return value
    return str(getattr(event, row.text_attribute))
