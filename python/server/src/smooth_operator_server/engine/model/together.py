"""An agent that leads a team: members with prompts of their own, whose words only it passes on.

Members are asked beside the turn, without tools; what they say is shown as reasoning. The budget
of the turn is theirs too: members that are asked at once are only asked when it has enough for all.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import asdict
from typing import TYPE_CHECKING

from pydantic_ai.tools import ToolDefinition

from ...agents.team import VOTE, Member, decided
from ..port import EngineStream, Failure, Reasoning, ToolCall, ToolResult, TurnInput
from .asides import Aside
from .messages import disclosed, enclosed
from .turn import ModelTurn

if TYPE_CHECKING:
    from .engine import ModelEngine

ANSWER_TOKENS = 1000
"""Longest answer of a member."""

MEETINGS = 8
"""How often a leader may ask members before it has to answer or call a tool."""

_TOOL = "ask_"

_ROLE = (
    "You are {name}, one of a team. Your answer goes to the leader of the team, not to the person."
    "\n\n{instructions}"
)
_LINE = (
    "{name}, who came before you, has made this of it. Go on from there, and write the whole of"
    " what you hand on:\n\n{text}"
)
_BALLOT = (
    f"Think, then end with one line that begins with {VOTE} and has your answer in as few words as"
    " it can be given."
)
_HEARD = "Your team has looked at the message. Answer the person now, from this:\n\n{said}"
_HANDED = "Your team has prepared this. Answer the person now, from it:\n\n{said}"
_DECIDED = (
    "Your team has voted: {votes} of {of} say: {words}\n\nGive the person this answer. What the"
    " members said:\n\n{said}"
)


class TeamTurn:
    """A turn of the model engine that is answered by several."""

    def __init__(self, engine: ModelEngine, turn: TurnInput, kept: bytes | None) -> None:
        assert turn.agent.team is not None
        self._team = turn.agent.team
        self._engine = engine
        self._has_met = False
        self._answers: list[ToolResult] = []  # of members, while the runner runs the other calls
        self._order: list[str] = []
        inner = None
        if kept:
            value, inner = disclosed(kept)
            self._has_met, self._order = value["hasMet"], value["order"]
            self._answers = [ToolResult(**one) for one in value["answers"]]
        self._members = {f"{_TOOL}{one.name}": one for one in self._team.members}
        tools = map(_tool, self._team.members) if self._team.pattern == "leader" else ()
        self._inner = ModelTurn(engine, turn, inner, tools)

    def save(self) -> bytes:
        answers = [asdict(answer) for answer in self._answers]
        kept = {"hasMet": self._has_met, "order": self._order, "answers": answers}
        return enclosed(self._inner.save(), kept)

    async def aclose(self) -> None:
        await self._inner.aclose()

    async def step(self, results: Sequence[ToolResult] = ()) -> EngineStream:
        if self._team.pattern != "leader" and not self._has_met:
            async with aclosing(self._meet()) as meeting:
                async for event in meeting:
                    yield event
                    if isinstance(event, Failure):
                        return
        for _ in range(MEETINGS):
            asked: list[ToolCall] = []
            others = False
            given = self._given(results)
            async with aclosing(self._inner.step(given)) as saying:
                async for event in saying:
                    if isinstance(event, ToolCall):
                        self._order.append(event.call_id)
                        if event.name in self._members:
                            asked.append(event)
                            continue
                        others = True
                    yield event
                    if isinstance(event, Failure):
                        return
            async with aclosing(self._ask(asked)) as asking:
                async for event in asking:
                    yield event
                    if isinstance(event, Failure):
                        return
            if others or not asked:
                return  # the runner has the other calls, or there are none and this is the answer
            results = ()
        yield Failure("the agent asks its team again and again")

    def _given(self, results: Sequence[ToolResult]) -> list[ToolResult]:
        """Return the results of all calls of the answer before, in the order of the calls."""
        by_id = {one.call_id: one for one in (*self._answers, *results)}
        given = [by_id[call_id] for call_id in self._order]
        self._answers, self._order = [], []
        return given

    async def _ask(self, asked: Sequence[ToolCall]) -> EngineStream:
        """Ask the members that the leader has called."""
        if not asked:
            return
        members = [self._members[call.name] for call in asked]
        questions = [str(call.arguments.get("message", "")) for call in asked]
        asides = [self._aside(*pair) for pair in zip(members, questions, strict=True)]
        for call, member, said in zip(
            asked, members, await self._inner.asides(asides), strict=True
        ):
            if isinstance(said, Failure):
                self._answers.append(ToolResult(call.call_id, call.name, said.message, True))
                continue
            text, usage = said
            self._answers.append(ToolResult(call.call_id, call.name, text))
            yield usage
            yield _shown(member, text)

    async def _meet(self) -> EngineStream:
        """Have the team work on the message, and tell its leader what came of it."""
        async for event in self._inner.open():
            yield event
        said: list[tuple[Member, str]] = []
        failed: Failure | None = None
        for members in self._rounds():
            asides = [self._aside(member, self._task(said)) for member in members]
            answers = await self._inner.asides(asides)
            for member, answer in zip(members, answers, strict=True):
                if isinstance(answer, Failure):
                    failed = answer  # one that cannot answer is left out
                    continue
                text, usage = answer
                said.append((member, text))
                yield usage
                yield _shown(member, text)
        if not said:
            assert failed is not None
            yield failed
            return
        self._inner.tell(self._told(said))
        self._has_met = True

    def _rounds(self) -> list[tuple[Member, ...]]:
        """Return who is asked at once, round by round."""
        members = self._team.members
        return [(one,) for one in members] if self._team.pattern == "pipeline" else [members]

    def _task(self, said: Sequence[tuple[Member, str]]) -> str | None:
        """Return what a member is told beside the message of the person."""
        if self._team.pattern == "majority":
            return _BALLOT
        if said:
            before, text = said[-1]
            return _LINE.format(name=before.name, text=text)
        return None

    def _aside(self, member: Member, task: str | None) -> Aside:
        role = _ROLE.format(name=member.name, instructions=member.instructions)
        alone = self._team.pattern == "leader"
        told = self._inner.as_told_to(role, task, alone=alone)
        return Aside(told, ANSWER_TOKENS, member.model)

    def _told(self, said: Sequence[tuple[Member, str]]) -> str:
        """Return what the leader is told of the meeting."""
        if self._team.pattern == "pipeline":
            return _HANDED.format(said=said[-1][1])
        heard = "\n\n".join(f"{member.name}:\n{text}" for member, text in said)
        if self._team.pattern == "majority" and (won := decided([text for _, text in said])):
            return _DECIDED.format(votes=won.votes, of=won.of, words=won.words, said=heard)
        return _HEARD.format(said=heard)


def _shown(member: Member, text: str) -> Reasoning:
    return Reasoning(f"{member.name}: {text}\n\n")


def _tool(member: Member) -> ToolDefinition:
    """Return the tool by which a leader asks a member."""
    message = {"type": "string", "description": "All that the member has to know."}
    return ToolDefinition(
        name=f"{_TOOL}{member.name}",
        description=f"Ask {member.name}, a member of your team: {member.instructions[:300]}",
        parameters_json_schema={
            "type": "object",
            "properties": {"message": message},
            "required": ["message"],
            "additionalProperties": False,
        },
    )
