"""The actions of a fake server, each answered as ``spec/behaviour.md`` says."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from .. import wire
from .answering import Answering
from .playing import Play, Player
from .state import (
    EVENTS_KEPT,
    FakeConversation,
    FakeSession,
    FakeTurn,
    Link,
    RefusedError,
    StoredMessage,
    World,
    shown_time,
)

Row = TypeVar("Row", StoredMessage, FakeConversation)
BODY = ("message", "images", "files", "stream", "model", "skill", "sessionId")
USUAL_PAGE = 50
Choose = Callable[[str], Player]
"""Gives what plays the turn of a message."""


class Actions(Answering):
    """One method for each action, by its name on the wire."""

    def __init__(self, world: World, choose: Choose) -> None:
        super().__init__(world)
        self._choose = choose

    def handle(self, frame: dict[str, Any], link: Link) -> None:
        """Answer one action.

        Raises:
            RefusedError: it is refused.
        """
        getattr(self, frame["action"])(frame, link)

    # reading ----------------------------------------------------------------------------

    def ping(self, frame: Mapping[str, Any], link: Link) -> None:
        """Tell the time."""
        now = self.world.now_ms()
        pong = wire.PongEvent.of(request_id=frame.get("requestId"), timestamp=now)
        link.write(pong.raw_text)

    def create_conversation_session(self, frame: Mapping[str, Any], link: Link) -> None:
        """Open a session, on the conversation that is asked for or on a new one."""
        world = self.world
        found = world.conversations.get(frame.get("conversationId", ""))
        if found is None or found.owner != link.owner:
            found = FakeConversation(world.new_id(), link.owner)
            world.conversations[found.id] = found
        if "supports" in frame:
            found.words = frozenset(frame["supports"]) & frozenset(world.words)
        ids = world.new_id(), world.new_id(), world.new_id()
        session = FakeSession(ids[0], found, frame["agentId"], ids[1], ids[2], found.words)
        world.sessions[session.id] = session
        data = self._descriptor(session, link)
        if "spec_1_1" in session.words:
            data["capabilities"] = list(world.words)
        self.value(frame, link, data)

    def get_session(self, frame: Mapping[str, Any], link: Link) -> None:
        """Tell of a session as it stands."""
        session = self.world.session(frame["sessionId"], link.owner)
        data = self._descriptor(session, link)
        if "spec_1_2" in session.words:
            data["capabilities"] = list(self.world.words)
        self.value(frame, link, data)

    def _descriptor(self, session: FakeSession, link: Link) -> dict[str, Any]:
        data: dict[str, Any] = {
            "sessionId": session.id,
            "conversationId": session.conversation.id,
            "agentId": session.agent_id,
            "agentName": self.world.agent_name,
            "userParticipantId": session.user_id,
            "agentParticipantId": session.robot_id,
        }
        turn = session.conversation.running
        if session.replays and turn is not None and turn.session.replays:
            turn.told.add(link.number)
            data["openTurn"] = {"requestId": turn.request_id, "lastSeq": len(turn.events)}
        return data

    def get_conversation_messages(self, frame: Mapping[str, Any], link: Link) -> None:
        """Give a page of the history, newest first."""
        session = self.world.session(frame["sessionId"], link.owner)
        page, more = _page(session.conversation.messages[::-1], frame)
        rows = [_shown(row, tells="spec_1_2" in session.words) for row in page]
        self.value(frame, link, {"messages": rows, **more})

    def list_conversations(self, frame: Mapping[str, Any], link: Link) -> None:
        """Give a page of the caller's conversations, newest first; empty ones do not show."""
        query = frame.get("query", "").lower()
        mine = [
            one
            for one in self.world.conversations.values()
            if one.owner == link.owner and one.messages and query in one.shown_title.lower()
        ]
        page, more = _page(sorted(mine, key=lambda one: -one.touched), frame)
        rows = [
            {
                "conversationId": one.id,
                "title": one.shown_title,
                "updatedAt": shown_time(one.messages[-1].created_at),
                "messageCount": len(one.messages),
            }
            for one in page
        ]
        self.value(frame, link, {"conversations": rows, **more})

    def rename_conversation(self, frame: Mapping[str, Any], link: Link) -> None:
        """Give a conversation another title."""
        found = self.world.conversations.get(frame["conversationId"])
        if found is None or found.owner != link.owner:
            raise RefusedError("CONVERSATION_NOT_FOUND", "the conversation is unknown")
        found.title = frame["title"]
        self.value(frame, link, {"conversationId": found.id, "title": found.title})

    # turns ------------------------------------------------------------------------------

    def send_message(self, frame: dict[str, Any], link: Link) -> None:
        """Accept a message and run its turn, or find the turn that it was."""
        session = self.world.session(frame["sessionId"], link.owner)
        conversation = session.conversation
        request_id = frame.setdefault("requestId", self.world.new_id())
        known = conversation.turns.get(request_id)
        if known is not None and session.replays:
            if {name: frame.get(name) for name in BODY} != known.body:
                raise RefusedError("VALIDATION_ERROR", "/requestId names another message")
            self._again(known, session, link)
            return
        fence = conversation.fences.get(request_id)
        if fence is not None and fence is not link:
            return  # it was promised that this never happens (REQ-SRV-28)
        if conversation.running is not None:
            raise RefusedError("TURN_IN_PROGRESS", "another turn of the conversation runs")
        self._begin(session, frame, link)

    def _again(self, turn: FakeTurn, session: FakeSession, link: Link) -> None:
        """Tell a turn from its first event on: its message came again (REQ-SRV-29)."""
        if self._forgotten(turn):
            self._resumed(link, turn.request_id, "gone", len(turn.events))
        else:
            self._take_up(turn, session, link, 0)

    def _begin(self, session: FakeSession, frame: Mapping[str, Any], link: Link) -> None:
        world, conversation = self.world, session.conversation
        session.attempts = None
        request_id, created = frame["requestId"], max(0.0, world.clock.wall())
        message = StoredMessage(
            world.new_id(), "inbound", frame["message"], request_id, created, "running"
        )
        body = {name: frame.get(name) for name in BODY}
        turn = FakeTurn(request_id, session, body, link, message)
        conversation.messages.append(message)
        world.touch(conversation)
        conversation.turns[request_id] = conversation.running = turn
        play = Play(world, turn)
        play.accept()
        player = self._choose(message.text)
        turn.task = asyncio.get_running_loop().create_task(_played(player, play))

    def cancel(self, frame: Mapping[str, Any], link: Link) -> None:
        """Stop the turn that is named, if there is one (REQ-SRV-15)."""
        turn = self._named(frame, link)
        if turn is None or turn.settled:
            return
        holder = turn.holder
        Play(self.world, turn).cancelled()
        if link is not holder:
            now = self.world.now_ms()
            told = wire.CancelledEvent.of(request_id=turn.request_id, timestamp=now)
            link.write(told.raw_text)

    def _named(self, frame: Mapping[str, Any], link: Link) -> FakeTurn | None:
        request_id = frame.get("requestId")
        if "sessionId" in frame:
            found = self.world.sessions.get(frame["sessionId"])
            if found is None or found.conversation.owner != link.owner:
                return None
            running = found.conversation.running
            fits = running is not None and request_id in (None, running.request_id)
            return running if fits else None
        mine = [
            turn
            for turn in self.world.running()
            if turn.holder is link and request_id in (None, turn.request_id)
        ]
        return mine[0] if len(mine) == 1 else None

    def resume_turn(self, frame: Mapping[str, Any], link: Link) -> None:
        """Go on with a turn on this link."""
        session = self.world.session(frame["sessionId"], link.owner)
        if not session.replays:
            raise RefusedError("UNSUPPORTED_ACTION", "the action is unknown")
        conversation, request_id = session.conversation, frame["requestId"]
        turn = conversation.turns.get(request_id)
        if turn is None:
            conversation.fences[request_id] = link
            self._resumed(link, request_id, "never", 0)
        elif frame["afterSeq"] > len(turn.events) or self._forgotten(turn):
            self._resumed(link, request_id, "gone", len(turn.events))
        else:
            self._take_up(turn, session, link, frame["afterSeq"])

    def _forgotten(self, turn: FakeTurn) -> bool:
        late = turn.settled_at is not None
        late = late and self.world.clock.now() - (turn.settled_at or 0.0) > EVENTS_KEPT
        return late or not turn.session.replays

    def _take_up(self, turn: FakeTurn, session: FakeSession, link: Link, after: int) -> None:
        """Hand a turn to a link, its questions to a session (REQ-SRV-30, REQ-SRV-31)."""
        old, last = turn.holder, len(turn.events)
        newer = old.number > link.number and old.is_open and link.number not in turn.told
        if newer and not turn.settled:
            self._resumed(link, turn.request_id, "moved", last)
            return
        if old is not link and old.is_open and not turn.settled:
            self._resumed(old, turn.request_id, "moved", last)
        if turn.question is not None and turn.question.kind == "otp":
            session.code, session.attempts = turn.session.code, turn.session.attempts
        turn.session, turn.holder, turn.sent = session, link, after
        turn.told.clear()
        Play(self.world, turn).link_is_there()
        self._resumed(link, turn.request_id, "settled" if turn.settled else "running", last)
        turn.pump()

    def _resumed(self, link: Link, request_id: str, state: str, last: int) -> None:
        event = wire.TurnResumedEvent.of(
            request_id=request_id,
            state=wire.ResumeState(state),
            last_seq=last,
            timestamp=self.world.now_ms(),
        )
        link.write(event.raw_text)


async def _played(player: Player, play: Play) -> None:
    await player(play)


def _page(rows: Sequence[Row], frame: Mapping[str, Any]) -> tuple[Sequence[Row], dict[str, Any]]:
    """Return one page, and what says how to go on (REQ-SRV-12)."""
    start, limit = 0, frame.get("limit", USUAL_PAGE)
    if "cursor" in frame:
        ids = [row.id for row in rows]
        if frame["cursor"] not in ids:
            raise RefusedError("VALIDATION_ERROR", "/cursor is unknown")
        start = ids.index(frame["cursor"]) + 1
    page = rows[start : start + limit]
    more = start + limit < len(rows)
    return page, {"nextCursor": page[-1].id if more else None, "hasMore": more}


def _shown(row: StoredMessage, *, tells: bool) -> dict[str, Any]:
    told: dict[str, Any] = {
        "id": row.id,
        "direction": row.direction,
        "content": {"text": row.text},
        "createdAt": shown_time(row.created_at),
    }
    if tells:
        told["requestId"] = row.request_id
        told |= {"turn": row.turn} if row.turn is not None else {}
    return told
