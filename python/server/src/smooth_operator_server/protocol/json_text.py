"""JSON as this server reads and writes it: strict, without what UTF-8 or a store cannot hold."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

_ESCAPE = re.compile(r"\\u(?:[dD][89a-fA-F]|0000)")
_UNSTORABLE = re.compile("[\0\ud800-\udfff]")


def _refuse_constant(word: str) -> None:
    raise ValueError(f"{word} is not JSON")


# Made once: the functions of the library make a reader, or a writer, for each text.
_READER = json.JSONDecoder(parse_constant=_refuse_constant)
_WRITER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))
_IN_C: Callable[..., Any] | None = getattr(json.encoder, "c_make_encoder", None)


def _writer() -> Callable[[Any], str]:
    if _IN_C is None:  # a Python whose library is all Python
        return _WRITER.encode
    # The last three: keys are not sorted, none is left out, NaN is written.
    quoted, separators = json.encoder.encode_basestring, (":", ",")
    pieces = _IN_C(None, _WRITER.default, quoted, None, *separators, False, False, True)
    return lambda value: "".join(pieces(value, 0))


write_json = _writer()
"""Returns the text of a JSON value; one that holds itself is a RecursionError."""


def read_json(text: str) -> Any:
    """Return the value of a JSON text; halves of surrogate pairs, and NUL, become U+FFFD.

    PostgreSQL takes no NUL: a text would come back otherwise there than from SQLite.

    Raises:
        ValueError: not JSON; NaN, Infinity and a byte-order mark are not either.
        RecursionError: nested too deeply.
    """
    value = _READER.decode(text)
    return _storable(value) if _ESCAPE.search(text) else value


def _storable(value: Any) -> Any:
    if isinstance(value, str):
        return _UNSTORABLE.sub("\N{REPLACEMENT CHARACTER}", value)
    if isinstance(value, list):
        return [_storable(item) for item in value]
    if isinstance(value, dict):
        return {_storable(key): _storable(item) for key, item in value.items()}
    return value
