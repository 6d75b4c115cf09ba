"""The turns of the stand-in: a script is played, questions are asked, events are kept."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from conform.frames import build
from conform.spec import Spec, Tree
from conform.stand_in.state import Message, Question, Turn, World, now_ms

DENIED = "denied"


def framed(spec: Spec, word: str, request: str | None, /, **facts: Any) -> Tree:
    """An event with its time."""
    return build(spec, word, request, {"timestamp": now_ms(), **facts})


class Play:
    """One turn from its 202 to its terminal event."""

    def __init__(self, spec: Spec, world: World, turn: Turn) -> None:
        self.spec, self.world, self.turn = spec, world, turn
        self.text = ""

    async def emit(self, word: str, /, **facts: Any) -> None:
        """Write an event of the turn, number it, keep it, send it to who holds the turn."""
        world, turn = self.world, self.turn
        frame = framed(self.spec, word, turn.request, **facts)
        if world.has("token-broken") and word == "stream_token":
            del frame["data"]["token"]
        if world.has("words-later") and word == "write_confirmation_required":
            frame["data"]["data"]["confirmationId"] = turn.question.id if turn.question else "q"
        if turn.session.replays:
            skipped = world.has("seq-gap") and len(turn.events) > 2
            frame["seq"] = len(turn.events) + 1 + skipped
        elif world.has("seq-for-all"):
            frame["seq"] = len(turn.events) + 1
        if world.has("keepalive") and word == "stream_token":
            alive = framed(self.spec, "keepalive", turn.request)
            await turn.holder.send(json.dumps(alive))
        text = json.dumps(frame)
        turn.events.append(text)
        async with turn.lock:
            await turn.pump()

    async def run(self) -> None:
        """Play the turn; a cancel ends it wherever it is."""
        turn, world = self.turn, self.world
        try:
            if not world.has("accepted-late"):
                await self._accept()
            await self._model()
        except asyncio.CancelledError:
            self._settle("cancelled")
            await self.emit("cancelled")
        finally:
            if world.has("keepalive-late"):
                keepalive = framed(self.spec, "keepalive", turn.request)
                await turn.holder.send(json.dumps(keepalive))

    async def _accept(self) -> None:
        self.turn.accepted = True
        await self.emit("immediate_response", status=202, message="Accepted")

    async def _model(self) -> None:
        while True:
            entry = self.world.script.next()
            await asyncio.sleep(entry.get("delayMs", 0) / 1000)
            for name, word in (("reasoning", "stream_reasoning"), ("preamble", "stream_preamble")):
                for token in _words(entry.get(name, "")):
                    await self.emit(word, token=token)
            if "toolCall" in entry:
                await self._call(entry["toolCall"])
            if "error" in entry:
                await self._end("failed")
                code = {"code": "AGENT_ERROR", "message": "The agent failed."}
                await self.emit("error", error=code)
                return
            if "text" in entry:
                await self._answer(entry)
                return

    async def _answer(self, entry: Tree) -> None:
        world, turn = self.world, self.turn
        tokens = _words(entry["text"])
        if turn.body.get("stream") is not False or world.has("stream-always"):
            for index, token in enumerate(tokens):
                if not (world.has("token-lost") and index == 1):
                    await self.emit("stream_token", token=token)
        if world.has("accepted-late"):
            await self._accept()
        usage = entry.get("usage", {"promptTokens": 10, "completionTokens": 5})
        said = Message("outbound", entry["text"], turn.request, None, now_ms())
        if not world.has("answer-not-kept"):
            turn.session.conversation.messages.append(said)
        await self._end("completed")
        if world.has("terminal-missing"):
            return
        facts = {"text": entry["text"], "usage": usage, "messageId": said.id}
        for _ in range(2 if world.has("terminal-twice") else 1):
            await self.emit("eventual_response", **facts)

    async def _end(self, outcome: str) -> None:
        if self.world.has("slow-terminal"):
            await asyncio.sleep(0.05)
        self._settle(outcome)

    def _settle(self, outcome: str) -> None:
        turn = self.turn
        turn.settled = True
        if turn.message is not None:
            turn.message.turn = outcome
        stays = self.world.has("busy-after-cancel") and outcome == "cancelled"
        if turn.session.conversation.running is turn and not stays:
            turn.session.conversation.running = None

    # --- tools ------------------------------------------------------------------------------

    async def _call(self, call: Tree) -> None:
        world, name = self.world, call["name"]
        tool = world.script.tools.get(name, {})
        early = world.has("call-before-question")
        if early:
            await self._chunk("toolCall", name, arguments=call.get("arguments", {}))
        result, failed = await self._gated(name, tool, call)
        if world.has("chunks-swapped"):
            await self._chunk("toolResult", name, isError=failed, result=result)
        if not early:
            await self._chunk("toolCall", name, arguments=call.get("arguments", {}))
        if not world.has("chunks-swapped"):
            await self._chunk("toolResult", name, isError=failed, result=result)

    async def _chunk(self, word: str, name: str, **facts: Any) -> None:
        state = {"rawResponse": {word: {"name": name, **facts}}}
        await self.emit("stream_chunk", node=name, state=state)

    async def _gated(self, name: str, tool: Tree, call: Tree) -> tuple[Any, bool]:
        """What the tool says, and whether that is an error."""
        words = self.turn.session.words
        if tool.get("auth") and not self.turn.session.verified:
            allowed = await self._code(name)
            return (tool.get("result"), False) if allowed else (DENIED, True)
        if tool.get("confirm"):
            asked: Tree = {"toolId": name, "actionDescription": f"Run {name}"}
            said = await self._ask("confirmation", "write_confirmation_required", asked)
            runs = said is True or self.world.has("denied-runs")
            runs = runs or (said is None and self.world.has("expired-runs"))
            return (tool.get("result"), False) if runs else (DENIED, True)
        if name == "request_identity_intake":
            if "identity_form" not in words:
                return "ask in words", False
            spec = {"fields": call["arguments"]["fields"]}
            facts: Tree = {"kind": "identity_intake", "spec": spec, "reason": "Please."}
            said = await self._ask("interaction", "interaction_required", facts)
            return said or {"status": "no_response"}, False
        return tool.get("result"), False

    async def _ask(self, kind: str, word: str, facts: Tree) -> Any:
        turn, lives = self.turn, self.world.question_s
        question = Question(kind, asyncio.get_running_loop().create_future())
        turn.question = question
        extra: Tree = {}
        if "spec_1_1" in turn.session.words:
            extra["expiresAt"] = now_ms() + int(lives * 1000)
            extra |= {"confirmationId": question.id} if kind == "confirmation" else {}
        extra |= {"interactionId": question.id} if kind == "interaction" else {}
        await self.emit(word, **facts, **extra)
        try:
            return await asyncio.wait_for(question.answer, lives)
        except TimeoutError:
            return None
        finally:
            turn.question = None

    async def _code(self, name: str) -> bool:
        """Ask for a code: in this turn where the client knows how, else for the next one."""
        session, otp = self.turn.session, self.world.script.otp
        session.left = int(otp.get("attempts", 3))
        facts = {
            "toolId": name,
            "actionDescription": f"Run {name}",
            "availableChannels": ["email"],
            "authLevel": "end_user",
        }
        if "otp_park" not in session.words:
            await self.emit("otp_verification_required", **facts)
            await self._send_code(otp)
            return False
        question = asyncio.create_task(self._ask("otp", "otp_verification_required", facts))
        try:
            await asyncio.sleep(0)
            await self._send_code(otp)
            return await question is True
        finally:
            question.cancel()

    async def _send_code(self, otp: Tree) -> None:
        if otp.get("sendFails"):
            word = "AGENT_ERROR" if self.world.has("unsent-ends") else "OTP_SEND_FAILED"
            await self.emit("error", error={"code": word, "message": "Not delivered."})
            return
        await self.emit("otp_sent", channel="email", maskedDestination="a***@example.com")


def _words(text: str) -> list[str]:
    """The words of a text, each with the blank behind it."""
    return [part + " " for part in text.split(" ")[:-1]] + [text.split(" ")[-1]] if text else []
