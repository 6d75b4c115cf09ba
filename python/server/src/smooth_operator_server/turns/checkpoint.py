"""What a turn goes on from after a step, should another server have to run it. Pure."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from ..engine import ToolCall, Usage
from ..knowledge import Hit
from ..protocol.actions import Action
from ..tools import AuthLevel
from .asking import CodeRequest


@dataclass(frozen=True, slots=True)
class Asked:
    """What the message asked for beside its text."""

    model: str | None = None
    images: tuple[dict[str, Any], ...] = ()
    files: tuple[dict[str, Any], ...] = ()
    skill: str | None = None

    @classmethod
    def of(cls, action: Action) -> Asked:
        """Return what an action asks for."""
        return cls(
            action.get("model"),
            tuple(action.get("images", ())),
            tuple(action.get("files", ())),
            action.get("skill"),
        )


@dataclass(slots=True)
class Progress:
    """What a turn has said, spent and found so far, and the tools that its model waits for."""

    asked: Asked
    text: list[str] = field(default_factory=list)
    usage: list[Usage] = field(default_factory=list)
    found: list[Hit] = field(default_factory=list)
    """What tools found, to be cited."""

    looked_up: tuple[Hit, ...] | None = None
    """What was looked up for the message, once somebody wanted to know."""

    code_request: CodeRequest | None = None
    """A code to be asked for when the stream is over (resend style, REQ-OTP-03)."""

    wanted: list[ToolCall] = field(default_factory=list)
    engine: bytes | None = None
    """What the engine goes on from; None before its first step."""

    suggestions: tuple[str, ...] = ()
    """Of the last answer: not stored, for with the last answer the turn ends."""

    def saved(self) -> bytes:
        """Return the progress as bytes."""
        if self == _NONE:
            return _NONE_SAVED
        return self._saved()

    def _saved(self) -> bytes:
        code = self.code_request
        return json.dumps(
            {
                "model": self.asked.model,
                "images": self.asked.images,
                "files": self.asked.files,
                "skill": self.asked.skill,
                "text": "".join(self.text),
                "usage": [
                    [one.prompt_tokens, one.completion_tokens, one.cost_usd] for one in self.usage
                ],
                "found": [_members(hit) for hit in self.found],
                "lookedUp": None
                if self.looked_up is None
                else [_members(hit) for hit in self.looked_up],
                "code": code and [code.tool, code.description, code.level.value],
                "wanted": [[call.call_id, call.name, call.arguments] for call in self.wanted],
                "engine": None
                if self.engine is None
                else base64.b64encode(self.engine).decode("ascii"),
            }
        ).encode()

    @classmethod
    def read(cls, saved: bytes) -> Progress:
        """Return the progress that ``saved`` gave."""
        kept: Mapping[str, Any] = json.loads(saved)
        code, looked_up, engine = kept["code"], kept["lookedUp"], kept["engine"]
        return cls(
            Asked(kept["model"], tuple(kept["images"]), tuple(kept["files"]), kept.get("skill")),
            [kept["text"]],
            [Usage(*one) for one in kept["usage"]],
            [Hit(*one) for one in kept["found"]],
            None if looked_up is None else tuple(Hit(*one) for one in looked_up),
            CodeRequest(code[0], code[1], AuthLevel(code[2])) if code else None,
            [ToolCall(*one) for one in kept["wanted"]],
            None if engine is None else base64.b64decode(engine),
        )


_NONE = Progress(Asked())
_NONE_SAVED = _NONE._saved()
"""Of a message that asks for nothing beside its text, as most do."""


def _members(hit: Hit) -> list[Any]:
    return [getattr(hit, member.name) for member in fields(Hit)]
