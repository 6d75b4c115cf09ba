"""The engine of a server without a model: boots, answers everything else, refuses turns."""

from __future__ import annotations

from collections.abc import Sequence

from .port import EngineStream, EngineTurn, Failure, ToolResult, TurnInput

NO_MODEL = (
    "no model is configured: set SMOOAI_GATEWAY_KEY or SMOOAI_GATEWAY_URL, or start the server"
    " with --demo or --script"
)


class AbsentEngine:
    """Refuses every turn with LLM_UNAVAILABLE."""

    def unavailable(self) -> str | None:
        return NO_MODEL

    def begin(self, turn: TurnInput, saved: bytes | None = None) -> EngineTurn:  # noqa: ARG002
        return _AbsentTurn()

    async def aclose(self) -> None:
        """Nothing is held open."""


class _AbsentTurn:
    async def step(self, results: Sequence[ToolResult] = ()) -> EngineStream:  # noqa: ARG002
        yield Failure(NO_MODEL)

    def save(self) -> bytes:
        return b""

    async def aclose(self) -> None:
        """Nothing is kept."""
