"""One turn of a model: what it was told so far, and what it has spent."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterable, Sequence
from contextlib import aclosing
from typing import TYPE_CHECKING

from pydantic_ai.messages import (
    ModelMessage,
    ModelRequest,
    ModelResponse,
    SystemPromptPart,
    UserPromptPart,
)
from pydantic_ai.models import ModelRequestParameters
from pydantic_ai.tools import ToolDefinition

from ...accounts import Spent, Summary
from ...telemetry import log, where
from ..port import (
    EngineEvent,
    EngineStream,
    Failure,
    Outcome,
    Past,
    Said,
    Text,
    ToolCall,
    ToolResult,
    TurnInput,
    Usage,
)
from .asides import Aside
from .budget import LEAST_ANSWER, SpentError, most_tokens
from .calling import CHARACTERS_PER_TOKEN, Call
from .history import (
    SUMMARY_TOKENS,
    fitted,
    newest,
    size_of,
    summary_request,
    unsummed,
)
from .messages import opening, read, returned, saved
from .messages import size_of as told_size
from .prices import Price
from .trailer import Trailer

if TYPE_CHECKING:
    from .engine import ModelEngine

SHARES = (1, 2, 4, 8)
"""Into how many parts the longest answers are cut until a budget is enough for all of them."""

NOTHING = Spent()


class ModelTurn:
    """A turn of the model engine."""

    def __init__(
        self,
        engine: ModelEngine,
        turn: TurnInput,
        kept: bytes | None,
        besides: Iterable[ToolDefinition] = (),
    ) -> None:
        """Begin a turn, or go on with it; ``besides`` are tools that the server does not have."""
        self._engine = engine
        self._turn = turn
        self._told: list[ModelMessage] = []
        self._spent = Spent()
        if kept:
            self._told, self._spent = read(kept)
        self._name = turn.model or engine.settings.model
        more = list(besides)
        taken = {tool.name for tool in more}
        offered = [
            ToolDefinition(
                name=tool.name,
                description=tool.description,
                parameters_json_schema=tool.parameters,
            )
            for tool in turn.tools
            if tool.name not in taken
        ]
        self._asked = ModelRequestParameters(function_tools=[*offered, *more])

    async def step(self, results: Sequence[ToolResult] = ()) -> EngineStream:
        try:
            async for usage in self.open():
                yield usage
            if results:
                self.take(results)
            call = await self._new_call(self._told, self._engine.settings.max_tokens, self._asked)
        except SpentError as fault:
            yield Failure(str(fault))
            return
        async with aclosing(self._say(call)) as events:
            async for event in events:
                yield event

    async def open(self) -> AsyncGenerator[EngineEvent, None]:
        """Put the beginning of the turn together, once."""
        if not self._told:
            async for usage in self._open():
                yield usage

    def take(self, results: Sequence[ToolResult]) -> None:
        """Take the results of the calls of the last answer."""
        answer = self._told[-1]
        assert isinstance(answer, ModelResponse)
        self._told.append(returned(answer, results))
        self._told = fitted(self._told, self._engine.settings.history_chars)

    def tell(self, text: str) -> None:
        """Add something that the model is told before its next answer."""
        self._told.append(ModelRequest([UserPromptPart(text)]))

    def as_told_to(self, role: str, task: str | None, *, alone: bool) -> list[ModelMessage]:
        """Return the beginning of the turn as another one is told it, who has a role of its own.

        ``alone`` leaves out the conversation, so that only the task is told.
        """
        opened = self._told[0]
        assert isinstance(opened, ModelRequest)
        known = "\n\n".join(
            part.content for part in opened.parts if isinstance(part, SystemPromptPart)
        )
        told: list[ModelMessage] = [
            ModelRequest([SystemPromptPart(f"{role}\n\nWhat your leader was told:\n\n{known}")])
        ]
        if not alone:
            told += self._told[1:]
        return told if task is None else [*told, ModelRequest([UserPromptPart(task)])]

    async def aside(self, prompt: str, longest: int) -> tuple[str, Usage] | Failure:
        """Ask the model something about the turn, without tools and without keeping it."""
        told = [*self._told, ModelRequest([UserPromptPart(prompt)])]
        (answer,) = await self.asides([Aside(told, longest)])
        return answer

    async def asides(self, asked: Sequence[Aside]) -> list[tuple[str, Usage] | Failure]:
        """Ask several things at once; nothing is asked when the budget is not enough for all."""
        for share in SHARES:
            try:
                calls = await self._calls_at_once(asked, share)
            except SpentError as fault:
                refused = Failure(str(fault))
                continue
            is_fair = all(
                call.most_tokens == one.longest // share
                for call, one in zip(calls, asked, strict=True)
            )
            if is_fair or len(calls) == 1:
                return await asyncio.gather(*map(self._heard, calls))
            refused = Failure("the budget does not allow so many calls at once")
        return [refused for _ in asked]

    async def _calls_at_once(self, asked: Sequence[Aside], share: int) -> list[Call]:
        """Return calls that the budget allows together, each a part as long as it may be.

        Raises:
            SpentError: it does not allow all of them.
        """
        calls: list[Call] = []
        reserved = Spent()
        for one in asked:
            call = await self._new_call(
                one.told, one.longest // share, ModelRequestParameters(), reserved, one.model
            )
            calls.append(call)
            reserved += call.at_most()
        return calls

    async def _heard(self, call: Call) -> tuple[str, Usage] | Failure:
        said = await self._said(call)
        if isinstance(said, Failure):
            return said
        assert call.answer is not None
        return said.strip(), self._usage(call.answer, call.price)

    async def _said(self, call: Call) -> str | Failure:
        """Return the words of an answer that nobody sees as it comes."""
        words: list[str] = []
        async with aclosing(self._engine.caller.call(call)) as said:
            async for piece in said:
                if isinstance(piece, Failure):
                    return piece
                if isinstance(piece, Text):
                    words.append(piece.piece)
        return "".join(words)

    def save(self) -> bytes:
        return saved(self._told, self._spent)

    async def aclose(self) -> None:
        """Nothing is kept: a call that runs ends with its step."""

    async def _say(self, call: Call) -> AsyncGenerator[EngineEvent, None]:
        """Pass an answer on; what ends it is not part of its text."""
        trailer = Trailer(self._turn.agent.suggestions)
        hides = bool(self._turn.agent.suggestions)
        async with aclosing(self._engine.caller.call(call)) as said:
            async for piece in said:
                if isinstance(piece, Failure):
                    yield piece
                    return
                if isinstance(piece, Text) and hides:
                    piece = Text(trailer.feed(piece.piece))
                    if not piece.piece:
                        continue
                yield piece
        rest, suggestions = trailer.end()
        if rest:
            yield Text(rest)
        if suggestions:
            yield Outcome(suggestions)
        answer = call.answer
        assert answer is not None
        self._told.append(answer)
        yield self._usage(answer, call.price)
        for wanted in answer.tool_calls:
            # The ids of a model need not be different from step to step; the engine's own are.
            yield ToolCall(self._engine.new_id(), wanted.tool_name, wanted.args_as_dict())

    async def _new_call(
        self,
        told: Sequence[ModelMessage],
        longest: int,
        asked: ModelRequestParameters,
        reserved: Spent = NOTHING,
        model: str | None = None,
    ) -> Call:
        """Return a call that the budget allows; ``reserved`` is needed for others.

        Raises:
            SpentError: it allows none.
        """
        budget, turn = self._turn.agent.budget, self._turn
        coming = told_size(told) // CHARACTERS_PER_TOKEN
        name = model or self._name
        price = self._engine.prices.of(name)
        counts_session = budget.session_tokens is not None or budget.session_cost_usd is not None
        most = most_tokens(
            budget,
            longest=longest,
            coming=coming,
            turn=self._spent + reserved,
            session=(
                await self._engine.accounts.spent(turn.session_id)
                if counts_session
                else self._spent
            )
            + reserved,
            price=price,
        )
        return Call(
            self._engine.model(name),
            told,
            asked,
            coming=coming,
            most_tokens=most,
            price=price,
            charge=self._charge,
        )

    def _charge(self, spent: Spent) -> None:
        self._spent += spent
        self._engine.accounts.charge(self._turn.session_id, spent)

    def _usage(self, answer: ModelResponse, price: Price | None) -> Usage:
        read, written = answer.usage.input_tokens, answer.usage.output_tokens
        return Usage(read, written, price.of(read, written) if price else None)

    async def _open(self) -> AsyncGenerator[EngineEvent, None]:
        """Put the beginning of the turn together; what a summary has cost is told of."""
        turn, most = self._turn, self._engine.settings.history_chars
        history = await turn.history()
        summary = await self._engine.accounts.summary(turn.conversation_id) if history else None
        recent = unsummed(history, summary)
        if size_of(recent) + len(summary.text if summary else "") > most:
            kept = newest(recent, most // 2)
            older = recent[: len(recent) - len(kept)]
            call = await self._summary_call(older, summary)
            made = await self._sum_up(call, older) if call and older else None
            if made is not None and call is not None and call.answer is not None:
                summary, recent = made, kept
                yield self._usage(call.answer, call.price)
            else:
                recent = newest(recent, most)
        if not history and turn.past is not None:
            async for usage in self._remember(turn.past):
                yield usage
        found, memories = await turn.context(), await turn.memories()
        self._told = opening(turn, recent, summary.text if summary else None, found, memories)

    async def _remember(self, past: Past) -> AsyncGenerator[EngineEvent, None]:
        """Sum an earlier conversation up, so that it is remembered; when that fails, the next
        conversation tries again."""
        untold = await past.untold()
        call = await self._summary_call(untold.said, None) if untold else None
        said = await self._said(call) if call else None
        if untold is None or call is None or call.answer is None:
            return
        if not isinstance(said, str) or not said.strip():
            return
        yield self._usage(call.answer, call.price)
        await past.keep(untold.conversation_id, said.strip())

    async def _summary_call(self, older: Sequence[Said], summary: Summary | None) -> Call | None:
        """Return the call that sums up, when the budget has enough for it and the answer."""
        most = self._engine.settings.history_chars
        request = summary_request(older, summary, most)
        try:
            both = SUMMARY_TOKENS + most // CHARACTERS_PER_TOKEN
            price = self._engine.prices.of(self._name)
            after = Spent(both, 0, price.of(both, 0) if price else 0.0)
            await self._new_call(request, LEAST_ANSWER, ModelRequestParameters(), after)
            return await self._new_call(request, SUMMARY_TOKENS, ModelRequestParameters())
        except SpentError:
            return None  # the answer itself may still be had

    async def _sum_up(self, call: Call, older: Sequence[Said]) -> Summary | None:
        """Have the model sum up what is too long to be told; None when that fails."""
        said = await self._said(call)
        if isinstance(said, Failure):
            return None
        summary = Summary(older[-1].message_id, said)
        try:
            await self._engine.accounts.keep_summary(self._turn.conversation_id, summary)
        except Exception as fault:  # the next turn makes another one
            log.error("a summary was not stored", **where(fault))
        return summary
