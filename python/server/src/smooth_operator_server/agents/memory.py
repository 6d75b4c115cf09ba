"""What an agent remembers of a person from one conversation to the next. Pure."""

from __future__ import annotations

from dataclasses import dataclass

MEMORY_TOOLS = frozenset({"memory_add", "memory_agree", "memory_search", "memory_forget"})
"""Names of the tools that an agent without memory does not have."""


@dataclass(frozen=True, slots=True)
class MemorySpec:
    """How an agent remembers; without one it knows nothing of earlier conversations."""

    half_life_days: float = 30.0
    """After as many days something that was not needed counts half."""

    most: int = 6
    """How much of it is told to the model before a turn, the most fitting first."""

    episodes: bool = True
    """Whether conversations are summed up for later, once the person has agreed to it."""
