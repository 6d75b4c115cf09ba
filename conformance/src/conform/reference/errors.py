"""Errors of the reference client: one class, told apart by ``kind``."""

from __future__ import annotations

from typing import Any

KINDS = {
    "VALIDATION_ERROR": "invalid_request",
    "UNSUPPORTED_ACTION": "unsupported",
    "SESSION_NOT_FOUND": "not_found",
    "CONVERSATION_NOT_FOUND": "not_found",
    "SKILL_NOT_FOUND": "not_found",
    "AGENT_NOT_AUTHORIZED": "permission",
    "ORIGIN_NOT_ALLOWED": "permission",
    "AUTH_CONTEXT_INVALID": "permission",
    "TURN_IN_PROGRESS": "conflict",
    "NO_PENDING_CONFIRMATION": "conflict",
    "NO_PENDING_INTERACTION": "conflict",
    "INTERACTION_MISMATCH": "conflict",
    "RATE_LIMITED": "rate_limited",
    "LLM_UNAVAILABLE": "server_error",
    "AGENT_ERROR": "server_error",
    "INTERNAL_ERROR": "server_error",
    "STORAGE_ERROR": "server_error",
    "OTP_SEND_FAILED": "server_error",
}
NEVER_TERMINAL = frozenset(
    ["NO_PENDING_CONFIRMATION", "NO_PENDING_INTERACTION", "INTERACTION_MISMATCH", "OTP_SEND_FAILED"]
)
SPARED_BY_VERB = frozenset({"VALIDATION_ERROR", "SESSION_NOT_FOUND", "UNSUPPORTED_ACTION"})


class RefError(Exception):
    """A failure with its facts; ``facts`` are those of PROTOCOL.md, section 5."""

    def __init__(self, kind: str, **facts: Any) -> None:
        super().__init__(kind)
        self.kind = kind
        self.facts = {k: v for k, v in facts.items() if v is not None}

    def under(self, request: str) -> RefError:
        """The same failure, as the action of that id shows it (REQ-CONN-04)."""
        return RefError(self.kind, **{**self.facts, "request": request})

    def shown(self) -> dict[str, Any]:
        """As a testee reports it."""
        return {"kind": self.kind, **self.facts}


def from_info(info: dict[str, Any], request: str | None) -> RefError:
    """The error of an error object ``{code, message, …}``."""
    code = info.get("code")
    kind = KINDS.get(str(code), "protocol")
    return RefError(kind, code=code, request=request, retryAfterMs=info.get("retryAfterMs"))
