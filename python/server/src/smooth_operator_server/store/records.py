"""What the store takes and gives: plain values, the same for every implementation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Generic, NamedTuple, TypeVar

from ..auth.principal import LOCAL, Scope

T = TypeVar("T")

NOTHING: Mapping[str, Any] = MappingProxyType({})


class Direction(StrEnum):
    """Who said a message."""

    INBOUND = "inbound"
    OUTBOUND = "outbound"


class NewSession(NamedTuple):
    """A session to be opened. Ids are made by the caller, times are epoch ms."""

    session_id: str
    user_participant_id: str
    agent_participant_id: str
    fresh_conversation_id: str
    """Used unless ``conversation_id`` names a known conversation."""
    agent_id: str
    agent_name: str
    user_name: str
    now: int
    scope: Scope
    """Where ``conversation_id`` is looked for, and whose a fresh conversation is."""

    conversation_id: str | None = None
    supports: tuple[str, ...] | None = None
    """None takes over the words of the conversation, an empty tuple opts out."""
    user_email: str | None = None
    identity: str | None = None
    """Who the person is, when they may come into conversations of others beside the owner."""

    browser_fingerprint: str | None = None
    readers: tuple[str, ...] | None = ()
    """What the person may read of documents with readers; None for everything."""

    metadata: Mapping[str, Any] = NOTHING


class SessionRecord(NamedTuple):
    """A session as stored."""

    session_id: str
    conversation_id: str
    agent_id: str
    agent_name: str
    user_participant_id: str
    agent_participant_id: str
    supports: tuple[str, ...]
    user_name: str
    user_email: str | None = None
    user_phone: str | None = None
    verified: bool = False
    """Whether a one-time code was given in this session."""
    org: str = LOCAL
    owner: str | None = None
    """Of the conversation."""

    identity: str | None = None
    """Of a person who takes part beside the owner, in the agent's place; None for the owner."""

    readers: tuple[str, ...] | None = ()
    """What the person may read of documents; None for everything."""

    conversational: Mapping[str, Any] = NOTHING
    """Interactions that are asked for in plain conversation: kind to its spec."""


@dataclass(frozen=True, slots=True)
class NewMessage:
    """A message to be stored; ``now`` is epoch ms."""

    message_id: str
    conversation_id: str
    participant_id: str
    direction: Direction
    text: str
    now: int
    images: tuple[str, ...] = ()
    """URLs of the pictures that were sent along."""


@dataclass(frozen=True, slots=True)
class Sender:
    """Who said a message; ``kind`` is user, ai-agent or human-agent."""

    participant_id: str
    kind: str
    name: str


@dataclass(frozen=True, slots=True)
class MessageRecord:
    """A message as stored."""

    message_id: str
    direction: Direction
    text: str
    created_ms: int
    sender: Sender
    images: tuple[str, ...] = ()
    request_id: str | None = None
    """Of the turn that the message began, or that it answers."""

    turn: str | None = None
    """How the turn stands that the message began."""


@dataclass(frozen=True, slots=True)
class ConversationSummary:
    """A conversation that has messages. ``first_text`` is the first thing its user said."""

    conversation_id: str
    title: str | None
    first_text: str
    updated_ms: int
    message_count: int
    created_ms: int
    people: int = 0
    """The people who are there beside its owner."""

    held_by: Sender | None = None
    """Who answers in the agent's place; None while the agent does."""


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Newest first. ``next_cursor`` is opaque, and None exactly on the last page."""

    items: tuple[T, ...]
    next_cursor: str | None = None
