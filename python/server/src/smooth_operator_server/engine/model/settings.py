"""What the model engine is told. Pure."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ModelSettings:
    """Where the model is, and how far a call to it may go. Times are seconds."""

    url: str
    key: str
    model: str
    """Asked unless the agent or the message names another."""

    max_tokens: int = 8192
    """Tokens of one answer."""

    silence_s: float = 60.0
    """How long an endpoint may be silent, before its answer and in it."""

    attempts: int = 3
    """How often a call is tried that failed before its first word."""

    coalesce_s: float = 0.015
    """How long words are held to be sent together."""

    history_chars: int = 60_000
    """Characters of the conversation that are told word for word; older ones are summed up."""
