"""From the parts of a streamed answer to the events of an engine."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator

from pydantic_ai.messages import (
    ModelResponse,
    ModelResponseStreamEvent,
    PartDeltaEvent,
    PartStartEvent,
    TextPart,
    TextPartDelta,
    ThinkingPart,
    ThinkingPartDelta,
)

from ...clock import Clock, happens_within
from ..port import Reasoning, Text

Piece = Text | Reasoning


def piece_of(event: ModelResponseStreamEvent) -> Piece | None:
    """Return what an event adds to the answer or to the thinking."""
    match event:
        case PartStartEvent(part=TextPart(content=content)):
            return Text(content) if content else None
        case PartStartEvent(part=ThinkingPart(content=content)):
            return Reasoning(content) if content else None
        case PartDeltaEvent(delta=TextPartDelta(content_delta=content)):
            return Text(content) if content else None
        case PartDeltaEvent(delta=ThinkingPartDelta(content_delta=content)):
            return Reasoning(content) if content else None
    return None


async def pieces(
    events: AsyncIterator[ModelResponseStreamEvent], clock: Clock, coalesce_s: float
) -> AsyncGenerator[Piece, None]:
    """Yield what is said, words that come close together as one piece.

    A piece is held for ``coalesce_s`` at most, whether or not another one follows.
    """
    held: list[str] = []
    kind: type[Piece] = Text
    coming: asyncio.Future[ModelResponseStreamEvent] | None = None
    try:
        while True:
            coming = asyncio.ensure_future(anext(events))
            if held and not await happens_within(clock, coming, coalesce_s):
                yield kind("".join(held))
                held.clear()
            try:
                piece = piece_of(await coming)
            except StopAsyncIteration:
                break
            if piece is None:
                continue
            if held and kind is not type(piece):
                yield kind("".join(held))
                held.clear()
            kind = type(piece)
            held.append(piece.piece)
            if coalesce_s <= 0:
                yield kind("".join(held))
                held.clear()
        if held:
            yield kind("".join(held))
    finally:
        if coming is not None:
            coming.cancel()


def is_whole(answer: ModelResponse) -> bool:
    """Tell whether an answer says or wants anything."""
    return bool(answer.tool_calls) or any(
        isinstance(part, TextPart) and part.content for part in answer.parts
    )
