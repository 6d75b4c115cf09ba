"""A person who talks to a server as an evaluation file says, over the wire."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

from .files import Conversation, Turn
from .heard import ENDS, QUESTIONS, Frame, Heard, heard

SUPPORTS = ("choice_chips", "identity_form", "otp_park", "spec_1_1")
ASKING = frozenset({*QUESTIONS, "otp_invalid", "interaction_invalid"})
MOST_ANSWERS = 20
"""Questions that a person answers in one turn: a model may ask for ever."""


class TalkError(Exception):
    """A conversation came to no end; the text says why."""


async def talk(url: str, conversation: Conversation, limit_s: float) -> list[Heard]:
    """Hold a conversation; return its turns, as many as there were until one failed unforeseen.

    Raises:
        TalkError: the server is not there, takes no session or no answer of the person, or a turn
            has no end after ``limit_s``.
    """
    try:
        async with connect(url, compression=None, proxy=None, max_size=None) as socket:
            person = _Person(socket, limit_s)
            await person.come(conversation.agent)
            turns: list[Heard] = []
            for turn in conversation.turns:
                turns.append(await person.say(turn))
                if turns[-1].outcome != turn.expected.outcome:
                    break
            return turns
    except TimeoutError:
        raise TalkError(f"a turn had no end after {limit_s:g} s") from None
    except (OSError, WebSocketException):
        raise TalkError("the link to the server was lost") from None


class _Person:
    def __init__(self, socket: ClientConnection, limit_s: float) -> None:
        self._socket, self._limit_s = socket, limit_s
        self._session = ""
        self._turns = 0

    async def come(self, agent: str) -> None:
        """Open the session."""
        action = "create_conversation_session"
        await self._send(action, "session", agentId=agent, supports=list(SUPPORTS))
        async with asyncio.timeout(self._limit_s):
            answer = await self._read()
        if answer["type"] == "error":
            raise TalkError(f"no session: {answer['error']['code']}")
        self._session = answer["data"]["sessionId"]

    async def say(self, turn: Turn) -> Heard:
        """Send a message and read its turn, answering what is asked."""
        self._turns += 1
        request_id = f"turn-{self._turns}"
        await self._send("send_message", request_id, sessionId=self._session, message=turn.say)
        async with asyncio.timeout(self._limit_s):
            frames = [await self._read()]
            while frames[-1]["type"] not in ENDS:
                if frames[-1]["type"] in ASKING:
                    if sum(one["type"] in ASKING for one in frames) > MOST_ANSWERS:
                        raise TalkError(f"more than {MOST_ANSWERS} questions in one turn")
                    await self._answer(frames[-1], turn, request_id)
                frames.append(await self._read())
        if not frames[-1].get("error", {}).get("terminal", True):
            raise TalkError(f"an answer was refused: {frames[-1]['error']['code']}")
        return heard(frames)

    async def _answer(self, frame: Frame, turn: Turn, request_id: str) -> None:
        """Answer a question; what was wrong the first time is not said again."""
        again = frame["type"] not in QUESTIONS
        details = frame["data"]["data"]
        common: dict[str, Any] = {"sessionId": self._session}
        match frame["type"]:
            case "write_confirmation_required":
                if "confirmationId" in details:
                    common["confirmationId"] = details["confirmationId"]
                await self._send("confirm_tool_action", request_id, **common, approved=turn.approve)
            case "otp_verification_required" | "otp_invalid":
                is_given = turn.code is not None and not again
                common |= {"code": turn.code} if is_given else {"declined": True}
                await self._send("verify_otp", request_id, **common)
            case _:
                values = None if again else _values(details, turn)
                common |= {"declined": True} if values is None else {"values": values}
                common["interactionId"] = details["interactionId"]
                await self._send("submit_interaction", request_id, **common)

    async def _send(self, action: str, request_id: str, **members: Any) -> None:
        await self._socket.send(json.dumps({"action": action, "requestId": request_id, **members}))

    async def _read(self) -> dict[str, Any]:
        frame: dict[str, Any] = json.loads(await self._socket.recv())
        return frame


def _values(details: Frame, turn: Turn) -> dict[str, Any] | None:
    """Return what the person gives to a form, or chooses; None: they decline."""
    questions = details["spec"].get("questions")
    if questions is None:
        return None if turn.form is None else dict(turn.form)
    if turn.choose is None:
        return None
    chosen = zip(questions, turn.choose, strict=False)
    return {"answers": [{"header": one["header"], "options": [word]} for one, word in chosen]}
