"""Why an attempt failed: the error that the caller sees, and whether another one may help."""

from __future__ import annotations

import socket
import ssl
from dataclasses import dataclass
from typing import Any, Literal

from ._errors import AuthenticationError, ConnectFailedError, SmoothAgentError
from ._errors_made import Failures
from ._transport import HandshakeError
from .wire.codes import CloseCode, close_code, http_status


class ProviderError(Exception):
    """A token provider gave no token; ``misuse`` when it gave what is none (REQ-CONN-28)."""

    def __init__(self, cause: Exception, *, misuse: bool = False) -> None:
        super().__init__()
        self.cause = cause
        self.misuse = misuse


@dataclass(frozen=True, slots=True)
class Outlook:
    """Whether another attempt may help, and when (REQ-CONN-30)."""

    retry: Literal["yes", "no", "renew"]
    backoff_from: int = 0
    """Least number that the backoff counts from."""
    hint: int | None = None
    """Milliseconds that the server asked to wait, where it did."""


HOPELESS = Outlook("no")


@dataclass(frozen=True, slots=True)
class Failure:
    """An attempt that failed."""

    error: Exception
    outlook: Outlook


def after_close(code: int) -> Outlook:
    """Return what the close code of a link says about another one."""
    return _by_row(close_code(code))


def attempt_failure(cause: Exception, limit: float, failures: Failures) -> Failure:
    """Return the failure of an attempt that ended with ``cause`` (REQ-CONN-21 to REQ-CONN-23)."""
    if isinstance(cause, ProviderError):
        return _provider_failure(cause, failures)
    if isinstance(cause, AuthenticationError):
        return Failure(cause, HOPELESS)
    if isinstance(cause, HandshakeError):
        return _handshake_failure(cause, failures)
    reason, outlook = type(cause).__name__, Outlook("yes")
    if isinstance(cause, TimeoutError) and cause.errno is None:
        reason = f"nothing within {limit:g} s"
    elif isinstance(cause, OSError):
        reason = reason_of(cause)
        outlook = HOPELESS if isinstance(cause, ssl.SSLCertVerificationError) else outlook
    retryable = None if outlook.retry == "yes" else False
    error = failures.make(ConnectFailedError, reason=reason, retryable=retryable)
    return _caused(error, cause, outlook)


def reason_of(cause: OSError) -> str:
    """Return the system's own words for why a socket could not be opened."""
    if isinstance(cause, ssl.SSLCertVerificationError):
        return f"the certificate is not trusted: {cause.verify_message}"
    if isinstance(cause, ssl.SSLError):
        return f"TLS failed: {cause.reason or type(cause).__name__}"
    if isinstance(cause, socket.gaierror):
        return f"the name is unknown: {cause.strerror}"
    return cause.strerror or type(cause).__name__


def _provider_failure(fault: ProviderError, failures: Failures) -> Failure:
    """What the provider raised of the client's own kind ``authentication`` stays what it is."""
    if fault.misuse or isinstance(fault.cause, AuthenticationError):
        return Failure(fault.cause, HOPELESS)
    error = failures.make(ConnectFailedError, reason=type(fault.cause).__name__)
    return _caused(error, fault.cause, Outlook("yes"))


def _handshake_failure(cause: HandshakeError, failures: Failures) -> Failure:
    leaf: type[SmoothAgentError] = ConnectFailedError
    retryable, outlook = None, Outlook("yes")
    if cause.status is not None:
        row = http_status(cause.status)
        outlook = _by_row(row, cause.retry_after_ms)
        if row is not None and row.kind == "authentication":
            leaf = AuthenticationError
        else:
            retryable = outlook.retry == "yes"
    reason = "" if cause.status is not None else str(cause)
    details = _details(cause)
    error = failures.make(leaf, reason=reason, retryable=retryable, details=details)
    return _caused(error, cause, outlook)


def _by_row(row: CloseCode | None, hint: int | None = None) -> Outlook:
    return HOPELESS if row is None else Outlook(row.retry, row.backoff_from, hint)


def _caused(error: SmoothAgentError, cause: Exception, outlook: Outlook) -> Failure:
    error.__cause__ = cause
    return Failure(error, outlook)


def _details(cause: HandshakeError) -> dict[str, Any]:
    facts = {
        "status": cause.status,
        "retryAfterMs": cause.retry_after_ms,
        "body": cause.body,
        "requestId": cause.request_id,
    }
    return {name: value for name, value in facts.items() if value is not None}
