"""The documents of `inputs.jsonl`: a line each, written out into a folder of its own.

`siblings.jsonl` and `more.jsonl` hold more of each kind, in the same form.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Json = Any
INPUTS = Path(__file__).parent / "inputs.jsonl"
SIBLINGS = INPUTS.with_name("siblings.jsonl")
MORE = INPUTS.with_name("more.jsonl")


@dataclass(frozen=True, slots=True)
class Input:
    """One document: the kind that it is a sighting of, and what must become of it.

    `outcome` is `right`, or the rule that refuses it.
    """

    name: str
    row: str
    outcome: str
    line: Json

    def write(self, folder: Path) -> Path:
        """Write the document and the files beside it into a new folder below ``folder``."""
        root = folder / self.name
        root.mkdir(parents=True)
        for name, value in {
            **self.line.get("files", {}),
            "asyncapi.json": self._document(),
        }.items():
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            text = value if isinstance(value, str) else json.dumps(value)
            path.write_text(text, encoding="utf-8")
        return root

    def _document(self) -> Json:
        if "document" in self.line:
            return self.line["document"]
        return document(
            self.line.get("events", {}),
            self.line.get("actions", {}),
            tag=self.line.get("tag", "type"),
            schemas=self.line.get("schemas"),
            extra=self.line.get("extra"),
        )


def inputs(path: Path = INPUTS) -> tuple[Input, ...]:
    """Return all of them, in the order of the file."""
    with path.open(encoding="utf-8") as lines:
        return tuple(
            Input(line["name"], line["row"], line["outcome"], line)
            for line in map(json.loads, lines)
        )


def document(
    events: Json,
    actions: Json,
    *,
    tag: str = "type",
    schemas: Json = None,
    extra: Json = None,
) -> Json:
    """Return an AsyncAPI document of one channel.

    A message is `{"message": …}` as it stands, or the members beside its word.
    """
    found: Json = {
        "asyncapi": "3.0.0",
        "info": {"title": "foreign", "version": "1.0.0"},
        "channels": {
            "main": {
                "x-discriminator": tag,
                "messages": {
                    word: _message(word, one, tag) for word, one in {**events, **actions}.items()
                },
            }
        },
        "operations": {
            name: _operation(action, words)
            for name, action, words in (("out", "send", events), ("in", "receive", actions))
            if words
        },
        **(extra or {}),
    }
    if schemas:
        found["components"] = {"schemas": schemas}
    return found


def _message(word: str, said: Json, tag: str) -> Json:
    if said.keys() == {"message"}:
        return said["message"]
    members = {tag: {"const": word}, **said}
    return {"payload": {"type": "object", "properties": members, "required": [tag]}}


def _operation(action: str, words: Iterable[str]) -> Json:
    steps = (word.replace("~", "~0").replace("/", "~1") for word in words)
    listed = [{"$ref": f"#/channels/main/messages/{step}"} for step in steps]
    return {"action": action, "channel": {"$ref": "#/channels/main"}, "messages": listed}
