"""The typed ``error``: every way in which the server says no."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum


class Code(StrEnum):
    """Error codes that this server sends; their meaning is in ``spec/errors.yaml``."""

    VALIDATION_ERROR = "VALIDATION_ERROR"
    UNSUPPORTED_ACTION = "UNSUPPORTED_ACTION"
    SESSION_NOT_FOUND = "SESSION_NOT_FOUND"
    CONVERSATION_NOT_FOUND = "CONVERSATION_NOT_FOUND"
    SKILL_NOT_FOUND = "SKILL_NOT_FOUND"
    AGENT_NOT_AUTHORIZED = "AGENT_NOT_AUTHORIZED"
    ORIGIN_NOT_ALLOWED = "ORIGIN_NOT_ALLOWED"
    RATE_LIMITED = "RATE_LIMITED"
    TURN_IN_PROGRESS = "TURN_IN_PROGRESS"
    NO_PENDING_CONFIRMATION = "NO_PENDING_CONFIRMATION"
    NO_PENDING_INTERACTION = "NO_PENDING_INTERACTION"
    INTERACTION_MISMATCH = "INTERACTION_MISMATCH"
    OTP_SEND_FAILED = "OTP_SEND_FAILED"
    LLM_UNAVAILABLE = "LLM_UNAVAILABLE"
    AGENT_ERROR = "AGENT_ERROR"
    STORAGE_ERROR = "STORAGE_ERROR"
    INTERNAL_ERROR = "INTERNAL_ERROR"


class RefusalError(Exception):
    """An action was refused; the peer gets one ``error`` and the link stays (REQ-SRV-02).

    ``message`` is for a developer and never repeats what a person wrote. ``details`` are further
    facts for the program: ids of what the action named.
    """

    def __init__(
        self,
        code: Code,
        message: str,
        *,
        retry_after_ms: int | None = None,
        details: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.retry_after_ms = retry_after_ms
        self.details = details
