"""Protocols of their own: generated, compiled and replayed in all five languages."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from wiregen import api
from wiregen.ir import Spec
from wiregen.vectors import coverage

from .driving import Driver, Line

Json = Any
pytestmark = pytest.mark.timeout(300)
NAMES = ("workbench", "atlas", "harbour")


def test_the_protocols_have_what_is_asked_of_them(protocols: dict[str, Spec]) -> None:
    workbench, atlas, harbour = (protocols[name] for name in NAMES)
    assert len(workbench.events) + len(workbench.actions) >= 15
    kinds = {
        (union.kind, union.direction != "write") for s in (workbench, atlas) for union in s.unions
    }
    assert {kind for kind, _ in kinds} == {"tagged", "keyed", "typed"}
    assert any(struct.recursive for struct in atlas.structs)
    assert {e.wire for e in harbour.events} & {a.wire for a in harbour.actions} == {"ping", "flag"}
    for spec in (workbench, atlas, harbour):
        assert spec.errors is None
        assert spec.machines is None


@pytest.mark.parametrize("name", NAMES)
def test_every_obligation_has_a_vector(
    protocols: dict[str, Spec], vectors: dict[str, dict[str, str]], name: str
) -> None:
    assert coverage(protocols[name], vectors[name]).missing == ()


def test_what_types_cannot_say_has_a_name(protocols: dict[str, Spec]) -> None:
    told = {(name, found.rule) for name, spec in protocols.items() for found in spec.diagnostics}
    assert told == {
        ("workbench", "opaque-kinds"),
        ("workbench", "opaque-null"),
        ("workbench", "opaque-untyped"),
        ("atlas", "opaque-union"),
        ("harbour", "opaque-keyword"),
        ("harbour", "opaque-union"),
        ("harbour", "tag-optional"),
        ("harbour", "title-shared"),
    }


def frames(name: str, files: dict[str, str]) -> Iterator[tuple[str, Json, Line]]:
    """Yield everything that a client reads; actions are for servers."""
    for path, text in files.items():
        if not path.endswith(".json"):
            continue
        document = json.loads(text)
        role = {"frame": "event"}.get(document["role"], document["role"])
        asked = {"result": "action", "type": "type"}.get(role, "")
        if role != "action":
            for row in document["vectors"]:
                line = Line(name, role, document.get(asked, ""), row["text"])
                yield f"{path} {row['id']}", row, line


def test_all_languages_give_every_vector_its_verdict(
    driver: Driver, vectors: dict[str, dict[str, str]]
) -> None:
    rows = [item for name in NAMES for item in frames(name, vectors[name])]
    counted = Counter(line.role for _, _, line in rows)
    assert counted.keys() == {"event", "result", "type"}
    assert counted["event"] > 4_000
    assert counted["result"] > 800
    assert counted["type"] > 20
    shown = driver.replay(line for _, _, line in rows)
    assert len(shown) == len(rows)
    wrong = [
        (place, line.text[:200], found)
        for (place, row, line), found in zip(rows, shown, strict=True)
        if plain(found, driver) != plain(wanted(row), driver)
    ]
    assert wrong[:5] == []


def wanted(row: Json) -> Json:
    """Return what a driver says of a row of vectors."""
    if row["outcome"] == "broken":
        return {"outcome": "broken", "problem": row["problem"]}
    if row["outcome"] == "malformed":
        return {"outcome": "malformed"}
    encoded = row["encoded"] if "encoded" in row else json.loads(row["text"])
    return {"outcome": row["outcome"], "encoded": encoded}


def plain(value: Json, driver: Driver) -> Json:
    """Return a value in which equal numbers are equal.

    TypeScript has doubles only; of an integer of 64 bits the nearest that 64 bits hold.
    """
    if isinstance(value, dict):
        return {key: plain(item, driver) for key, item in value.items()}
    if isinstance(value, list):
        return [plain(item, driver) for item in value]
    if driver.lang == "typescript" and isinstance(value, int) and not isinstance(value, bool):
        held = -(2**63) <= value < 2**63
        return min(float(value), 2.0**63 - 1024) if held else float(value)
    return value


def test_a_result_in_a_typed_place_keeps_its_prefix(
    driver: Driver, protocols: dict[str, Spec]
) -> None:
    operation = protocols["atlas"].operation("open")
    assert operation.result is not None
    frame = {"is": "tree", "tree": {"name": "a", "children": [{"name": "b", "children": []}]}}
    good, broken = driver.replay(
        Line("atlas", "result", "open", json.dumps(one))
        for one in (frame, {**frame, "tree": {"name": 1, "children": []}})
    )
    assert good == {"outcome": "good", "encoded": frame["tree"]}
    fault = api.check(protocols["atlas"], "tree", {**frame, "tree": {"name": 1, "children": []}})
    assert fault is not None
    assert broken["problem"] == {"kind": fault.kind, "pointer": fault.pointer}
