"""Every generated vector: what the schema says about a frame is what the codec does with it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pydantic
import pytest

from smooth_operator import wire
from smooth_operator.wire import DecodeError, MalformedFrame, types

FOLDER = Path(__file__).parents[3] / "spec" / "vectors"
Json = Any
Body = dict[str, Any]
Row = dict[str, Any]


def bodies(*roles: str) -> list[Body]:
    """Return the files of some roles; a role without a vector is a mistake, not a pass."""
    found = [body for body in ALL if body["role"] in roles]
    assert {body["role"] for body in found} == set(roles), f"no vectors of {roles}"
    assert all(body["vectors"] for body in found), "a file without vectors"
    return found


def paths() -> list[Path]:
    """Every file of frames; those of machines are replayed by test_machine_vectors."""
    return sorted(it for it in FOLDER.rglob("*.json") if it.parent.name != "machines")


def every_file() -> list[Body]:
    files = paths()
    return [
        {"file": file.relative_to(FOLDER).as_posix(), **json.loads(file.read_text("utf-8"))}
        for file in files
    ]


ALL = every_file()
replays = {
    "event": bodies("event"),
    "frame": bodies("frame"),
    "result": bodies("result"),
    "type": bodies("type"),
    "action": bodies("action"),
}


def over(*roles: str) -> Any:
    """Run a test once a file."""
    files = [body for role in roles for body in replays[role]]
    return pytest.mark.parametrize("body", files, ids=lambda body: body["file"])


def replay(body: Body, check: Callable[[Body, Row], None]) -> None:
    """Check every vector of a file; a failure says which."""
    for row in body["vectors"]:
        try:
            check(body, row)
        except Exception as err:
            raise AssertionError(f"{body['file']} {row['id']}: {row['text']}") from err


def number_blind(value: Json) -> Json:
    """Read every number as an IEEE double: JSON knows no other kind."""
    if isinstance(value, dict):
        return {key: number_blind(item) for key, item in value.items()}
    if isinstance(value, list):
        return [number_blind(item) for item in value]
    if isinstance(value, bool) or not isinstance(value, int):
        return value
    return float(value) if abs(value) < 10**308 else value


def same(left: Json, right: Json) -> bool:
    return json.dumps(number_blind(left), sort_keys=True) == json.dumps(
        number_blind(right), sort_keys=True
    )


def test_every_file_of_vectors_is_replayed() -> None:
    """Another kind of file, or one that lies elsewhere, must not be overlooked."""
    replayed = [body for role in replays.values() for body in role]
    assert sorted(body["file"] for body in replayed) == [body["file"] for body in ALL]
    written = [line for file in paths() for line in file.read_text().splitlines()]
    count = sum(len(body["vectors"]) for body in replayed)
    assert count == sum(line.lstrip().startswith('{"id":') for line in written) > 4000


@over("event", "frame")
def test_req_wire_06_events_decode_as_the_schemas_say(body: Body) -> None:
    replay(body, check_event)


def check_event(body: Body, row: Row) -> None:
    text, outcome = row["text"], row["outcome"]
    if outcome == "malformed":
        with pytest.raises(MalformedFrame):
            wire.decode_event(text)
    elif outcome == "broken":
        with pytest.raises(DecodeError) as caught:
            wire.decode_event(text)
        fault = caught.value
        assert {"kind": fault.kind, "pointer": fault.pointer} == row["problem"]
        assert (fault.type, fault.raw_text) == (body["message"], text)
    elif outcome == "unknown":
        event = wire.decode_event(text)
        assert isinstance(event, wire.UnknownEvent)
        assert (event.wire_type, event.raw_text) == (row["wireType"], text)
        assert event.problem is None
        assert same(wire.encode_event(event), json.loads(text))
    else:
        event = wire.decode_event(text)
        assert outcome == "good"
        assert event.type == body["message"]
        assert event.raw_text == text
        assert same(wire.encode_event(event), row.get("encoded", json.loads(text)))
        if "flat" in row:
            assert same(wire.facts_of(event), row["flat"])


@over("result")
def test_req_wire_06_results_decode_as_the_schemas_say(body: Body) -> None:
    replay(body, check_result)


def check_result(body: Body, row: Row) -> None:
    def result() -> Any:
        return wire.decode_result(body["action"], wire.decode_event(row["text"]))

    if row["outcome"] == "broken":
        with pytest.raises(DecodeError) as caught:
            result()
        assert {"kind": caught.value.kind, "pointer": caught.value.pointer} == row["problem"]
    else:
        assert row["outcome"] == "good"
        assert same(result().to_wire(), row["encoded"])


@over("type")
def test_req_wire_06_types_decode_as_the_schemas_say(body: Body) -> None:
    replay(body, check_type)


def check_type(body: Body, row: Row) -> None:
    model, value = getattr(types, body["type"]), json.loads(row["text"])
    if row["outcome"] == "broken":
        with pytest.raises(DecodeError) as caught:
            wire.decode_type(model, value)
        assert {"kind": caught.value.kind, "pointer": caught.value.pointer} == row["problem"]
    else:
        assert row["outcome"] == "good"
        assert same(wire.decode_type(model, value).to_wire(), row.get("encoded", value))


# What only the server checks: formats, values of an enum, which of two members is given.
LIMITS = re.compile(
    r"=(empty|odd|unknown-value|minus-zero|exponent)$|^/code=absent$|^choice-0=none$"
)


@over("action")
def test_req_call_05_actions_are_written_as_the_schemas_say(body: Body) -> None:
    """What the schema allows is written as it is; what else is written breaks a limit at most."""
    replay(body, check_action)


def check_action(body: Body, row: Row) -> None:
    given = whole(json.loads(row["text"]))
    try:
        action = wire.ACTIONS[body["message"]].model.model_validate_json(json.dumps(given))
    except pydantic.ValidationError:
        assert not row["strict"]
        return
    written = json.loads(wire.encode_action(action))
    # None at an optional member is how one leaves it out (REQ-CALL-04).
    assert same(written, without_null(given))
    assert row["strict"] or written != given or LIMITS.search(row["id"])


def whole(value: Json) -> Json:
    """Give whole numbers as the integers that a program would give."""
    if isinstance(value, dict):
        return {key: whole(item) for key, item in value.items()}
    if isinstance(value, list):
        return [whole(item) for item in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def without_null(value: Json) -> Json:
    if isinstance(value, dict):
        return {key: without_null(item) for key, item in value.items() if item is not None}
    return [without_null(item) for item in value] if isinstance(value, list) else value
