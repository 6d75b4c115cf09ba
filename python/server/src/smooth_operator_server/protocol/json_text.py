"""JSON as this server reads and writes it: strict, and without what UTF-8 cannot hold."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

_SURROGATE_ESCAPE = re.compile(r"\\u[dD][89a-fA-F]")
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")


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
    """Return the value of a JSON text; halves of surrogate pairs become U+FFFD.

    Raises:
        ValueError: not JSON; NaN, Infinity and a byte-order mark are not either.
        RecursionError: nested too deeply.
    """
    value = _READER.decode(text)
    return _without_lone_surrogates(value) if _SURROGATE_ESCAPE.search(text) else value


def _without_lone_surrogates(value: Any) -> Any:
    if isinstance(value, str):
        return _LONE_SURROGATE.sub("\N{REPLACEMENT CHARACTER}", value)
    if isinstance(value, list):
        return [_without_lone_surrogates(item) for item in value]
    if isinstance(value, dict):
        return {
            _without_lone_surrogates(key): _without_lone_surrogates(item)
            for key, item in value.items()
        }
    return value
