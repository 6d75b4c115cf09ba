"""Replay frames through generated Python: JSON lines in, one verdict a line out.

A line in: `{"protocol", "role", "name", "text"}`; role is event, result (name: the action) or
type (name: the type).
A line out: `{"outcome", "problem", "encoded"}`.
"""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path
from typing import Any

# Protocol -> type that no message leads to -> its class; lies where the protocols do.
TYPES = json.loads(Path("types.json").read_text(encoding="utf-8"))


def replay(line: dict[str, str]) -> dict[str, Any]:
    """Return the verdict of one frame."""
    wire = importlib.import_module(line["protocol"])
    try:
        if line["role"] == "type":
            model = getattr(wire, TYPES[line["protocol"]][line["name"]])
            found = wire.decode_type(model, json.loads(line["text"]))
            return {"outcome": "good", "encoded": found.to_wire()}
        event = wire.decode_event(line["text"])
        if isinstance(event, wire.UnknownEvent):
            return {"outcome": "unknown", "encoded": event.raw}
        if line["role"] == "event":
            wire.facts_of(event)
            return {"outcome": "good", "encoded": wire.encode_event(event)}
        return {"outcome": "good", "encoded": wire.decode_result(line["name"], event).to_wire()}
    except wire.MalformedFrame:
        return {"outcome": "malformed"}
    except wire.DecodeError as fault:
        problem = {"kind": fault.kind, "pointer": fault.pointer}
        return {"outcome": "broken", "problem": problem}


if __name__ == "__main__":
    for text in sys.stdin:
        print(json.dumps(replay(json.loads(text))), flush=True)
