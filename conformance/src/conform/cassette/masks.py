"""Striking out secrets: what the schema marks ``x-secret`` is no part of a cassette."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from conform.spec import Spec, Tree

MASK = "***"


class Masks:
    """Masks the frames of one session; of answers too, which need the action they answer."""

    def __init__(self, spec: Spec) -> None:
        self._spec = spec
        self._asked: dict[str, str] = {}  # requestId -> action

    def masked(self, frame: Any) -> Any:
        """Return the frame with ``"***"`` for each value that is secret; it is not changed."""
        if not isinstance(frame, dict):
            return frame
        action, kind = frame.get("action"), frame.get("type")
        if isinstance(action, str) and action in self._spec.actions:
            self._asked[str(frame.get("requestId"))] = action
            return self._walk(frame, *self._spec.actions[action])
        if not isinstance(kind, str) or kind not in self._spec.events:
            return frame
        found: Tree = self._walk(frame, *self._spec.events[kind])
        asked = self._asked.get(str(frame.get("requestId")), "")
        answer = self._spec.actions.get(asked, (Path(), {}))[1].get("$defs", {})
        if kind == "immediate_response" and "Response" in answer and "data" in found:
            found["data"] = self._walk(found["data"], *self._spec.result(asked))
        return found

    def _walk(self, value: Any, path: Path, schema: Tree) -> Any:
        if schema.get("x-secret") is True:
            return MASK
        path, schema = self._spec.follow(path, schema)
        if schema.get("x-secret") is True:
            return MASK
        if isinstance(value, dict):
            known, rest = schema.get("properties", {}), schema.get("additionalProperties")
            others = rest if isinstance(rest, dict) else {}
            return {k: self._walk(v, path, known.get(k, others)) for k, v in value.items()}
        if isinstance(value, list) and isinstance(schema.get("items"), dict):
            return [self._walk(each, path, schema["items"]) for each in value]
        return value
