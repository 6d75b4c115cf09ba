"""Values to try: what the writer of one version says, judged by the reader of the other.

Old clients write what the new server reads, as strictly as its schema says; the new server writes
what old clients read, as leniently as the reader view says.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema_rs

from wiregen.api import reader_schema, strict_schema
from wiregen.build import build
from wiregen.ir import Ref, Spec
from wiregen.vectors.samples import Sampler

Json = Any
SAFE = 2**53 - 1
POOL: tuple[Json, ...] = (
    None, True, 0, -1, 1.5, 2**53 + 2, -(2**53) - 2, "", "a", "b", "A", "zz", "ab0", "a" * 11,
    "ada@example.org", "no-mail", "https://example.org/", [], [1, 1], ["a"], {}, {"k": 1},
    {"k": "v"}, {"k": None},
)  # fmt: skip


def numbers(value: Json) -> Iterator[int | float]:
    """Yield every number that a schema names; the edges lie there."""
    if isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from numbers(item)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield value


def words(value: Json) -> Iterator[str]:
    """Yield the values of enums and constants that a schema names."""
    if isinstance(value, dict):
        listed = value.get("enum", [])
        yield from (it for it in [*listed, value.get("const")] if isinstance(it, str))
        for item in value.values():
            yield from words(item)
    elif isinstance(value, list):
        for item in value:
            yield from words(item)


def pool(*schemas: Json) -> list[Json]:
    """Return values worth trying anywhere: the usual ones, and those at the schemas' edges."""
    found = list(POOL)
    for schema in schemas:
        found += words(schema)
        for number in set(numbers(schema)):
            found += [number, number + 1, number - 1, number + 0.5]
            if isinstance(number, int) and 0 <= number <= 64:
                for count in (number, number + 1, max(number - 1, 0)):
                    found += ["a" * count, [f"a{i}" for i in range(count)]]
    return found


def places(value: Json, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Yield the path of every value inside."""
    if isinstance(value, dict | list):
        for key, item in value.items() if isinstance(value, dict) else enumerate(value):
            yield (*path, key)
            yield from places(item, (*path, key))


def changed(frame: Json, path: tuple[str | int, ...], value: Json) -> Json:
    """Return a copy with another value at a place, or without it (``...``)."""
    out = copy.deepcopy(frame)
    at = out
    for key in path[:-1]:
        at = at[key]
    if value is ...:
        del at[path[-1]]
    else:
        at[path[-1]] = value
    return out


def tried(writer: Spec, wire: str, *schemas: Json) -> list[Json]:
    """Return frames that the writer's schema allows, different at one place."""
    judge = jsonschema_rs.Draft202012Validator(strict_schema(writer, wire))
    message = next(it for it in (*writer.actions, *writer.events) if it.wire == wire)
    sampler = Sampler(writer)
    bases = [sampler.minimal(Ref(message.name)), sampler.full(Ref(message.name))]
    values = pool(*schemas)
    values += [sampler.full(Ref(it.name)) for it in writer.structs if it.role == "type"]
    frames = [_mended(base, values, judge) for base in bases]
    for base in list(frames):
        for path in places(base):
            frames += [changed(base, path, value) for value in (..., *values)]
    return [frame for frame in frames if judge.is_valid(frame)]


def _mended(base: Json, values: list[Json], judge: Any) -> Json:
    """Return the frame, with one value replaced where that makes it valid, as for a pattern."""
    if judge.is_valid(base):
        return base
    others = (changed(base, path, value) for path in places(base) for value in (..., *values))
    return next((frame for frame in others if judge.is_valid(frame)), base)


def judges(old: Spec, new: Spec, wire: str) -> tuple[Spec, Json]:
    """Return the writer and the schema of the reader."""
    if any(it.wire == wire for it in old.actions):
        return old, strict_schema(new, wire)
    return new, reader_schema(old, wire)


def refused(old: Spec, new: Spec, wire: str, raw: list[Json]) -> tuple[list[Json], int]:
    """Return what the writer may say and the reader refuses, and how many values were tried."""
    writer, reader = judges(old, new, wire)
    judge = jsonschema_rs.Draft202012Validator(reader)
    frames = tried(writer, wire, *raw)
    return [frame for frame in frames if not judge.is_valid(frame)], len(frames)


def refused_by_comparing(old: Spec, new: Spec, wire: str, raw: list[Json]) -> list[Json]:
    """Return what a reader refuses who parses formats, compares constants and counts to 2^53."""
    writer, reader = old, strict_schema(new, wire)
    if any(it.wire == wire for it in old.events):
        writer, reader = new, strict_schema(old, wire)
    judge = jsonschema_rs.Draft202012Validator(reader, validate_formats=True)

    def safe(frame: Json) -> bool:
        return all(abs(number) <= SAFE for number in numbers(frame))

    frames = tried(writer, wire, *raw)
    return [frame for frame in frames if not (judge.is_valid(frame) and safe(frame))]


def built(old: Path, new: Path) -> tuple[Spec, Spec]:
    """Read both versions."""
    return build(old), build(new)
