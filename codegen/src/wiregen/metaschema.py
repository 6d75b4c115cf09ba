"""Judge a schema by the metaschema of JSON Schema 2020-12 before anything is made of it."""

from __future__ import annotations

import re
from functools import cache

import jsonschema_rs
from jsonschema import Draft202012Validator

from wiregen.errors import Diagnostic, SpecError, join_pointer
from wiregen.load import Node

_SHOWN = 20
_LONG = 160
_UNPRINTABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ufeff]")


@cache
def _judge() -> jsonschema_rs.Draft202012Validator:
    return jsonschema_rs.Draft202012Validator(Draft202012Validator.META_SCHEMA)


def check_schema(node: Node) -> None:
    """Refuse a value that is no schema, such as `"required": 5`, with every place that is wrong."""
    found: dict[str, Diagnostic] = {}
    for fault in _judge().iter_errors(node.value):
        pointer = join_pointer(node.pointer, *fault.instance_path)
        said = f"not JSON Schema 2020-12: {_shortened(fault.message)}"
        if pointer.endswith("/items") and isinstance(fault.instance, list):
            said += "; a tuple is `prefixItems`, or of the draft that `$schema` names"
        found.setdefault(pointer, Diagnostic(node.file, pointer, "schema-shape", said))
        if len(found) == _SHOWN:
            break
    if found:
        raise SpecError(*found.values())


def compiles(pattern: str) -> bool:
    """Whether a pattern can be tried here; one that cannot is documentation only."""
    try:
        re.compile(pattern)
    except (re.error, OverflowError, RecursionError):
        return False
    return True


def plain_text(text: str) -> str:
    """Return a text without what no source file may hold: control and direction characters."""
    return _UNPRINTABLE.sub(" ", text.replace("\r\n", "\n")).strip()


def _shortened(text: str) -> str:
    return text if len(text) <= _LONG else f"{text[:_LONG]}…"
