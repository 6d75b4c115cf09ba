"""A question to a model beside its turn: without tools, and not kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pydantic_ai.messages import ModelMessage


@dataclass(frozen=True, slots=True)
class Aside:
    """What a model is told, and how long its answer may be (tokens)."""

    told: Sequence[ModelMessage]
    longest: int
    model: str | None = None
    """None = the model of the turn."""
