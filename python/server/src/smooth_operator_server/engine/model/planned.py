"""An agent that plans, does, and has its answer checked before anybody sees it.

Three prompts around the ordinary turn: a plan before its first step, which is shown as reasoning;
the steps themselves, with tools and their gates as ever; and a check of the draft, which is either
taken or written again with what was missing.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import aclosing
from typing import TYPE_CHECKING

from ..port import EngineStream, Failure, Reasoning, Text, ToolCall, ToolResult, TurnInput
from .messages import disclosed, enclosed
from .turn import ModelTurn

if TYPE_CHECKING:
    from .engine import ModelEngine

REVISIONS = 2
"""How often a draft is written again; the last one is taken as it is."""

PLAN_TOKENS, VERDICT_TOKENS = 500, 300
GOOD = "GOOD"

_PLAN = (
    "Before you answer: write a plan of at most six short steps for the message above. Say which"
    " tools you will use and how you will know that the answer is right. Write the plan alone."
)
_FOLLOW = "Follow this plan, and answer the person when it is done:\n\n{plan}"
_CHECK = (
    "Check your last answer against the plan, the message of the person and what the tools gave:"
    f" is it complete, and does everything in it rest on them? Write {GOOD} and nothing else if it"
    " is, or else in a few words what has to change."
)
_AGAIN = "Your answer was not sent yet. Write it again, whole, with this changed:\n\n{verdict}"


class PlannedTurn:
    """A turn of the model engine in three phases."""

    def __init__(self, engine: ModelEngine, turn: TurnInput, kept: bytes | None) -> None:
        inner = None
        self._has_plan, self._revisions = False, 0
        if kept:
            value, inner = disclosed(kept)
            self._has_plan, self._revisions = value["hasPlan"], value["revisions"]
        self._inner = ModelTurn(engine, turn, inner)

    def save(self) -> bytes:
        kept = {"hasPlan": self._has_plan, "revisions": self._revisions}
        return enclosed(self._inner.save(), kept)

    async def aclose(self) -> None:
        await self._inner.aclose()

    async def step(self, results: Sequence[ToolResult] = ()) -> EngineStream:
        if not self._has_plan:
            async with aclosing(self._plan()) as planning:
                async for event in planning:
                    yield event
                    if isinstance(event, Failure):
                        return
        while True:
            draft: list[str] = []
            calls = False
            async with aclosing(self._inner.step(results)) as doing:
                async for event in doing:
                    if isinstance(event, Text):
                        draft.append(event.piece)
                        continue
                    calls = calls or isinstance(event, ToolCall)
                    yield event
                    if isinstance(event, Failure):
                        return
            if calls:
                return  # what was said beside the calls was no answer yet
            results = ()
            if self._revisions < REVISIONS:
                verdict = await self._inner.aside(_CHECK, VERDICT_TOKENS)
                if not isinstance(verdict, Failure):  # an answer that nobody can check is one too
                    said, usage = verdict
                    yield usage
                    if not said.upper().startswith(GOOD):
                        self._revisions += 1
                        self._inner.tell(_AGAIN.format(verdict=said))
                        continue
            yield Text("".join(draft))
            return

    async def _plan(self) -> EngineStream:
        async for event in self._inner.open():
            yield event
        plan = await self._inner.aside(_PLAN, PLAN_TOKENS)
        if isinstance(plan, Failure):
            yield plan
            return
        said, usage = plan
        yield usage
        yield Reasoning(said)
        self._inner.tell(_FOLLOW.format(plan=said))
        self._has_plan = True
