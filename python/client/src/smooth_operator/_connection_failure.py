"""Why an attempt failed, as the error that the caller sees: no secret in it, and a way on."""

from __future__ import annotations

import socket
import ssl
from typing import Any

from ._errors import AuthenticationError, ConnectFailedError, SmoothAgentError
from ._errors_made import Failures
from ._transport import HandshakeError
from .wire.codes import http_status


def attempt_failure(cause: Exception, limit: float, failures: Failures) -> SmoothAgentError:
    """Return the error of an attempt that ended with ``cause`` (REQ-CONN-21 to REQ-CONN-23)."""
    if isinstance(cause, AuthenticationError):
        return cause  # what the token provider raised (REQ-CONN-28)
    leaf: type[SmoothAgentError] = ConnectFailedError
    reason, retryable, details = type(cause).__name__, None, {}
    if isinstance(cause, HandshakeError):
        details = _details(cause)
        row = http_status(cause.status) if cause.status is not None else None
        if row is not None and row.kind == "authentication":
            leaf = AuthenticationError
        elif row is not None:
            retryable = row.retry == "yes"
        elif cause.status is not None:
            retryable = False
        reason = "" if cause.status is not None else str(cause)
    elif isinstance(cause, TimeoutError) and cause.errno is None:
        reason = f"nothing within {limit:g} s"
    elif isinstance(cause, OSError):
        reason = reason_of(cause)
        retryable = False if isinstance(cause, ssl.SSLCertVerificationError) else None
    error = failures.make(leaf, reason=reason, retryable=retryable, details=details)
    error.__cause__ = cause
    return error


def reason_of(cause: OSError) -> str:
    """Return the system's own words for why a socket could not be opened."""
    if isinstance(cause, ssl.SSLCertVerificationError):
        return f"the certificate is not trusted: {cause.verify_message}"
    if isinstance(cause, ssl.SSLError):
        return f"TLS failed: {cause.reason or type(cause).__name__}"
    if isinstance(cause, socket.gaierror):
        return f"the name is unknown: {cause.strerror}"
    return cause.strerror or type(cause).__name__


def _details(cause: HandshakeError) -> dict[str, Any]:
    facts = {
        "status": cause.status,
        "retryAfterMs": cause.retry_after_ms,
        "body": cause.body,
        "requestId": cause.request_id,
    }
    return {name: value for name, value in facts.items() if value is not None}
