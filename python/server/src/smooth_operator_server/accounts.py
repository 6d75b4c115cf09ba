"""What is kept of models between turns: their cost, and long conversations in short. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Spent:
    """What calls to models have cost. The price of a model that nobody knows counts nothing."""

    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost_usd: float = 0.0

    @property
    def tokens(self) -> int:
        """Both kinds together."""
        return self.prompt_tokens + self.completion_tokens

    def __add__(self, other: Spent) -> Spent:
        return Spent(
            self.prompt_tokens + other.prompt_tokens,
            self.completion_tokens + other.completion_tokens,
            self.cost_usd + other.cost_usd,
        )


@dataclass(frozen=True, slots=True)
class Summary:
    """A conversation up to and with one message, in short."""

    through_message_id: str
    text: str


@dataclass(frozen=True, slots=True)
class UsageRecord:
    """What an organisation has used so far."""

    conversations: int
    messages: int
    held: int
    """Conversations in which a person answers in the agent's place."""

    turns: Mapping[str, int]
    """How many turns there are, by how they stand."""

    spent: Spent
