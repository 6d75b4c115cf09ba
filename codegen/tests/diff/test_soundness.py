"""Witnesses: a value that the new reader refuses must have been graded breaking.

For actions, values that the old schema allows are tried against the new one, as a closed server
reads; for events, values that the new schema allows against the old reader view.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from wiregen.api import reader_schema, strict_schema
from wiregen.build import build
from wiregen.diff.compare import Comparison
from wiregen.diff.model import Grade, Policy
from wiregen.ir import Spec
from wiregen.vectors import vector_files

from .small import Files, pair
from .test_rules import MEMBER_RULES, Edit


def valid_frames(spec: Spec, wire: str) -> list[Any]:
    """Return the frames of the generated vectors that the schema as written allows."""
    found = []
    judge = jsonschema.Draft202012Validator(strict_schema(spec, wire))
    for name, text in vector_files(spec).items():
        if not name.endswith(f"{wire}.json"):
            continue
        for row in json.loads(text).get("vectors", []):
            try:
                frame = json.loads(row["text"])
            except (ValueError, KeyError):
                continue
            if isinstance(frame, dict) and judge.is_valid(frame):
                found.append(frame)
    return found


@pytest.mark.parametrize("message", ["ask", "told"])
@pytest.mark.parametrize(("rule", "edit"), [(r, e) for r, e, _, _ in MEMBER_RULES])
def test_what_the_new_reader_refuses_was_graded_breaking(
    tmp_path: Path, message: str, rule: str, edit: Edit
) -> None:
    def change(files: Files) -> None:
        schema = files[f"{message}.json"]
        edit(schema, schema["properties"])
        items = schema["properties"].get("items", {})
        if items.get("items", ...) is None:
            del items["items"], items["minItems"]

    old, new = (build(folder) for folder in pair(tmp_path, change))
    changes = Comparison(old, new, Policy()).run()
    if message == "ask":
        writer, reader = old, strict_schema(new, message)
    else:
        writer, reader = new, reader_schema(old, message)
    frames = valid_frames(writer, message)
    assert frames, "the vectors hold no frame to try"
    judge = jsonschema.Draft202012Validator(reader)
    refused = [frame for frame in frames if not judge.is_valid(frame)]
    worst = max((it.wire for it in changes), default=Grade.OK)
    assert not refused or worst is Grade.BREAKING, (rule, refused[0])
