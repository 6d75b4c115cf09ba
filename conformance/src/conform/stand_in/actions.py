"""The actions of the stand-in, each answered as the specification says, or as a switch has it."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from conform.spec import Spec, Tree
from conform.stand_in.state import (
    Conversation,
    Message,
    Question,
    RefusedError,
    Session,
    Sink,
    Turn,
    World,
    iso,
    new_id,
    now_ms,
)
from conform.stand_in.turns import Play, framed

SINCE = {"list_conversations": "1.1", "rename_conversation": "1.1", "resume_turn": "1.2"}
FORMS = ("identity_form", "choice_chips")  # asked for by clients before servers told of them
BODY = ("message", "images", "files", "stream", "sessionId")


class Actions:
    """One handler for each action: ``handle`` finds it."""

    def __init__(self, spec: Spec, world: World) -> None:
        self.spec, self.world = spec, world
        rows = spec.capabilities.items()
        self.words = [w for w, row in rows if str(row["since"]) <= world.version]

    async def handle(self, frame: Tree, link: Sink) -> None:
        """Answer one action.

        Raises: RefusedError: it is refused.
        """
        await getattr(self, frame["action"])(frame, link)

    async def _value(self, frame: Tree, link: Sink, data: Tree) -> None:
        request = frame.get("requestId")
        answer = framed(self.spec, "immediate_response", request, status=200, data=data)
        await link.send(json.dumps(answer))

    # --- reading ----------------------------------------------------------------------------

    async def ping(self, frame: Tree, link: Sink) -> None:
        """The time."""
        request = "req-other" if self.world.has("echo-wrong") else frame.get("requestId")
        now = now_ms()
        pong: Tree = {"type": "pong", "requestId": request, "data": {"timestamp": now}}
        pong["timestamp"] = now
        if self.world.has("pong-timeless"):
            pong = {"type": "pong", "requestId": request}
        if request is None:
            del pong["requestId"]
        await link.send(json.dumps(pong))

    async def create_conversation_session(self, frame: Tree, link: Sink) -> None:
        """A session, on the conversation that is asked for or on a new one."""
        world = self.world
        asked = {w for w in frame.get("supports") or [] if isinstance(w, str)}
        conversation = world.conversations.get(frame.get("conversationId", ""))
        if conversation is None or conversation.owner != link.owner:
            conversation = Conversation(link.owner)
            world.conversations[conversation.id] = conversation
        words = frozenset(asked & {*self.words, *FORMS})
        session = Session(conversation, frame["agentId"], words)
        world.sessions[session.id] = session
        data = {**self._descriptor(session)}
        if "spec_1_1" in words and not world.has("capabilities-withheld"):
            data["capabilities"] = [*self.words, *(asked if world.has("words-echoed") else ())]
        await self._value(frame, link, data)

    async def get_session(self, frame: Tree, link: Sink) -> None:
        """The session as it stands."""
        session = self.world.session(frame, link.owner)
        data = self._descriptor(session)
        if self.world.has("session-mixed"):
            data["conversationId"] = new_id()
        if "spec_1_2" in session.words:
            data["capabilities"] = self.words
        await self._value(frame, link, data)

    def _descriptor(self, session: Session) -> Tree:
        data: Tree = {
            "sessionId": session.id,
            "conversationId": session.conversation.id,
            "agentId": session.agent,
            "agentName": "Aria",
            "userParticipantId": session.person,
            "agentParticipantId": session.robot,
        }
        turn = session.conversation.running
        if session.replays and turn is not None and not self.world.has("open-turn-untold"):
            data["openTurn"] = {"requestId": turn.request, "lastSeq": len(turn.events)}
        return data

    async def get_conversation_messages(self, frame: Tree, link: Sink) -> None:
        """A page of the history, newest first."""
        session = self.world.session(frame, link.owner)
        rows = session.conversation.messages[::-1]
        if self.world.has("oldest-first"):
            rows.reverse()
        page, more = self._page(rows, frame, 50)
        shown = [self._message(session, row) for row in page]
        await self._value(frame, link, {"messages": shown, **more})

    def _message(self, session: Session, row: Message) -> Tree:
        told: Tree = {
            "id": row.id,
            "direction": row.direction,
            "content": {"text": row.text},
            "createdAt": iso(row.made),
        }
        if "spec_1_2" in session.words and not self.world.has("history-without-turns"):
            told["requestId"] = row.request
            told |= {"turn": row.turn} if row.turn else {}
        return told

    def _page(self, rows: list[Any], frame: Tree, usual: int) -> tuple[list[Any], Tree]:
        limit, start = min(frame.get("limit", usual), 200), 0
        if "cursor" in frame:
            ids = [row.id for row in rows]
            if frame["cursor"] not in ids:
                if not self.world.has("cursor-taken"):
                    raise RefusedError("VALIDATION_ERROR", "/cursor is unknown")
                ids = [frame["cursor"]]
            start = 0 if self.world.has("cursor-loops") else ids.index(frame["cursor"]) + 1
        page = rows[start : start + limit]
        more = start + limit < len(rows)
        told = {"nextCursor": page[-1].id if more else None, "hasMore": more}
        if self.world.has("has-more-lies"):
            told["hasMore"] = not more
        return page, told

    async def list_conversations(self, frame: Tree, link: Sink) -> None:
        """The caller's conversations, newest first."""
        mine = [c for c in self.world.conversations.values() if c.owner == link.owner]
        said = [c for c in mine if c.messages]
        found = [c for c in said if frame.get("query", "").lower() in _title(c).lower()]
        found.sort(key=lambda one: one.updated, reverse=True)
        page, more = self._page(found, frame, 50)
        rows = [
            {
                "conversationId": one.id,
                "title": _title(one),
                "updatedAt": iso(one.updated),
                "messageCount": len(one.messages),
            }
            for one in page
        ]
        await self._value(frame, link, {"conversations": rows, **more})

    async def rename_conversation(self, frame: Tree, link: Sink) -> None:
        """Another title."""
        found = self.world.conversations.get(frame["conversationId"])
        if found is None or found.owner != link.owner:
            raise RefusedError("CONVERSATION_NOT_FOUND")
        if not self.world.has("title-lost"):
            found.title = frame["title"]
        told = {"conversationId": found.id, "title": frame["title"]}
        await self._value(frame, link, told)

    # --- turns ------------------------------------------------------------------------------

    async def send_message(self, frame: Tree, link: Sink) -> None:
        """Accept a message and run its turn, or find the turn that it was."""
        session = self.world.session(frame, link.owner)
        conversation = session.conversation
        request = frame.setdefault("requestId", new_id())
        if not frame["message"] and not frame.get("images") and not frame.get("files"):
            raise RefusedError("VALIDATION_ERROR", "/message is empty")
        known = conversation.turns.get(request) if session.replays else None
        if known is not None and not self.world.has("runs-twice"):
            body = {name: frame.get(name) for name in BODY}
            if body != known.body:
                raise RefusedError("VALIDATION_ERROR", "/requestId names another message")
            await self._take_up(known, link, 0)
            return
        fence = conversation.fences.get(request)
        if fence not in (None, link) and not self.world.has("promise-broken"):
            return
        if conversation.running is not None and not self.world.has("two-turns"):
            raise RefusedError("TURN_IN_PROGRESS")
        await self._begin(session, frame, link)

    async def _begin(self, session: Session, frame: Tree, link: Sink) -> None:
        body = {name: frame.get(name) for name in BODY}
        turn = Turn(frame["requestId"], session, body, link)
        turn.message = Message("inbound", frame["message"], turn.request, "running", now_ms())
        session.conversation.messages.append(turn.message)
        session.conversation.running = turn
        session.conversation.turns[turn.request] = turn
        turn.task = asyncio.create_task(Play(self.spec, self.world, turn).run())

    async def cancel(self, frame: Tree, link: Sink) -> None:
        """Stop the turn that is named, if there is one."""
        turn = self._named(frame, link)
        if turn is None or self.world.has("cancel-ignored"):
            return
        if turn.settled:
            if self.world.has("cancel-late"):
                await link.send(turn.events[-1])
            return
        holder = turn.holder
        if turn.task:
            turn.task.cancel()
            await asyncio.gather(turn.task, return_exceptions=True)
        if link is not holder and not self.world.has("asker-untold"):
            await link.send(json.dumps(framed(self.spec, "cancelled", turn.request)))

    def _named(self, frame: Tree, link: Sink) -> Turn | None:
        request = frame.get("requestId")
        if "sessionId" in frame:
            found = self.world.sessions.get(frame["sessionId"])
            if found is None or found.conversation.owner != link.owner:
                return None
            running = found.conversation.running
            if request is None or self.world.has("cancel-any"):
                return running
            return found.conversation.turns.get(request)
        turns = [c.running for c in self.world.conversations.values() if c.running]
        mine = [t for t in turns if t.holder is link and request in (None, t.request)]
        return mine[0] if len(mine) == 1 else None

    async def resume_turn(self, frame: Tree, link: Sink) -> None:
        """Go on with a turn on this link."""
        session = self.world.session(frame, link.owner)
        if not session.replays and not self.world.has("resume-for-all"):
            raise RefusedError("UNSUPPORTED_ACTION")
        conversation, request = session.conversation, frame["requestId"]
        turn = conversation.turns.get(request)
        if self.world.has("turns-of-all") and turn is None:
            every = [c.turns.get(request) for c in self.world.conversations.values()]
            turn = next((found for found in every if found), None)
        if turn is None:
            conversation.fences[request] = link
            state = "gone" if self.world.has("never-gone") else "never"
            await self._resumed(link, request, state, 0)
        elif frame["afterSeq"] > len(turn.events) or self.world.has("gone-always"):
            state = "settled" if self.world.has("beyond-the-end") else "gone"
            await self._resumed(link, request, state, len(turn.events))
        else:
            await self._take_up(turn, link, frame["afterSeq"])

    async def _take_up(self, turn: Turn, link: Sink, after: int) -> None:
        world = self.world
        async with turn.lock:
            old, turn.holder = turn.holder, link
            loses = old is not link and old.is_open and not turn.settled
            if loses and not world.has("moved-untold"):
                await self._resumed(old, turn.request, "moved", len(turn.events))
            state = "settled" if turn.settled else "running"
            await self._resumed(link, turn.request, state, len(turn.events))
            after += world.has("replays-too-little")
            turn.sent = after - (world.has("replays-too-much") and after > 0)
            if world.has("replays-changed"):
                turn.events = [text.replace('{"type"', '{ "type"') for text in turn.events]
            await turn.pump()

    async def _resumed(self, link: Sink, request: str, state: str, last: int) -> None:
        told = framed(self.spec, "turn_resumed", request, state=state, lastSeq=last)
        await link.send(json.dumps(told))

    # --- answers ----------------------------------------------------------------------------

    def _question(self, session: Session, kind: str) -> tuple[Turn, Question] | None:
        turn = session.conversation.running
        if turn is None or turn.session is not session or turn.question is None:
            return None
        question = turn.question
        fits = question.kind == kind and not question.answer.done()
        return (turn, question) if fits else None

    async def _say(
        self, turn: Turn | None, frame: Tree, link: Sink, word: str, /, **facts: Any
    ) -> None:
        """Answer a verb: in the turn where that is numbered, and to who asked."""
        request = frame["requestId"]
        if turn is not None and turn.session.replays and request == turn.request:
            await Play(self.spec, self.world, turn).emit(word, **facts)
            if turn.holder is link:
                return
        other = turn.holder if turn is not None and self.world.has("answer-to-holder") else link
        await other.send(json.dumps(framed(self.spec, word, request, **facts)))

    async def confirm_tool_action(self, frame: Tree, link: Sink) -> None:
        """Yes or no."""
        session = self._session_or(frame, link, "NO_PENDING_CONFIRMATION")
        found = self._question(session, "confirmation")
        if found is None and self.world.has("confirm-unasked"):
            await self._value(frame, link, {})
            return
        named = frame.get("confirmationId")
        stale = found is not None and named not in (None, found[1].id)
        if found is None or (stale and not self.world.has("stale-taken")):
            raise RefusedError("NO_PENDING_CONFIRMATION")
        turn, question = found
        if self.world.has("ack-late"):
            question.answer.set_result(frame["approved"])
            await asyncio.sleep(0.02)
        await self._say(turn, frame, link, "immediate_response", status=200, data={})
        if not question.answer.done():
            question.answer.set_result(frame["approved"])

    def _session_or(self, frame: Tree, link: Sink, code: str) -> Session:
        try:
            return self.world.session(frame, link.owner)
        except RefusedError:
            raise RefusedError(code) from None

    async def verify_otp(self, frame: Tree, link: Sink) -> None:
        """One try at the code, or a refusal to give one."""
        session, world = self.world.session(frame, link.owner), self.world
        found = self._question(session, "otp")
        turn = found[0] if found else None
        if frame.get("declined") and found and not world.has("declined-tried"):
            session.left = None
            await self._say(turn, frame, link, "immediate_response", status=200, data={})
            found[1].answer.set_result(False)
            return
        if session.left is None:
            facts = {"error": "NOT_FOUND", "attemptsRemaining": 0, "message": "No code."}
            await self._say(turn, frame, link, "otp_invalid", **facts)
        elif frame.get("code") == world.script.otp.get("code") or world.has("any-code"):
            session.left, session.verified = None, True
            await self._say(turn, frame, link, "otp_verified", message="Right.")
            if found:
                found[1].answer.set_result(True)
        else:
            session.left -= not world.has("tries-free")
            facts = {
                "error": "INVALID_CODE",
                "attemptsRemaining": session.left,
                "message": "Wrong.",
            }
            await self._say(turn, frame, link, "otp_invalid", **facts)
            if session.left == 0:
                session.left = None
                if found:
                    found[1].answer.set_result(False)

    async def submit_interaction(self, frame: Tree, link: Sink) -> None:
        """A form that is filled in, or declined."""
        session = self._session_or(frame, link, "NO_PENDING_INTERACTION")
        found = self._question(session, "interaction")
        if found is None:
            raise RefusedError("NO_PENDING_INTERACTION")
        turn, question = found
        if frame["interactionId"] != question.id and not self.world.has("any-form"):
            raise RefusedError("INTERACTION_MISMATCH")
        values = frame.get("values")
        if not frame.get("declined") and values is None:
            if not self.world.has("empty-form-taken"):
                raise RefusedError("VALIDATION_ERROR", "/values is missing")
            values = {}
        if not frame.get("declined") and "." not in str((values or {}).get("email", "")):
            fields = (
                [] if self.world.has("field-unnamed") else [{"field": "email", "message": "no"}]
            )
            facts = {"interactionId": question.id, "kind": "identity_intake", "errors": fields}
            await self._say(turn, frame, link, "interaction_invalid", message="Wrong.", **facts)
            return
        await self._say(turn, frame, link, "immediate_response", status=200, data={})
        lost = self.world.has("values-lost")
        told: Tree = {"status": "submitted", "values": {} if lost else values}
        question.answer.set_result({"status": "declined"} if frame.get("declined") else told)


def _title(one: Conversation) -> str:
    return one.title or one.messages[0].text
