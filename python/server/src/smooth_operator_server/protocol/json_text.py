"""JSON as this server reads and writes it: strict, and without what UTF-8 cannot hold."""

from __future__ import annotations

import json
import re
from typing import Any

_SURROGATE_ESCAPE = re.compile(r"\\u[dD][89a-fA-F]")
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")

write_json = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
"""Returns the text of a JSON value. One encoder for all: ``json.dumps`` makes one each time."""


def read_json(text: str) -> Any:
    """Return the value of a JSON text; halves of surrogate pairs become U+FFFD.

    Raises:
        ValueError: not JSON; NaN, Infinity and a byte-order mark are not either.
        RecursionError: nested too deeply.
    """
    value = json.loads(text, parse_constant=_refuse_constant)
    return _without_lone_surrogates(value) if _SURROGATE_ESCAPE.search(text) else value


def _refuse_constant(word: str) -> None:
    raise ValueError(f"{word} is not JSON")


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
