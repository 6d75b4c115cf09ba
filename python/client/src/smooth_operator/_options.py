"""Every option of a client, with its unit and default."""

from __future__ import annotations

import logging
import random
import ssl
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, TypedDict

from ._clock import Clock, IdGenerator, SystemClock, new_request_id
from ._options_address import check_header_value, check_headers, check_url
from .wire import options as table

if TYPE_CHECKING:
    from ._observer import Observer
    from ._transport import Opener

TokenProvider = Callable[[], Awaitable[str]]
"""Gives the token for one connection attempt."""

_TIMES = {
    "connect_timeout": table.CONNECT_TIMEOUT,
    "close_timeout": table.CLOSE_TIMEOUT,
    "request_timeout": table.REQUEST_TIMEOUT,
    "turn_idle_timeout": table.TURN_IDLE_TIMEOUT,
    "turn_timeout": table.TURN_TIMEOUT,
    "question_timeout": table.QUESTION_TIMEOUT,
    "cancel_timeout": table.CANCEL_TIMEOUT,
}


def _seconds(name: str) -> float:
    """Return the default that the specification has for a limit, which is in milliseconds there."""
    return _TIMES[name].default / 1000


@dataclass(frozen=True, kw_only=True, slots=True)
class Options:
    """Settings of a client. Times are seconds; 0 turns a limit off.

    Raises:
        ValueError: the URL is not ws: or wss:, a time is negative, or a limit below 1
            (REQ-CONN-01).
        TypeError: a value has the wrong type.
    """

    url: str = field(repr=False)
    """Address of the server, ``ws:`` or ``wss:``. Its query is kept (REQ-CONN-10)."""
    token: str | TokenProvider | None = field(default=None, repr=False)
    """Token, or an async function that is asked before every attempt (REQ-CONN-11)."""
    token_in: Literal["query", "header"] = "query"
    """Where the token travels: ``?token=`` or ``Authorization: Bearer``, never both."""
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Further headers of the handshake."""
    origin: str | None = None
    """``Origin`` of the handshake; none by default."""
    supports: Sequence[str] = ()
    """Further capability words for every session (REQ-CALL-07)."""
    lazy: bool = False
    """Connect at the first action instead of failing it (REQ-CONN-09)."""
    connect_timeout: float = _seconds("connect_timeout")
    """Seconds for one attempt, token provider and handshake included; 10 (REQ-CONN-04)."""
    close_timeout: float = _seconds("close_timeout")
    """Seconds for the whole of ``close()``; 5, and 0 = do not wait (REQ-CONN-27)."""
    request_timeout: float = _seconds("request_timeout")
    """Seconds for the answer to a call or verb; 30 (REQ-CALL-02)."""
    turn_idle_timeout: float = _seconds("turn_idle_timeout")
    """Seconds of silence that end a turn; 120, and still while a human is asked (REQ-TURN-11)."""
    turn_timeout: float = _seconds("turn_timeout")
    """Seconds that a turn may take in all; off by default (REQ-TURN-12)."""
    question_timeout: float = _seconds("question_timeout")
    """Seconds that a question may stay open; 330 (REQ-TURN-13)."""
    cancel_timeout: float = _seconds("cancel_timeout")
    """Seconds to wait for the end of a cancelled turn; 5, and 0 = do not wait (REQ-STOP-02)."""
    max_message_bytes: int = table.MAX_MESSAGE_BYTES.default
    """Largest message that is taken from the server, in bytes; 16 MiB (REQ-WIRE-11)."""
    ssl: ssl.SSLContext | None = None
    """TLS settings for ``wss:``; by default the platform's roots and ``ca_file`` (REQ-CONN-13)."""
    ca_file: str | None = None
    """PEM file whose certificates are trusted beside the platform's roots (REQ-CONN-13)."""
    logger: logging.Logger = field(default=logging.getLogger("smooth_operator"), repr=False)
    """Where the client logs; silent unless the application adds a handler (REQ-LOG-01)."""
    log_payloads: bool = False
    """Whether frames are logged with their text, at debug (REQ-LOG-01)."""
    opener: Opener | None = field(default=None, repr=False)
    """What opens a socket; by default a WebSocket over TCP."""
    clock: Clock = field(default_factory=SystemClock, repr=False)
    """Source of time (REQ-TIME-01)."""
    id_generator: IdGenerator = field(default=new_request_id, repr=False)
    """Source of requestIds (REQ-CALL-01)."""
    random: Callable[[], float] = field(default=random.SystemRandom().random, repr=False)
    """Source of randomness: a number from 0 up to, but not including, 1 (REQ-TIME-01)."""
    observer: Observer | None = field(default=None, repr=False)
    """Who is told of attempts, calls and turns; nobody by default."""

    def __post_init__(self) -> None:
        check_url(self.url)
        if self.token_in not in ("query", "header"):
            raise ValueError("token_in: expected 'query' or 'header'")
        if self.token is not None and not isinstance(self.token, str) and not callable(self.token):
            raise TypeError("token: expected a string or an async function")
        if isinstance(self.token, str):
            self.check_token(self.token)
        check_headers(self.headers)
        if self.origin is not None:
            check_header_value("origin", self.origin)
        for name in _TIMES:
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int | float):
                raise TypeError(f"{name}: expected seconds as a number")
            if not 0 <= value < float("inf"):
                raise ValueError(f"{name}: expected 0 (off) or a positive number of seconds")
        if not isinstance(self.max_message_bytes, int) or isinstance(self.max_message_bytes, bool):
            raise TypeError("max_message_bytes: expected a number of bytes")
        least = table.MAX_MESSAGE_BYTES.min or 1
        if self.max_message_bytes < least:
            raise ValueError(f"max_message_bytes: expected at least {least}")
        if isinstance(self.supports, str) or not all(isinstance(w, str) for w in self.supports):
            raise TypeError("supports: expected a sequence of strings")
        if self.opener is not None and not callable(self.opener):
            raise TypeError("opener: expected an async function")

    def check_token(self, token: object) -> str:
        """Return a token that may travel where tokens go (REQ-CONN-20, REQ-CONN-28).

        Raises:
            TypeError: it is no string.
            ValueError: no header may hold it.
        """
        if not isinstance(token, str):
            raise TypeError("token: expected a string")
        if self.token_in == "header":
            check_header_value("token", token)
        return token


class OptionWords(TypedDict, total=False):
    """The keywords of a client: the fields of :class:`Options` but its ``url``."""

    token: str | TokenProvider | None
    token_in: Literal["query", "header"]
    headers: Mapping[str, str]
    origin: str | None
    supports: Sequence[str]
    lazy: bool
    connect_timeout: float
    close_timeout: float
    request_timeout: float
    turn_idle_timeout: float
    turn_timeout: float
    question_timeout: float
    cancel_timeout: float
    max_message_bytes: int
    ssl: ssl.SSLContext | None
    ca_file: str | None
    logger: logging.Logger
    log_payloads: bool
    opener: Opener | None
    clock: Clock
    id_generator: IdGenerator
    random: Callable[[], float]
    observer: Observer | None
