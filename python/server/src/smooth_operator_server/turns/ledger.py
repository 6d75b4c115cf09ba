"""What is stored of turns: that they began, how far they are, how they ended, who runs them."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

from ..clock import Clock
from ..engine import ToolCall, ToolResult
from ..protocol.actions import Action
from ..protocol.frames import Frame
from ..protocol.json_text import write_json
from ..protocol.refusals import Code, RefusalError
from ..store import (
    Direction,
    Lease,
    LeaseLostError,
    NewCall,
    NewEvents,
    NewMessage,
    NewTurn,
    Refused,
    StoreError,
    TurnRecord,
    TurnState,
    TurnStore,
)
from ..telemetry import log, where
from .turn import Turn

RENEWALS = 3
"""How often a lease is renewed in its time."""


class Ledger:
    """The turns of one server in the store.

    ``owner`` is the server's own id, ``lease_s`` how long after its last sign of life its turns
    are taken over by another.
    """

    def __init__(
        self,
        store: TurnStore,
        clock: Clock,
        new_id: Callable[[], str],
        *,
        owner: str,
        lease_s: float,
    ) -> None:
        self.lease_s = lease_s
        self._store = store
        self._clock = clock
        self._new_id = new_id
        self._owner = owner
        self._keeping: asyncio.Task[None] | None = None
        self._running: set[str] = set()
        self._unsettled: dict[str, tuple[TurnState, str, int]] = {}
        """Turns whose end was told and could not be stored, with it and its time."""
        self._left: set[str] = set()
        """Turns that were taken over, and could not be taken up."""

    def lease(self) -> Lease:
        """Return a lease of this server that begins now."""
        return Lease(self._owner, self._clock.epoch_ms() + int(self.lease_s * 1000))

    async def begin(
        self, turn: Turn, action: Action, holder: str, saved: bytes
    ) -> TurnRecord | None:
        """Store a turn with its message, unless the same message has begun one: then return that.

        None when another link was promised that the message never came (REQ-SRV-28).

        Raises:
            RefusalError: TURN_IN_PROGRESS; the conversation runs one, here or elsewhere. Or
                VALIDATION_ERROR; the requestId names another message.
            StoreError: nothing is stored.
        """
        images = tuple(image["url"] for image in action.get("images", ()))
        outcome = await self._store.begin(
            NewTurn(
                turn.turn_id,
                turn.request_id,
                turn.session.session_id,
                self._message(turn, Direction.INBOUND, turn.message, images),
                body=_digest(action),
                once=turn.channel.numbered,
                holder=holder,
                wants_tokens=turn.wants_tokens,
                lease=self.lease(),
                saved=saved,
            )
        )
        match outcome:
            case Refused.PROMISED:
                return None
            case Refused.DIFFERENT:
                raise RefusalError(Code.VALIDATION_ERROR, "/requestId names another message")
            case Refused.BUSY:
                raise RefusalError(Code.TURN_IN_PROGRESS, "the conversation runs another turn")
        if outcome.turn_id == turn.turn_id:
            self._keep(turn.turn_id)
        return outcome

    async def look_up(
        self, conversation_id: str, request_id: str, holder: str
    ) -> TurnRecord | None:
        """Return the turn of a requestId; None is a promise that it never comes (REQ-SRV-28)."""
        return await self._store.look_up(conversation_id, request_id, holder)

    async def running(self, conversation_id: str) -> TurnRecord | None:
        """Return the turn that a conversation runs, here or elsewhere."""
        return await self._store.running(conversation_id)

    async def named(self, conversation_id: str, request_id: str) -> TurnRecord | None:
        """Return the turn of a requestId, of this server or another; nothing is promised."""
        return await self._store.named(conversation_id, request_id)

    async def turn(self, turn_id: str) -> TurnRecord | None:
        """Return a turn by the servers' own id."""
        return await self._store.turn(turn_id)

    def answer(self, turn: Turn, text: str) -> NewMessage:
        """Return the message that a turn is answered by; ``end`` stores it."""
        return self._message(turn, Direction.OUTBOUND, text)

    async def end(
        self, turn: Turn, state: TurnState, terminal: str, answer: NewMessage | None = None
    ) -> tuple[str, int]:
        """Store the end of a turn, with its answer; return the event that it ended by.

        And how many people were in the conversation to hear the answer, 0 when the turn had ended.

        That is ``terminal``, as JSON text, or the one that is stored already: of a transaction
        whose outcome was not heard.

        Raises:
            LeaseLostError: another server runs the turn, or has ended it.
            StoreError: the end is not stored.
        """
        try:
            ended = await self._store.settle(
                turn.turn_id,
                state,
                now=turn.now(),
                terminal=terminal,
                answer=answer,
                owner=self._owner,
            )
        except LeaseLostError:
            self._let_go(turn.turn_id)
            raise
        if not ended:
            known = await self._store.turn(turn.turn_id)
            terminal = (known and known.terminal) or terminal
        self._let_go(turn.turn_id)
        return terminal, ended.people if ended else 0

    async def give_up(self, turn: Turn, state: TurnState, event: Frame) -> bool:
        """End a turn without an answer, in the store and toward its peer; False when it has ended.

        A store that fails does not keep the peer from being told: the end is stored later.
        """
        terminal = write_json(event)
        try:
            terminal, _ = await self.end(turn, state, terminal)
        except LeaseLostError:
            turn.abandon()
            return False
        except StoreError as fault:
            log.error("the end of a turn was not stored", **where(fault))
            self._unsettled[turn.turn_id] = (state, terminal, turn.now())
        return turn.settle(terminal)

    async def save(self, turn: Turn, step: int, saved: bytes) -> None:
        """Store what a turn goes on from after ``step`` steps."""
        await self._store.save(turn.turn_id, step, saved, _events(turn), owner=self._owner)

    async def keep(self, turn: Turn) -> None:
        """Store what a turn said before it waits for a person."""
        events = _events(turn)
        if events is not None:
            await self._store.keep(turn.turn_id, events, owner=self._owner)

    def number(self, turn: Turn) -> None:
        """Have the store told when a turn goes on after what is stored of it."""
        turn.channel.spoil = partial(self._store.spoil, turn.turn_id, owner=self._owner)

    async def restore(self, turn: Turn) -> None:
        """Let a turn of another server go on counting, when nobody knows more of it than we."""
        found = await self._store.events(turn.turn_id)
        if found is None:
            turn.channel.is_lost = True
        else:
            turn.channel.restore(found.seq, found.texts)

    async def start_call(self, turn: Turn, call: ToolCall, step: int) -> None:
        """Note that a tool is about to run."""
        await self._store.start_call(
            NewCall(turn.turn_id, call.call_id, call.name, call.arguments, step, turn.now()),
            owner=self._owner,
        )

    async def end_call(self, turn: Turn, result: ToolResult) -> None:
        """Store what a tool gave."""
        await self._store.end_call(
            turn.turn_id,
            result.call_id,
            result.result,
            is_error=result.is_error,
            now=turn.now(),
            owner=self._owner,
        )

    async def results(self, turn: Turn, step: int) -> dict[str, ToolResult | None]:
        """Return the tool calls of a step that were started; None for one that never ended."""
        calls = await self._store.calls(turn.turn_id, step)
        return {
            call.call_id: ToolResult(call.call_id, call.name, call.result, call.is_error)
            if call.ended
            else None
            for call in calls
        }

    async def take_over(self) -> tuple[TurnRecord, ...]:
        """Take the running turns that nobody runs any more, and those that ``leave`` named."""
        left = [await self._store.turn(turn_id) for turn_id in self._left]
        taken = await self._store.take_over(self.lease(), self._clock.epoch_ms())
        for turn_id in self._left:
            self._let_go(turn_id)
        self._left.clear()
        taken += tuple(record for record in left if record is not None and self._is_mine(record))
        for record in taken:
            self._keep(record.turn_id)
        return taken

    def _is_mine(self, record: TurnRecord) -> bool:
        return record.state is TurnState.RUNNING and record.lease.owner == self._owner

    def leave(self, record: TurnRecord) -> None:
        """Put a turn back that could not be taken up: it is taken again."""
        self._left.add(record.turn_id)

    def _message(
        self, turn: Turn, direction: Direction, text: str, images: tuple[str, ...] = ()
    ) -> NewMessage:
        session, inbound = turn.session, direction is Direction.INBOUND
        return NewMessage(
            self._new_id(),
            session.conversation_id,
            session.user_participant_id if inbound else session.agent_participant_id,
            direction,
            text,
            turn.now(),
            images,
        )

    def _keep(self, turn_id: str) -> None:
        """Renew the leases from now on, for as long as turns run."""
        self._running.add(turn_id)
        if self._keeping is None:
            self._keeping = asyncio.create_task(self._renew(), name="leases")

    def _let_go(self, turn_id: str) -> None:
        self._running.discard(turn_id)
        if not self._running and self._keeping is not None:
            self._keeping.cancel()
            self._keeping = None

    async def _renew(self) -> None:
        while True:
            await self._clock.sleep(self.lease_s / RENEWALS)
            try:
                await self._store.renew(self._owner, self.lease().until)
                await self._settle_late()
            except StoreError as fault:  # the next one may come through before the time is over
                log.error("leases were not renewed", **where(fault))

    async def _settle_late(self) -> None:
        """Store the ends that could not be stored when they were told."""
        for turn_id, (state, terminal, now) in list(self._unsettled.items()):
            with suppress(LeaseLostError):  # then its new owner ends it
                await self._store.settle(
                    turn_id, state, now=now, terminal=terminal, owner=self._owner
                )
            del self._unsettled[turn_id]
            self._let_go(turn_id)


def _events(turn: Turn) -> NewEvents | None:
    found = turn.channel.storing()
    return None if found is None else NewEvents(*found)


def _digest(action: Action) -> str:
    """Return what tells two messages under one requestId apart."""
    said: dict[str, Any] = {key: value for key, value in action.items() if key != "sessionId"}
    return hashlib.sha256(write_json(dict(sorted(said.items()))).encode()).hexdigest()
