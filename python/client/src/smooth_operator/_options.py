"""Every option of a client, with its unit and default."""

from __future__ import annotations

import inspect
import logging
import random
import ssl
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypedDict

from ._clock import Clock, IdGenerator, SystemClock, new_request_id
from ._handlers import Handlers, check_handlers
from ._options_address import check_header_value, check_headers, check_url
from .wire import options as table

if TYPE_CHECKING:
    from ._observer import Observer
    from ._transport import Opener

LOGGER = logging.getLogger("smooth_operator")
LOGGER.addHandler(logging.NullHandler())
"""Without a handler of its own Python prints warnings on stderr (REQ-LOG-01)."""

TokenReason = Literal["connect", "reconnect", "rejected"]


@dataclass(frozen=True, slots=True)
class TokenRequest:
    """What a token provider is asked for: the token of one attempt (REQ-CONN-11)."""

    reason: TokenReason
    """``connect`` for the first attempt, ``reconnect`` for a later one, ``rejected`` when the
    server refused the token before: a kept one will not do then (REQ-CONN-34)."""


TokenProvider = Callable[[TokenRequest], Awaitable[str]]
"""Gives the token for one connection attempt."""

_TIMES = {
    "connect_timeout": table.CONNECT_TIMEOUT,
    "close_timeout": table.CLOSE_TIMEOUT,
    "request_timeout": table.REQUEST_TIMEOUT,
    "turn_idle_timeout": table.TURN_IDLE_TIMEOUT,
    "turn_timeout": table.TURN_TIMEOUT,
    "question_timeout": table.QUESTION_TIMEOUT,
    "cancel_timeout": table.CANCEL_TIMEOUT,
    "resume_timeout": table.RESUME_TIMEOUT,
    "backoff_base": table.BACKOFF_BASE,
    "backoff_max": table.BACKOFF_MAX,
    "stable_after": table.STABLE_AFTER,
    "ping_interval": table.PING_INTERVAL,
    "pong_timeout": table.PONG_TIMEOUT,
    "handler_timeout": table.HANDLER_TIMEOUT,
}
_COUNTS: dict[str, table.Option[Any]] = {
    "max_message_bytes": table.MAX_MESSAGE_BYTES,
    "max_reconnect_attempts": table.MAX_RECONNECT_ATTEMPTS,
    "queue_limit": table.QUEUE_LIMIT,
}
_SWITCHES: dict[str, table.Option[bool]] = {
    "lazy": table.LAZY,
    "log_payloads": table.LOG_PAYLOADS,
    "auto_reconnect": table.AUTO_RECONNECT,
    "retry_initial_connect": table.RETRY_INITIAL_CONNECT,
    "resend_after_otp": table.RESEND_AFTER_OTP,
}
_WORDS: dict[str, table.Option[str]] = {
    "token_in": table.TOKEN_IN,
    "queue_policy": table.QUEUE_POLICY,
    "turn_policy": table.TURN_POLICY,
}


def _seconds(name: str) -> float:
    """Return the default that the specification has for a limit, which is in milliseconds there."""
    return _TIMES[name].default / 1000


def milliseconds(seconds: float) -> float:
    """Return a time in the unit of the specification, to the microsecond.

    0.3 s are 300 ms, and not what the nearest binary fractions of both make of it.
    """
    return round(seconds * 1_000_000) / 1000


@dataclass(frozen=True, kw_only=True, slots=True)
class Options:
    """Settings of a client. Times are seconds; 0 turns a limit off.

    Raises:
        ValueError: the URL is not ws: or wss:, a time or number is below what the table of options
            has, or a word is not among its words (REQ-CONN-01).
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
    resume_timeout: float = _seconds("resume_timeout")
    """Seconds that a turn may wait, without a new event, to be taken up again after a loss; 60, and
    0 = without end (REQ-RESUME-09)."""
    auto_reconnect: bool = table.AUTO_RECONNECT.default
    """Seek a new link when one is lost; on (REQ-CONN-30)."""
    retry_initial_connect: bool = table.RETRY_INITIAL_CONNECT.default
    """Seek a link again when the first attempt of ``connect()`` fails; off (REQ-CONN-04)."""
    max_reconnect_attempts: int | None = table.MAX_RECONNECT_ATTEMPTS.default
    """Attempts in a row without a link before it is given up; None = without end, 0 = none at all
    (REQ-CONN-36)."""
    backoff_base: float = _seconds("backoff_base")
    """Unit of the waits between attempts, in seconds, at least 0.001; 0.5 (REQ-CONN-31)."""
    backoff_max: float = _seconds("backoff_max")
    """Longest wait before an attempt, in seconds, at least 0.001; 20 (REQ-CONN-31)."""
    stable_after: float = _seconds("stable_after")
    """Seconds open after which attempts are counted anew; 10 (REQ-CONN-32)."""
    ping_interval: float = _seconds("ping_interval")
    """Seconds of silence of the link after which it is asked whether it lives; 25, and 0 = never,
    which also turns off that a sleep of the machine is noticed (REQ-CONN-38, REQ-CONN-39)."""
    pong_timeout: float = _seconds("pong_timeout")
    """Seconds for the sign of life that was asked for; 10, and 0 = without end (REQ-CONN-38)."""
    queue_limit: int = table.QUEUE_LIMIT.default
    """Actions that may wait for a link; 64. More fail with QueueFullError (REQ-CONN-40)."""
    queue_policy: Literal["wait", "fail_fast"] = "wait"
    """What an action does while a lost link is sought again: wait for it, or fail at once with
    NotConnectedError (REQ-CONN-40)."""
    turn_policy: Literal["parallel", "queue"] = "parallel"
    """What a message does while another turn of its session runs: go out all the same, or wait
    for its outcome (REQ-TURN-31)."""
    handlers: Handlers | None = field(default=None, repr=False)
    """What answers the questions of turns in place of verbs; nothing by default (REQ-ASK-01)."""
    handler_timeout: float = _seconds("handler_timeout")
    """Seconds that a handler may take; off by default (REQ-ASK-07)."""
    resend_after_otp: bool = table.RESEND_AFTER_OTP.default
    """Send a message again when its handler has given the code that it was refused for, and let
    the same turn go on with it; on (REQ-ASK-11)."""
    max_message_bytes: int = table.MAX_MESSAGE_BYTES.default
    """Largest message that is taken from the server, in bytes; 16 MiB (REQ-WIRE-11)."""
    ssl: ssl.SSLContext | None = None
    """TLS settings for ``wss:``; by default the platform's roots and ``ca_file`` (REQ-CONN-13)."""
    ca_file: str | None = None
    """PEM file whose certificates are trusted beside the platform's roots (REQ-CONN-13)."""
    logger: logging.Logger = field(default=LOGGER, repr=False)
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
        for name, words in _WORDS.items():
            _check_word(name, getattr(self, name), words)
        if self.token is not None and not isinstance(self.token, str):
            _check_provider(self.token)
        if isinstance(self.token, str):
            self.check_token(self.token)
        check_headers(self.headers)
        if self.origin is not None:
            check_header_value("origin", self.origin)
        for name, time in _TIMES.items():
            _check_time(name, getattr(self, name), time)
        for name, count in _COUNTS.items():
            _check_count(name, getattr(self, name), count)
        for name in _SWITCHES:
            if not isinstance(getattr(self, name), bool):
                raise TypeError(f"{name}: expected True or False")
        if isinstance(self.supports, str) or not all(isinstance(w, str) for w in self.supports):
            raise TypeError("supports: expected a sequence of strings")
        check_handlers(self.handlers)
        if self.opener is not None and not callable(self.opener):
            raise TypeError("opener: expected an async function")

    @property
    def seeks(self) -> bool:
        """Whether a lost link is sought again (REQ-CONN-30)."""
        return self.auto_reconnect and self.max_reconnect_attempts != 0

    def draw(self) -> float:
        """Return one number of the random source; a source that breaks ends nothing."""
        try:
            draw = self.random()
            if 0 <= draw < 1:
                return draw
            self.logger.warning("random: expected a number from 0 up to 1")
        except Exception:
            self.logger.warning("random raised", exc_info=True)
        return 0.5

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


def _check_provider(token: object) -> None:
    if not callable(token):
        raise TypeError("token: expected a string or an async function")
    try:
        takes = inspect.signature(token)
    except ValueError:
        return  # written in C: what it takes shows when it is called
    try:
        takes.bind(TokenRequest("connect"))
    except TypeError:
        raise TypeError("token: expected an async function that takes the request") from None


def _check_word(name: str, value: object, row: table.Option[str]) -> None:
    if value not in row.words:
        expected = " or ".join(repr(word) for word in row.words)
        raise ValueError(f"{name}: expected {expected}")


def _check_time(name: str, value: object, row: table.Option[int]) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"{name}: expected seconds as a number")
    least = (row.min or 0) / 1000
    if not least <= value < float("inf"):
        off = "0 (off) or " if row.off == 0 else ""
        raise ValueError(f"{name}: expected {off}a number of seconds, at least {least:g}")


def _check_count(name: str, value: object, row: table.Option[Any]) -> None:
    if value is None and row.default is None:
        return
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(f"{name}: expected a number of {row.unit}")
    if value < (row.min or 0):
        raise ValueError(f"{name}: expected at least {row.min}")


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
    resume_timeout: float
    auto_reconnect: bool
    retry_initial_connect: bool
    max_reconnect_attempts: int | None
    backoff_base: float
    backoff_max: float
    stable_after: float
    ping_interval: float
    pong_timeout: float
    queue_limit: int
    queue_policy: Literal["wait", "fail_fast"]
    turn_policy: Literal["parallel", "queue"]
    handlers: Handlers | None
    handler_timeout: float
    resend_after_otp: bool
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
