"""Errors as they are made: text and facts by the tables of the specification."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from . import _errors as errors
from . import wire
from .wire import errors as table
from .wire.codes import close_code, error_text

if TYPE_CHECKING:
    from ._transport import LinkEnd


_LOST = ("connection_lost", "turn_interrupted")


class Failures:
    """Makes the errors of one client; ``host`` is what their texts call the server."""

    def __init__(self, host: str) -> None:
        self.host = host

    def make(
        self,
        leaf: type[errors.SmoothAgentError],
        *,
        reason: str | None = None,
        limit: int | None = None,
        **facts: Any,
    ) -> errors.SmoothAgentError:
        """Return an error with the text of its kind (REQ-ERR-07)."""
        details: Mapping[str, Any] = facts.get("details") or {}
        places = {
            "host": self.host,
            "code": facts.get("code"),
            "close": facts.get("close_code"),
            "status": details.get("status"),
            "request_id": facts.get("request_id"),
            "session_id": facts.get("session_id"),
            "limit": limit,
            "reason": reason,
        }
        text = error_text(leaf.__name__.removesuffix("Error"), places)
        return leaf(text, **facts)

    def of_event(self, event: Any, **facts: Any) -> errors.SmoothAgentError:
        """Return what an ``error`` event reports, by the table of codes (REQ-ERR-02)."""
        details = {} if event.details in (None, wire.MISSING) else {"details": event.details}
        if event.retry_after_ms is not None:
            details["retryAfterMs"] = event.retry_after_ms
        row = table.lookup(event.code)
        return self.make(
            errors.leaf(row.leaf),
            code=event.code,
            retryable=row.retryable,
            details=details,
            server_message=event.message,
            **facts,
        )

    def of_status(self, event: Any, **facts: Any) -> errors.SmoothAgentError:
        """Return the error of a response with status 400 or above."""
        return self.make(errors.ProtocolError, details={"status": event.status}, **facts)

    def of_frame(self, fault: wire.DecodeError, **facts: Any) -> errors.SmoothAgentError:
        """Return the error of a frame that had to be understood (REQ-WIRE-03)."""
        details = {"type": fault.type, "pointer": fault.pointer, "problem": fault.kind}
        reason = f"{fault.type} at {fault.pointer or 'its root'}"
        made = self.make(errors.InvalidFrameError, reason=reason, details=details, **facts)
        made.__cause__ = fault
        return made

    def of_disorder(self, event: Any, **facts: Any) -> errors.SmoothAgentError:
        """Return the error of an event that came out of its place in a turn (REQ-RESUME-06)."""
        kind = event.wire_type if event.type == "unknown" else event.type
        reason = f"{kind} out of its place"
        return self.make(errors.InvalidFrameError, reason=reason, details={"type": kind}, **facts)

    def of_attempt(self, error: Exception, **facts: Any) -> Exception:
        """Return the error of what waited for an attempt; its cause is the attempt's own."""
        if not isinstance(error, errors.SmoothAgentError):
            return error
        own = type(error)(error.message, retryable=error.retryable, details=error.details, **facts)
        own.__cause__ = error
        return own

    def of_link(self, kind: str, end: LinkEnd | None, **facts: Any) -> errors.SmoothAgentError:
        """Return the error of what the link or a limit ended."""
        row = close_code(end.code) if end is not None else None
        if row is not None and row.kind == "authentication" and kind in _LOST:
            kind = row.kind  # REQ-CONN-15
        return self.of_end(kind, end, **facts)

    def of_end(self, kind: str, end: LinkEnd | None, **facts: Any) -> errors.SmoothAgentError:
        """Return an error of ``kind`` that says how the link ended, where one did."""
        code, reason = (end.code, end.text) if end is not None else (None, "")
        return self.make(errors.of_kind(kind), close_code=code, close_reason=reason, **facts)
