"""One turn while it runs: its events are numbered and kept, its questions asked, its end stored."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from .. import wire
from .forms import WORD_OF
from .reply import (
    FAKE_TOOL,
    Chunk,
    Confirm,
    Cut,
    Delay,
    Fail,
    Finish,
    Interaction,
    Malformed,
    Otp,
    Piece,
    Reply,
    Step,
)
from .state import LINKLESS, FakeTurn, Outcome, Question, QuestionKind, StoredMessage, World

PIECES: dict[str, type[Any]] = {
    "stream_token": wire.StreamTokenEvent,
    "stream_reasoning": wire.StreamReasoningEvent,
    "stream_preamble": wire.StreamPreambleEvent,
}


class Play:
    """What one turn tells, and what it waits for."""

    def __init__(self, world: World, turn: FakeTurn) -> None:
        self.world = world
        self.turn = turn
        self.text = ""
        """The tokens so far."""
        self.cut_behind: int | None = None
        """Close code of the link's end that comes while the next question is open."""

    # events -----------------------------------------------------------------------------

    def emit(self, model: type[Any], **facts: Any) -> None:
        """Number an event of the turn, keep it, and send it to who holds the turn."""
        turn = self.turn
        numbered = {"seq": len(turn.events) + 1} if turn.session.replays else {}
        event = model.of(
            request_id=turn.request_id, timestamp=self.world.now_ms(), **numbered, **facts
        )
        turn.events.append(event.raw_text)
        turn.pump()

    def accept(self) -> None:
        """Tell that the turn was taken: its first event."""
        self.emit(wire.ImmediateResponseEvent, status=202, message="Accepted", data={})

    def piece(self, word: str, text: str) -> None:
        """Stream one piece; tokens only where they are wanted (REQ-SRV-08)."""
        if word == "stream_token":
            self.text += text
            if self.turn.body.get("stream") is False:
                return
        self.emit(PIECES[word], token=text)

    # ends -------------------------------------------------------------------------------

    def finish(
        self,
        text: str,
        *,
        citations: Sequence[wire.Citation] = (),
        usage: wire.Usage | None = None,
        suggestions: Sequence[str] = (),
    ) -> None:
        """End the turn with its answer, which is stored."""
        turn, world = self.turn, self.world
        conversation = turn.session.conversation
        said = StoredMessage(
            world.new_id(), "outbound", text, turn.request_id, max(0.0, world.clock.wall())
        )
        conversation.messages.append(said)
        world.touch(conversation)
        self.settle("completed")
        # A lone empty part would read as no answer at all (REQ-TURN-09).
        response: Any = {"responseParts": [text]} if text or suggestions else ""
        if suggestions:
            response["suggestedNextActions"] = list(suggestions)
        self.emit(
            wire.EventualResponseEvent,
            status=200,
            message_id=said.id,
            response=response,
            citations=list(citations) or None,
            usage=usage,
        )

    def fail(self, code: str, message: str) -> None:
        """End the turn with an error."""
        self.settle("failed")
        self.emit(wire.ErrorEvent, code=code, message=message)

    def cancelled(self) -> None:
        """End the turn as one that was stopped, wherever it is."""
        if self.turn.task is not None:
            self.turn.task.cancel()
        self.settle("cancelled")
        self.emit(wire.CancelledEvent)

    def lost(self) -> None:
        """End the turn for want of a link; nobody is told but who resumes it (REQ-SRV-36)."""
        if self.turn.task is not None:
            self.turn.task.cancel()
        self.fail("AGENT_ERROR", "The turn lost its link.")

    def settle(self, outcome: Outcome) -> None:
        """Store how the turn ended, and let the next one run."""
        turn = self.turn
        turn.settled_at = self.world.clock.now()
        turn.message.turn = outcome
        self.close_question()
        self.link_is_there()
        if turn.session.conversation.running is turn:
            turn.session.conversation.running = None

    # links ------------------------------------------------------------------------------

    def link_is_gone(self) -> None:
        """Go on without a link for a while, or end where nobody can come back (REQ-SRV-36)."""
        turn = self.turn
        if turn.settled:
            return
        if not turn.session.replays:
            self.lost()
        elif turn.linkless is None:
            turn.linkless = self.world.clock.call_later(LINKLESS, self._give_up)

    def link_is_there(self) -> None:
        """Wait no longer for a link."""
        if self.turn.linkless is not None:
            self.turn.linkless.cancel()
            self.turn.linkless = None

    def _give_up(self) -> None:
        self.turn.linkless = None
        if self.turn.question is not None:
            self.link_is_gone()
        elif not self.turn.settled:
            self.lost()

    # questions --------------------------------------------------------------------------

    async def ask(
        self,
        kind: QuestionKind,
        model: type[Any],
        facts: Mapping[str, Any],
        then: Callable[[], None] | None = None,
    ) -> Any:
        """Ask, and wait for what is said; None when nobody answers in time (REQ-SRV-09)."""
        turn, world = self.turn, self.world
        answer = asyncio.get_running_loop().create_future()
        question = Question(world.new_id(), kind, answer, facts)
        turn.question = question
        told = dict(facts)
        if "spec_1_1" in turn.session.words:
            told["expires_at"] = world.now_ms() + round(world.question_seconds * 1000)
            if kind == "confirmation":
                told["confirmation_id"] = question.id
        if kind == "interaction":
            told["interaction_id"] = question.id
        self.emit(model, **told)
        if then is not None:
            then()
        question.timer = world.clock.call_later(world.question_seconds, lambda: _lapse(answer))
        code, self.cut_behind = self.cut_behind, None
        if code is not None:
            turn.holder.end(code)
        try:
            return await answer
        finally:
            self.close_question()

    def close_question(self) -> None:
        """Forget the question that is open, if one is."""
        question, self.turn.question = self.turn.question, None
        if question is not None and question.timer is not None:
            question.timer.cancel()

    async def confirmed(self, description: str, tool_id: str) -> bool:
        """Ask whether a tool may run."""
        facts = {"tool_id": tool_id, "action_description": description}
        said = await self.ask("confirmation", wire.WriteConfirmationRequiredEvent, facts)
        return said is True

    async def code_given(
        self,
        otp: Otp,
        tool_id: str = FAKE_TOOL,
        description: str = "A one-time code is needed.",
        *,
        sent: bool = True,
    ) -> bool:
        """Ask for a code; park the turn, or, where the client cannot wait, say no (REQ-OTP-04)."""
        session = self.turn.session
        session.code, session.attempts = otp.code, otp.attempts
        facts = {
            "tool_id": tool_id,
            "action_description": description,
            "available_channels": [otp.channel],
            "auth_level": "end_user",
        }

        def send() -> None:
            if sent:
                where = {"channel": otp.channel, "masked_destination": otp.masked}
                self.emit(wire.OtpSentEvent, **where)
            else:
                code, text = "OTP_SEND_FAILED", "The code was not delivered."
                self.emit(wire.ErrorEvent, code=code, message=text)

        if "otp_park" not in session.words:
            self.emit(wire.OtpVerificationRequiredEvent, **facts)
            send()
            return False
        return await self.ask("otp", wire.OtpVerificationRequiredEvent, facts, send) is True

    async def form(self, kind: str, spec: Mapping[str, Any], reason: str) -> dict[str, Any]:
        """Ask with a form; return how that ended, as the agent is told."""
        facts = {"kind": kind, "spec": dict(spec), "reason": reason}
        said = await self.ask("interaction", wire.InteractionRequiredEvent, facts)
        return said if isinstance(said, dict) else {"status": "no_response"}

    async def pause(self, milliseconds: float) -> None:
        """Wait for the clock."""
        if not milliseconds:
            return
        over = asyncio.get_running_loop().create_future()
        timer = self.world.clock.call_later(milliseconds / 1000, lambda: _lapse(over))
        try:
            await over
        finally:
            timer.cancel()


def _lapse(waited: asyncio.Future[Any]) -> None:
    if not waited.done():
        waited.set_result(None)


class ReplyPlay:
    """Plays the steps of a reply."""

    def __init__(self, play: Play) -> None:
        self.play = play

    async def run(self, reply: Reply) -> None:
        """Run the steps in order; a turn without an end stays open."""
        steps = [*reply._steps]
        while steps:
            step = steps.pop(0)
            behind = steps[0] if steps else None
            if isinstance(step, _QUESTIONS) and isinstance(behind, Cut):
                self.play.cut_behind = behind.code
                steps.pop(0)
            if isinstance(step, Confirm):
                approved = await self.play.confirmed(step.description, step.tool_id)
                if not approved and step.rejected is not None:
                    await self.run(step.rejected)
                    return
            else:
                await self._wait(step) if isinstance(step, _WAITS) else self._tell(step)
            if self.play.turn.settled:
                return

    async def _wait(self, step: Step) -> None:
        play = self.play
        if isinstance(step, Delay):
            await play.pause(step.milliseconds)
        elif isinstance(step, Otp):
            if not await play.code_given(step):
                play.fail("AGENT_ERROR", "The code was not given.")
        elif isinstance(step, Interaction):
            word = WORD_OF[step.kind]
            if word in play.turn.session.words:
                await play.form(step.kind, step.spec, "The agent asks.")
            else:
                told = f"interaction('{step.kind}') needs a client that supports '{word}'."
                play.fail("AGENT_ERROR", told)

    def _tell(self, step: Step) -> None:
        play = self.play
        if isinstance(step, Piece):
            play.piece(step.word, step.text)
        elif isinstance(step, Chunk):
            facts = {"node": step.node, "state": step.state, "done": step.done}
            play.emit(wire.StreamChunkEvent, **facts)
        elif isinstance(step, Malformed):
            play.turn.holder.write(step.text)
        elif isinstance(step, Cut):
            play.turn.holder.end(step.code)
        elif isinstance(step, Fail):
            play.fail(step.code, step.message)
        elif isinstance(step, Finish):
            text = play.text if step.text is None else step.text
            play.finish(
                text, citations=step.citations, usage=step.usage, suggestions=step.suggestions
            )


_QUESTIONS = (Confirm, Otp, Interaction)
_WAITS = (Delay, Otp, Interaction)
Player = Callable[[Play], Awaitable[None]]
"""What plays a turn to its end."""
