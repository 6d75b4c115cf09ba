"""Every vector, replayed against the generated Python wire room."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from smooth_operator import wire

VECTORS = Path(__file__).parents[2] / "spec" / "vectors"
Json = Any
FRACTIONS = ("=zero-fraction", "=exponent", "=exponent-text")


def documents(*roles: str) -> list[Json]:
    found: list[Json] = []
    for path in sorted(VECTORS.rglob("*.json")):
        document = json.loads(path.read_text(encoding="utf-8"))
        if document["role"] in roles:
            document["name"] = path.relative_to(VECTORS).as_posix()
            found.append(document)
    return found


def same(one: Json, two: Json) -> bool:
    """JSON equality by value: numbers as doubles, booleans apart from numbers."""
    if isinstance(one, bool) or isinstance(two, bool):
        return one is two
    if isinstance(one, int | float) and isinstance(two, int | float):
        return float(one) == float(two) or (math.isnan(one) and math.isnan(two))
    if isinstance(one, dict) and isinstance(two, dict):
        return one.keys() == two.keys() and all(same(one[key], two[key]) for key in one)
    if isinstance(one, list) and isinstance(two, list):
        return len(one) == len(two) and all(map(same, one, two))
    return type(one) is type(two) and one == two


def attribute(name: str) -> str:
    """The attribute of an accessor, spelled out here, so that the generator's table is tested."""
    return "".join("_" + c.lower() if c.isupper() else c for c in name)


def value_of(value: Json) -> Json:
    if isinstance(value, BaseModel):
        return value.to_wire()  # type: ignore[attr-defined]
    if isinstance(value, wire.OpenStrEnum):
        return value.value
    return [value_of(item) for item in value] if isinstance(value, list) else value


def replay_event(document: Json, vector: Json) -> None:
    text, outcome = vector["text"], vector["outcome"]
    if outcome == "malformed":
        with pytest.raises(wire.MalformedFrame):
            wire.decode_event(text)
        return
    if outcome == "broken":
        with pytest.raises(wire.DecodeError) as caught:
            wire.decode_event(text)
        fault = caught.value
        assert fault.type == document["message"]
        assert {"kind": fault.kind, "pointer": fault.pointer} == vector["problem"]
        assert fault.raw_text == text
        return
    event = wire.decode_event(text)
    assert event.raw_text == text
    if outcome == "unknown":
        assert event.type == "unknown"
        assert event.wire_type == vector["wireType"]
        assert event.problem is None
        assert same(wire.encode_event(event), json.loads(text))
        return
    assert event.type == document["message"]
    assert same(wire.encode_event(event), vector.get("encoded", json.loads(text)))
    for name, expected in vector.get("flat", {}).items():
        assert same(value_of(getattr(event, attribute(name))), expected), name


@pytest.mark.parametrize("document", documents("event", "frame"), ids=lambda d: d["name"])
def test_req_wire_01_every_event_vector_decodes_as_judged(document: Json) -> None:
    for vector in document["vectors"]:
        try:
            replay_event(document, vector)
        except Exception as err:
            raise AssertionError(f"{document['name']} {vector['id']}: {vector['text']}") from err


@pytest.mark.parametrize("document", documents("result"), ids=lambda d: d["name"])
def test_req_wire_03_every_result_vector_decodes_as_judged(document: Json) -> None:
    for vector in document["vectors"]:
        try:
            replay_result(document, vector)
        except Exception as err:
            raise AssertionError(f"{document['name']} {vector['id']}: {vector['text']}") from err


def replay_result(document: Json, vector: Json) -> None:
    if vector["outcome"] == "broken":
        with pytest.raises(wire.DecodeError) as caught:
            wire.decode_result(document["action"], wire.decode_event(vector["text"]))
        fault = caught.value
        assert {"kind": fault.kind, "pointer": fault.pointer} == vector["problem"]
        return
    result = wire.decode_result(document["action"], wire.decode_event(vector["text"]))
    assert same(result.to_wire(), vector["encoded"])


@pytest.mark.parametrize("document", documents("type"), ids=lambda d: d["name"])
def test_every_type_vector_reads_as_judged(document: Json) -> None:
    model = getattr(wire, document["type"])
    for vector in document["vectors"]:
        value = json.loads(vector["text"])
        if vector["outcome"] == "broken":
            with pytest.raises(wire.DecodeError) as caught:
                wire.decode_type(model, value)
            fault = caught.value
            assert {"kind": fault.kind, "pointer": fault.pointer} == vector["problem"], vector["id"]
        else:
            read = wire.decode_type(model, value)
            assert same(read.to_wire(), vector.get("encoded", value)), vector["id"]


@pytest.mark.parametrize("document", documents("action"), ids=lambda d: d["name"])
def test_req_call_04_an_action_is_written_as_it_was_set(document: Json) -> None:
    model = wire.ACTIONS[document["message"]].model
    for vector in document["vectors"]:
        # A whole number written with a fraction is valid JSON Schema, but nobody sets it so.
        if vector["strict"] and not vector["id"].endswith(FRACTIONS):
            action = model.model_validate_json(vector["text"], by_alias=True, by_name=False)
            assert same(json.loads(wire.encode_action(action)), json.loads(vector["text"]))
