"""Functions of the application that answer questions in place of verbs, and what they are asked."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from . import wire
from .wire.codes import CAPABILITIES


@dataclass(frozen=True, kw_only=True, slots=True)
class ConfirmAsk:
    """A confirmation that a handler answers (REQ-ASK-02)."""

    request_id: str
    session_id: str
    tool_id: str
    """Tool that waits for the answer."""
    action_description: str
    """What it is about to do, for a human."""
    event: wire.Event = field(repr=False)
    """The event that asked."""


@dataclass(frozen=True, kw_only=True, slots=True)
class OtpAsk:
    """A one-time code that a handler gives (REQ-ASK-02, REQ-ASK-03)."""

    request_id: str
    session_id: str
    tool_id: str | None = None
    action_description: str | None = None
    """What the code is needed for, for a human."""
    available_channels: Sequence[str] = ()
    auth_level: str | None = None
    channel: str | None = None
    """How the code travels; None when nothing said that it was sent."""
    masked_destination: str | None = None
    """Where it was sent to, as far as it may be shown."""
    attempts_remaining: int | None = None
    """Tries that are left after a wrong code; None with the first call."""
    error: str | None = None
    """Why the code before was not accepted, an ``OtpInvalidReason`` or a newer word."""
    message: str | None = None
    """What the server says of the code before, for a human."""
    event: wire.Event = field(repr=False)
    """The event that asked, or told where the code went."""

    @property
    def prompt(self) -> str:
        """What a human may be shown: the server's words, or where the code went."""
        return self.message or self.action_description or self.masked_destination or ""


@dataclass(frozen=True, kw_only=True, slots=True)
class InteractionAsk:
    """An interaction that a handler answers (REQ-ASK-02, REQ-ASK-03)."""

    request_id: str
    session_id: str
    interaction_id: str
    kind: str
    spec: Any
    """What is asked for, as the server wrote it."""
    reason: str | None = None
    """Why, for a human."""
    errors: Sequence[wire.FieldError] = ()
    """What was wrong with the values before, each with ``field`` and ``message``."""
    message: str | None = None
    """What the server says of the values before, for a human."""
    event: wire.Event = field(repr=False)
    """The event that asked."""


ConfirmHandler = Callable[[ConfirmAsk], bool | Awaitable[bool]]
"""Gives True to approve, False to deny. Anything else denies, and fails the turn."""
OtpHandler = Callable[[OtpAsk], str | Awaitable[str | None] | None]
"""Gives the code as typed; None declines (REQ-ASK-04)."""
InteractionHandler = Callable[
    [InteractionAsk], Mapping[str, Any] | Awaitable[Mapping[str, Any] | None] | None
]
"""Gives the values; None declines."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Handlers:
    """What answers the questions of turns in place of verbs (REQ-ASK-01).

    Give it to a client, a conversation or a message; for each kind of question the nearest one
    counts. A handler may be async. One of a turn runs at a time, in a task of its own, which is
    cancelled when the answer can no longer count; a handler that is not async holds up its loop
    for as long as it runs. One that raises, or gives what is no answer, never approves: the turn
    fails with HandlerError (REQ-ASK-07).

    Raises:
        TypeError: a handler is no function.
    """

    confirm: ConfirmHandler | None = None
    """For confirmations."""
    otp: OtpHandler | None = None
    """For one-time codes."""
    interaction: Mapping[str, InteractionHandler] = field(default_factory=dict)
    """For interactions, by their kind; listed as capability words with new sessions
    (REQ-CALL-07)."""

    def __post_init__(self) -> None:
        if not isinstance(self.interaction, Mapping):
            raise TypeError("interaction: expected a mapping of kinds to functions")
        named: dict[str, object] = {"confirm": self.confirm, "otp": self.otp}
        named |= {f"interaction[{kind!r}]": each for kind, each in self.interaction.items()}
        for name, handler in named.items():
            if not callable(handler) and (handler is not None or name.startswith("interaction")):
                raise TypeError(f"{name}: expected a function")

    def words(self) -> frozenset[str]:
        """Return the capability words that its interaction handlers stand for."""
        kinds = {f"handler {kind}" for kind in self.interaction}
        return frozenset(row.word for row in CAPABILITIES if kinds & {*row.implied_by})


NONE = Handlers()


def check_handlers(handlers: object) -> Handlers:
    """Return ``handlers``, none for None.

    Raises:
        TypeError: it is something else.
    """
    if handlers is None:
        return NONE
    if not isinstance(handlers, Handlers):
        raise TypeError("handlers: expected Handlers")
    return handlers


def merged(*levels: Handlers) -> Handlers:
    """Return what counts of several levels, the nearest last (REQ-ASK-01)."""
    confirm = otp = None
    interaction: dict[str, InteractionHandler] = {}
    for level in levels:
        confirm, otp = level.confirm or confirm, level.otp or otp
        interaction |= level.interaction
    return Handlers(confirm=confirm, otp=otp, interaction=interaction)


async def called(handler: Callable[[Any], Any], ask: Any) -> Any:
    """Return what a handler gives, whether it is async or not."""
    given = handler(ask)
    return await given if inspect.isawaitable(given) else given
