"""Why an attempt failed, as the error that the caller sees: no secret in it, and a way on."""

from __future__ import annotations

import socket
import ssl
from typing import Any
from urllib.parse import urlsplit

from .errors import AuthenticationError, ConnectFailedError, SmoothAgentError
from .options import Options
from .transport import HandshakeError

_WORTH_ANOTHER_TRY = frozenset({408, 425, 429})
_FINAL = frozenset({501, 505})


def attempt_failure(cause: Exception, options: Options) -> SmoothAgentError:
    """Return the error of an attempt that ended with ``cause``."""
    if isinstance(cause, SmoothAgentError):
        return cause
    where = host_of(options.url)
    error: SmoothAgentError
    if isinstance(cause, HandshakeError):
        leaf = AuthenticationError if cause.status == 401 else ConnectFailedError
        retryable = None if cause.status in (None, 401) else status_retryable(cause.status)
        error = leaf(f"{where}: {cause}", details=_details(cause), retryable=retryable)
        error.__cause__ = cause.__cause__ or cause
    elif isinstance(cause, TimeoutError) and cause.errno is None:
        error = ConnectFailedError(f"{where}: no link within {options.connect_timeout:g} s")
        error.__cause__ = cause
    elif isinstance(cause, OSError):
        retryable = False if isinstance(cause, ssl.SSLCertVerificationError) else None
        error = ConnectFailedError(f"{where}: {reason_of(cause)}", retryable=retryable)
        error.__cause__ = cause
    else:
        # What an application's own code raised may say anything; its type says enough.
        error = ConnectFailedError(f"{where}: {type(cause).__name__} while connecting")
        error.__cause__ = cause
    return error


def status_retryable(status: int | None) -> bool:
    """Return whether another attempt may succeed after a handshake answered with ``status``."""
    if status is None or status in _WORTH_ANOTHER_TRY:
        return True
    return status >= 500 and status not in _FINAL


def host_of(url: str) -> str:
    """Return host and port of an address, the part of it that may be shown."""
    parts = urlsplit(url)
    port = parts.port or (443 if parts.scheme == "wss" else 80)
    host = parts.hostname or ""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def reason_of(cause: OSError) -> str:
    """Return the system's own words for why a socket could not be opened."""
    if isinstance(cause, ssl.SSLCertVerificationError):
        return f"the certificate is not trusted: {cause.verify_message}"
    if isinstance(cause, ssl.SSLError):
        return f"TLS failed: {cause.reason or type(cause).__name__}"
    if isinstance(cause, socket.gaierror):
        return f"the name is unknown: {cause.strerror}"
    text = cause.strerror or type(cause).__name__
    # asyncio puts the address into the text, behind the system's words.
    return f"the link could not be opened: {text.split(':')[-1].strip() if cause.errno else text}"


def _details(cause: HandshakeError) -> dict[str, Any]:
    facts = {
        "status": cause.status,
        "retryAfterMs": cause.retry_after_ms,
        "body": cause.body,
        "requestId": cause.request_id,
    }
    return {name: value for name, value in facts.items() if value is not None}
