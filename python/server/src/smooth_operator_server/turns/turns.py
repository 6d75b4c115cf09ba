"""The turns of a server: one a conversation, started, cancelled, detached, drained (REQ-SRV-11)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any

from ..agents import AgentRegistry, AgentSpec
from ..backplane import BackplaneError, Notice
from ..clock import Clock, happens_within
from ..engine import Engine
from ..people import People
from ..protocol import frames
from ..protocol.actions import Action
from ..protocol.frames import Frame
from ..protocol.peer import Nobody, Peer
from ..protocol.refusals import Code, RefusalError
from ..sessions import Sessions, is_replayed
from ..skills import Skills
from ..store import (
    Direction,
    NewMessage,
    Sender,
    SessionRecord,
    StoreError,
    TurnRecord,
    TurnState,
)
from ..store.people_records import USER
from ..telemetry import log, where
from .channel import Channel
from .checkpoint import Asked, Progress
from .following import about
from .hosting import has_link
from .ledger import Ledger
from .links import Links
from .lives import Lives
from .publishing import Publisher
from .runner import Runner, failed
from .turn import Turn, TurnIds

STOP_S = 2.0
"""Seconds that engine and tools get to stop before a cancelled turn is settled without them."""

PUBLISH_S = 2.0
"""Seconds in which the last events of a draining server may still be published."""


class Turns:
    """Answers ``send_message`` and ``cancel``, and owns the tasks of all turns."""

    def __init__(
        self,
        engine: Engine,
        runner: Runner,
        sessions: Sessions,
        clock: Clock,
        new_id: Callable[[], str],
        ids: TurnIds,
        ledger: Ledger,
        links: Links,
        people: People,
        agents: AgentRegistry,
        skills: Skills,
        *,
        keepalive_s: float,
        detach_s: float,
    ) -> None:
        self._engine = engine
        self._runner = runner
        self._sessions = sessions
        self._clock = clock
        self._new_id = new_id
        self._ids = ids
        self._ledger = ledger
        self._channels = links.channels
        self._resuming = links.resuming
        self._post = links.post
        self._following = links.following
        self._hosting = links.hosting
        self._publisher = Publisher(links.post, clock)
        self._people = people
        people.stop_turn = self.stop_running
        links.hosting.left_alone = self._left_alone
        links.post.on("cancel", self._cancel_here)
        self._agents = agents
        self._skills = skills
        self._lives = Lives(clock, keepalive_s)
        self._detach_s = detach_s
        self._running: dict[str, Turn] = {}  # by conversation
        self._watchers: set[asyncio.Task[None]] = set()

    def __len__(self) -> int:
        return len(self._running)

    def running(self, session: SessionRecord) -> Turn | None:
        """Return the turn that the conversation of a session runs, whichever session began it."""
        return self._running.get(session.conversation_id)

    async def is_running(self, session: SessionRecord, request_id: str) -> bool:
        """Tell whether the conversation of a session runs this turn, here or elsewhere."""
        turn = self.running(session)
        if turn is not None or not self._post.backplane.is_shared:
            return turn is not None and turn.request_id == request_id
        with suppress(StoreError):
            record = await self._ledger.running(session.conversation_id)
            return record is not None and record.request_id == request_id
        return False

    async def send_message(self, action: Action, peer: Peer) -> None:
        """Start a turn, or refuse it by one error before the 202 (REQ-SRV-03)."""
        await self._runner.starts.mine()
        session = await self._sessions.require(action["sessionId"], peer)
        if session.identity is not None:
            await self._say(action, session, peer)
            return
        await self._check(action, session)
        turn = self._of_action(action, session, peer)
        progress = Progress(Asked.of(action))
        record = await self._store(turn, action, peer, progress)
        if record is None:
            return
        if record.people:
            await self._let_hear(turn, record, peer)
        turn.task = asyncio.create_task(self._runner.run(turn, record, progress), name="turn")
        await turn.accepted.wait()

    async def _let_hear(self, turn: Turn, record: TurnRecord, peer: Peer) -> None:
        """Let the people in the conversation hear the message of a turn."""
        session = turn.session
        said = NewMessage(
            record.message_id,
            record.conversation_id,
            session.user_participant_id,
            Direction.INBOUND,
            record.message,
            turn.now(),
        )
        sender = Sender(said.participant_id, USER, session.user_name)
        await self._people.hear(said, sender, peer.socket_id)

    async def _say(self, action: Action, session: SessionRecord, peer: Peer) -> None:
        """Take the message of a person who answers in the agent's place: no agent hears of it."""
        if not action["message"].strip():
            raise RefusalError(Code.VALIDATION_ERROR, "/message must not be empty")
        said = await self._people.say(session, action["message"], peer.socket_id)
        if said is None:
            raise RefusalError(Code.SESSION_NOT_FOUND, "no such session")
        request_id = action.get("requestId") or f"req-{self._new_id()}"
        now = self._clock.epoch_ms()
        await peer.send(frames.immediate_response(request_id, now, 202, "Message accepted", {}))
        await peer.send(
            frames.eventual_response(
                request_id, now, message_id=said["id"], text="", usage=None, citations=()
            )
        )

    async def _store(
        self, turn: Turn, action: Action, peer: Peer, progress: Progress
    ) -> TurnRecord | None:
        """Store the turn and let it be known; None when there is nothing to be run."""
        session = turn.session
        if session.conversation_id not in self._running:
            self._running[session.conversation_id] = turn
        try:
            record = await self._ledger.begin(turn, action, peer.socket_id, progress.saved())
        except BaseException:
            turn.settle(None)
            raise
        if record is None or record.turn_id != turn.turn_id:
            turn.settle(None)
            if record is not None:  # the message came before (REQ-SRV-29)
                await self._resuming.give(record, peer, 0)
            return None
        self._adopt(turn)
        return record

    def _adopt(self, turn: Turn) -> None:
        """Let a stored turn be found, by its conversation and by its requestId."""
        self._running[turn.session.conversation_id] = turn
        self._ids.add(turn.request_id)
        self._lives.add(turn)
        if turn.channel.numbered:
            self._ledger.number(turn)
            self._publisher.add(turn.turn_id, turn.channel)
            self._channels.add(turn.session.conversation_id, turn.request_id, turn.channel)

    async def _check(self, action: Action, session: SessionRecord) -> None:
        # A replayed session's message may be one that came before: the store knows.
        if session.conversation_id in self._running and not is_replayed(session):
            raise RefusalError(Code.TURN_IN_PROGRESS, "the conversation runs another turn")
        _check_message(action)
        agent = self._agents.find(session.agent_id, session.org) or AgentSpec(session.agent_id)
        if "skill" in action and self._skills.find(action["skill"], agent) is None:
            raise RefusalError(Code.SKILL_NOT_FOUND, "this server has no such skill")
        reason = self._engine.unavailable()
        if reason is not None and not await self._is_held(session.conversation_id):
            raise RefusalError(Code.LLM_UNAVAILABLE, reason)

    async def _is_held(self, conversation_id: str) -> bool:
        """Tell whether a person answers for the agent: then nobody needs a model."""
        attendance = await self._people.attendance(conversation_id)
        return attendance is not None and attendance.held_by is not None

    def _of_action(self, action: Action, session: SessionRecord, peer: Peer) -> Turn:
        request_id = action.get("requestId") or f"req-{self._new_id()}"
        return self._new_turn(
            self._new_id(),
            request_id,
            session,
            Channel(peer, numbered=is_replayed(session)),
            message=action["message"],
            wants_tokens=action.get("stream", True),
        )

    def _new_turn(
        self,
        turn_id: str,
        request_id: str,
        session: SessionRecord,
        channel: Channel,
        *,
        message: str,
        wants_tokens: bool,
    ) -> Turn:
        return Turn(
            turn_id,
            request_id,
            session,
            channel,
            message=message,
            wants_tokens=wants_tokens,
            clock=self._clock,
            on_settled=self._release,
        )

    def _release(self, turn: Turn) -> None:
        self._lives.drop(turn)
        conversation_id = turn.session.conversation_id
        if self._running.get(conversation_id) is turn:
            del self._running[conversation_id]
        self._channels.settle(conversation_id, turn.request_id, turn.channel)

    async def start(self) -> None:
        """Take up the turns of servers that are gone, now and whenever there are some.

        Raises:
            StoreError: the store does not answer.
        """
        await self.take_over()
        self._watch(self._keep_taking_over())

    async def _keep_taking_over(self) -> None:
        while True:
            await self._clock.sleep(self._ledger.lease_s)
            self._hosting.sweep()
            try:
                await self.take_over()
            except Exception as fault:  # the next time it may work
                log.error("no turns could be taken over", **where(fault))

    async def take_over(self) -> None:
        """Run the turns whose server is gone; one that cannot be had now is taken up later.

        Raises:
            StoreError: the store does not answer.
        """
        for record in await self._ledger.take_over():
            try:
                await self._take_up(record)
            except Exception as fault:
                log.error("a turn was not taken up", **where(fault))
                self._ledger.leave(record)

    async def _take_up(self, record: TurnRecord) -> None:
        """Run a turn from where its server left it; nobody watches it."""
        session = await self._sessions.look_up(record.session_id)
        assert session is not None
        progress = Progress.read(record.saved or b"")
        turn = self._new_turn(
            record.turn_id,
            record.request_id,
            session,
            Channel(Nobody(), numbered=is_replayed(session)),
            message=record.message,
            wants_tokens=record.wants_tokens,
        )
        if turn.channel.numbered:
            await self._ledger.restore(turn)
        self._adopt(turn)
        running = self._runner.run(turn, record, progress)
        turn.task = asyncio.create_task(running, name="turn")
        self._watch(self._stop_later(turn))
        log.info("turn taken over", request_id=turn.request_id, step=record.step)
        if turn.channel.numbered:
            await self._announce(turn)

    async def _announce(self, turn: Turn) -> None:
        """Tell the links of a turn, here and elsewhere, that it runs here from now on."""
        channel, backplane = turn.channel, self._post.backplane
        if backplane.is_shared:
            try:
                kept = None if channel.is_lost else await backplane.kept(turn.turn_id)
                channel.publish_rest(kept.last if kept else 0)
                if channel.is_lost:
                    await backplane.forget(turn.turn_id)
            except BackplaneError as fault:
                log.error("events were not found", **where(fault))
            await self._post.tell(None, "lost" if channel.is_lost else "owner", turn=turn.turn_id)
        self._following.hand_over(turn.turn_id, channel)

    async def cancel(self, action: Action, peer: Peer) -> None:
        """Stop the turn that is named; say nothing when there is none (REQ-SRV-07)."""
        turn = await self._named(action, peer)
        if turn is None:
            if self._post.backplane.is_shared:
                self._watch(self._cancel_elsewhere(action, peer))
            return
        terminal = frames.cancelled(turn.request_id, turn.now())
        if await self._stop(turn, TurnState.CANCELLED, terminal) and turn.channel.peer is not peer:
            await peer.send(terminal)  # asked for over another socket than the turn's own

    async def _named(self, action: Action, peer: Peer) -> Turn | None:
        """Find the turn of a cancel: by both ids, by either, or the only one of the socket.

        A session reaches the turn of its conversation over any socket of its owner.
        """
        session_id, request_id = action.get("sessionId"), action.get("requestId")
        if session_id is not None:
            session = await self._sessions.find(session_id, peer)
            named = session and self.running(session)
            turns = [named] if named else []
        else:
            turns = [turn for turn in self._running.values() if turn.channel.peer is peer]
        if request_id is not None:
            turns = [turn for turn in turns if turn.request_id == request_id]
        return turns[0] if len(turns) == 1 else None

    async def _cancel_elsewhere(self, action: Action, peer: Peer) -> None:
        """Stop the turn that is named, if another server runs it."""
        records = self._following.running_of(peer)
        if "sessionId" in action:
            session = await self._sessions.find(action["sessionId"], peer)
            running = session and await self._ledger.running(session.conversation_id)
            records = [running] if running else []
        if "requestId" in action:
            records = [one for one in records if one.request_id == action["requestId"]]
        if len(records) != 1:
            return
        owner, members = records[0].lease.owner, about(records[0], peer)
        told = await self._post.ask(owner, "cancel", **members)
        if told is not None and told["terminal"] is not None and not told["holder"]:
            await peer.send(told["terminal"])

    async def stop_running(self, conversation_id: str) -> None:
        """Stop the turn that a conversation runs, here or elsewhere; its link is told so."""
        turn = self._running.get(conversation_id)
        if turn is not None:
            terminal = frames.cancelled(turn.request_id, turn.now())
            await self._stop(turn, TurnState.CANCELLED, terminal)
            return
        record = await self._ledger.running(conversation_id)
        if record is not None:
            members = about(record, Nobody())
            await self._post.ask(record.lease.owner, "cancel", **members)

    async def _cancel_here(self, notice: Notice) -> Notice:
        """Stop a turn that another server was asked to stop."""
        turn = self._running.get(notice["conversation"])
        if turn is None or turn.request_id != notice["request"]:
            return {"terminal": None, "holder": False}
        terminal = frames.cancelled(turn.request_id, turn.now())
        is_holder = has_link(turn.channel, notice["by"], notice["link"])
        stopped = await self._stop(turn, TurnState.CANCELLED, terminal)
        return {"terminal": terminal if stopped else None, "holder": is_holder}

    def _left_alone(self, channel: Channel) -> None:
        for turn in self._running.values():
            if turn.channel is channel:
                self._watch(self._stop_later(turn))

    async def _stop(self, turn: Turn, state: TurnState, terminal: Frame) -> bool:
        """End engine and tools of a turn, then settle it; tell whether that is what ended it.

        A turn that finishes is left to it.
        """
        await turn.accepted.wait()
        if not turn.can_stop() or turn.task is None:
            return False
        turn.task.cancel()
        await happens_within(self._clock, asyncio.wait({turn.task}), STOP_S)
        return turn.can_stop() and await self._ledger.give_up(turn, state, terminal)

    def detach(self, peer: Peer) -> None:
        """Let the turns of a lost socket run on for a while; their answers are stored."""
        for turn in list(self._running.values()):
            if turn.channel.peer is peer:
                turn.channel.detach(peer)
                self._watch(self._stop_later(turn))
        self._channels.detach(peer)
        self._following.detach(peer)
        self._resuming.detach(peer)

    def _watch(self, watching: Coroutine[Any, Any, None]) -> None:
        watcher = asyncio.create_task(watching, name="watch of turns")
        self._watchers.add(watcher)
        watcher.add_done_callback(self._watchers.discard)

    async def _stop_later(self, turn: Turn) -> None:
        """Stop a turn that nobody takes up, once its open questions are over (REQ-SRV-36)."""
        seconds = self._detach_s
        while await self._is_left_alone(turn, seconds):
            open_s = await self._runner.open_for(turn)
            if open_s is None:
                await self._stop(turn, TurnState.FAILED, unattended(turn))
                return
            seconds = open_s + self._detach_s

    async def _is_left_alone(self, turn: Turn, seconds: float) -> bool:
        """Wait until the turn ends or a link takes it up; True when neither is so in time."""
        assert turn.task is not None
        taken = asyncio.create_task(turn.channel.taken.wait(), name="taken up")
        either = asyncio.wait({turn.task, taken}, return_when=asyncio.FIRST_COMPLETED)
        try:
            return not await happens_within(self._clock, either, seconds)
        finally:
            taken.cancel()

    async def drain(self, seconds: float) -> None:
        """Wait for the running turns, at most ``seconds``, then stop those that are left."""
        tasks = [turn.task for turn in self._running.values() if turn.task]
        if tasks:
            await happens_within(self._clock, asyncio.wait(tasks), seconds)
        for turn in list(self._running.values()):
            cancelled = frames.cancelled(turn.request_id, turn.now())
            await self._stop(turn, TurnState.CANCELLED, cancelled)
        for watcher in list(self._watchers):
            watcher.cancel()
        await asyncio.gather(*self._watchers, return_exceptions=True)
        await self._publisher.flush(PUBLISH_S)
        await self._publisher.aclose()
        await self._following.aclose()
        await self._channels.aclose()


def _check_message(action: Action) -> None:
    if not action["message"] and not action.get("images") and not action.get("files"):
        raise RefusalError(Code.VALIDATION_ERROR, "/message must not be empty")


def unattended(turn: Turn) -> Frame:
    """Return the end of a turn that nobody came back to: no one asked for it to be cancelled."""
    return failed(turn, Code.AGENT_ERROR, "nobody came back to the turn in time")
