from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import define as _attrs_define

if TYPE_CHECKING:
    from ..models.turn_counts import TurnCounts


T = TypeVar("T", bound="Usage")


@_attrs_define
class Usage:
    """
    Attributes:
        conversations (int):
        held_conversations (int):
        messages (int):
        turns (TurnCounts):
        prompt_tokens (int):
        completion_tokens (int):
        cost_usd (float):
    """

    conversations: int
    held_conversations: int
    messages: int
    turns: TurnCounts
    prompt_tokens: int
    completion_tokens: int
    cost_usd: float

    def to_dict(self) -> dict[str, Any]:
        conversations = self.conversations

        held_conversations = self.held_conversations

        messages = self.messages

        turns = self.turns.to_dict()

        prompt_tokens = self.prompt_tokens

        completion_tokens = self.completion_tokens

        cost_usd = self.cost_usd

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "conversations": conversations,
                "heldConversations": held_conversations,
                "messages": messages,
                "turns": turns,
                "promptTokens": prompt_tokens,
                "completionTokens": completion_tokens,
                "costUsd": cost_usd,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.turn_counts import TurnCounts  # noqa: PLC0415

        d = dict(src_dict)
        conversations = d.pop("conversations")

        held_conversations = d.pop("heldConversations")

        messages = d.pop("messages")

        turns = TurnCounts.from_dict(d.pop("turns"))

        prompt_tokens = d.pop("promptTokens")

        completion_tokens = d.pop("completionTokens")

        cost_usd = d.pop("costUsd")

        usage = cls(
            conversations=conversations,
            held_conversations=held_conversations,
            messages=messages,
            turns=turns,
            prompt_tokens=prompt_tokens,
            completion_tokens=completion_tokens,
            cost_usd=cost_usd,
        )

        return usage
