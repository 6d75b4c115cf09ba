"""The engine of a server without a model: boots, answers everything else, refuses turns."""

from __future__ import annotations

from collections.abc import Sequence

from .port import EngineStream, EngineTurn, Failure, ToolResult, TurnInput

_NO_KEY = (
    "no model is configured: set SMOOAI_GATEWAY_KEY, or start the server with --demo or --script"
)
_NO_MODEL_ENGINE = (
    "SMOOAI_GATEWAY_KEY is set, but the model engine is not part of this version:"
    " start the server with --demo or --script"
)


class AbsentEngine:
    """Refuses every turn with LLM_UNAVAILABLE."""

    def __init__(self, *, has_key: bool) -> None:
        self._reason = _NO_MODEL_ENGINE if has_key else _NO_KEY

    def unavailable(self) -> str | None:
        return self._reason

    def begin(self, turn: TurnInput, saved: bytes | None = None) -> EngineTurn:  # noqa: ARG002
        return _AbsentTurn(self._reason)


class _AbsentTurn:
    def __init__(self, reason: str) -> None:
        self._reason = reason

    async def step(self, results: Sequence[ToolResult] = ()) -> EngineStream:  # noqa: ARG002
        yield Failure(self._reason)

    def save(self) -> bytes:
        return b""

    async def aclose(self) -> None:
        """Nothing is kept."""
