"""What the store of people takes and gives: plain values."""

from __future__ import annotations

from dataclasses import dataclass

from .records import Sender

USER, AI_AGENT, HUMAN_AGENT = "user", "ai-agent", "human-agent"
"""Kinds of participants, as the specification calls them."""


@dataclass(frozen=True, slots=True)
class NewPerson:
    """A person who comes into a conversation beside its owner. ``now`` is epoch ms."""

    participant_id: str
    """Used unless they were there before."""

    identity: str
    """Who they are, within the organisation."""

    name: str
    now: int
    email: str | None = None


@dataclass(frozen=True, slots=True)
class ParticipantRecord:
    """Somebody who takes part in a conversation."""

    participant_id: str
    kind: str
    name: str
    joined_ms: int
    identity: str | None = None
    """Of people who came into the conversation beside its owner."""

    @property
    def sender(self) -> Sender:
        """Return them as the sender of a message."""
        return Sender(self.participant_id, self.kind, self.name)


@dataclass(frozen=True, slots=True)
class ConversationRecord:
    """One conversation, and who is in it besides its owner."""

    conversation_id: str
    title: str | None
    owner: str | None
    created_ms: int
    updated_ms: int
    message_count: int
    agent_id: str | None
    """Of its newest session."""

    held_by: ParticipantRecord | None = None
    """Who answers in the agent's place; None while the agent does."""

    people: tuple[ParticipantRecord, ...] = ()
    """The people who are there beside the owner, first come first."""


@dataclass(frozen=True, slots=True)
class Attendance:
    """Who has to hear what is said in a conversation."""

    org: str
    identities: tuple[str, ...]
    held_by: Sender | None = None


class HeldError(Exception):
    """Somebody else has the word; ``holder`` is their name."""

    def __init__(self, holder: str) -> None:
        super().__init__("somebody else has the word")
        self.holder = holder
