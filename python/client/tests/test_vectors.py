"""Every generated vector: what the schema says about a frame is what the codec does with it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from smooth_operator import wire
from smooth_operator.wire import DecodeError, MalformedFrame, types

FOLDER = Path(__file__).parents[3] / "spec" / "vectors"


def rows(*folders: str) -> Iterator[Any]:
    """Yield every vector below some folders; an empty folder is a mistake, not a pass."""
    for folder in folders:
        files = (
            [FOLDER / folder] if folder.endswith(".json") else sorted((FOLDER / folder).iterdir())
        )
        assert files, f"no vectors in {folder}"
        for file in files:
            body = json.loads(file.read_text(encoding="utf-8"))
            for row in body["vectors"]:
                yield pytest.param(body, row, id=f"{file.stem}:{row['id']}")


def number_blind(value: Any) -> Any:
    """Read every number as an IEEE double: JSON knows no other kind."""
    if isinstance(value, dict):
        return {key: number_blind(item) for key, item in value.items()}
    if isinstance(value, list):
        return [number_blind(item) for item in value]
    if isinstance(value, bool) or not isinstance(value, int):
        return value
    return float(value) if abs(value) < 10**308 else value


def same(left: Any, right: Any) -> bool:
    return json.dumps(number_blind(left), sort_keys=True) == json.dumps(
        number_blind(right), sort_keys=True
    )


@pytest.mark.parametrize(("body", "row"), list(rows("events", "frames.json")))
def test_req_wire_06_events_decode_as_the_schemas_say(body: Any, row: Any) -> None:
    text, outcome = row["text"], row["outcome"]
    if outcome == "malformed":
        with pytest.raises(MalformedFrame):
            wire.decode_event(text)
    elif outcome == "broken":
        with pytest.raises(DecodeError) as caught:
            wire.decode_event(text)
        assert {"kind": caught.value.kind, "pointer": caught.value.pointer} == row["problem"]
    elif outcome == "unknown":
        event = wire.decode_event(text)
        assert isinstance(event, wire.UnknownEvent)
        assert (event.wire_type, event.raw_text) == (row["wireType"], text)
    else:
        event = wire.decode_event(text)
        assert event.type == body.get("message", event.type)
        assert event.raw_text == text
        assert same(wire.encode_event(event), row.get("encoded", json.loads(text)))
        if "flat" in row:
            assert same(wire.facts_of(event), row["flat"])


@pytest.mark.parametrize(("body", "row"), list(rows("results")))
def test_req_wire_06_results_decode_as_the_schemas_say(body: Any, row: Any) -> None:
    def result() -> Any:
        return wire.decode_result(body["action"], wire.decode_event(row["text"]))

    if row["outcome"] == "broken":
        with pytest.raises(DecodeError) as caught:
            result()
        assert {"kind": caught.value.kind, "pointer": caught.value.pointer} == row["problem"]
    else:
        assert row["outcome"] == "good"
        assert same(result().to_wire(), row["encoded"])


@pytest.mark.parametrize(("body", "row"), list(rows("types")))
def test_req_wire_06_types_decode_as_the_schemas_say(body: Any, row: Any) -> None:
    model, value = getattr(types, body["type"]), json.loads(row["text"])
    if row["outcome"] == "broken":
        with pytest.raises(DecodeError) as caught:
            wire.decode_type(model, value)
        assert {"kind": caught.value.kind, "pointer": caught.value.pointer} == row["problem"]
    else:
        assert row["outcome"] == "good"
        assert same(wire.decode_type(model, value).to_wire(), row.get("encoded", value))


@pytest.mark.parametrize(("body", "row"), list(rows("actions")))
def test_req_call_05_actions_are_written_as_the_schemas_say(body: Any, row: Any) -> None:
    """What the schema allows can be written, and is written back as it was."""
    if not row["strict"]:
        return
    model = wire.ACTIONS[body["message"]].model
    action = model.model_validate_json(row["text"], strict=False)
    assert same(json.loads(wire.encode_action(action)), json.loads(row["text"]))
