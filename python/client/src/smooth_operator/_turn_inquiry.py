"""What the server does with a turn that failed here, as ``recover()`` asks it (REQ-RESUME-12)."""

from __future__ import annotations

import asyncio
from typing import Any, Literal

from . import wire
from ._arguments import printed
from ._clock import Timer
from ._options import Options
from ._outbox import Outgoing
from ._sender import Call, Sender
from ._transport import LinkEnd
from ._turn_driver import TurnDriver
from ._turn_resuming import UNNUMBERED, Resuming, number_of
from ._turn_state import TurnState
from .wire import steps

Fate = Literal["over", "never", "unknown"]
"""The history decides; the message never arrived; the time is over."""


async def fate_of(turn: TurnDriver, sender: Sender, options: Options) -> Fate:
    """Return what the server does with a turn, once it has ended, or the time is over.

    Raises:
        SmoothAgentError: there is no link, and none is sought.
    """
    asking = asyncio.ensure_future(_ask(turn, sender, options))
    limit = options.resume_timeout
    timer = options.clock.call_later(limit, lambda: _stop(asking)) if limit else None
    try:
        await asyncio.wait([asking])
    finally:
        asking.cancel()
        if timer is not None:
            timer.cancel()
    return "unknown" if asking.cancelled() else asking.result()


def _stop(asking: asyncio.Future[Fate]) -> None:
    asking.cancel()


async def _ask(turn: TurnDriver, sender: Sender, options: Options) -> Fate:
    """Ask, or wait for what is in flight under the id, which cannot be asked for beside it."""
    while True:
        owner = sender.router.owner(turn.request_id)
        if isinstance(owner, TurnDriver):
            while not owner.settled:
                await owner.changed()
            return "over"
        if isinstance(owner, Call):
            await asyncio.wait([owner.future])
        else:
            owner = Inquiry(turn, sender, options)
            await _answered(owner, sender)
        if isinstance(owner, Inquiry) and not owner.future.cancelled():
            return owner.future.result()
        await asyncio.sleep(0)  # who had the id lets go of it


async def _answered(inquiry: Inquiry, sender: Sender) -> None:
    try:
        await asyncio.wait([sender.begin(inquiry)])
    finally:
        inquiry.future.cancel()


def displace(owner: object) -> None:
    """Let ``recover()`` look again who has the id of its turn: it is taken up here."""
    if isinstance(owner, Inquiry):
        owner.future.cancel()


class Inquiry(Call[Fate]):
    """``resume_turn`` for a turn that nobody sees, on one link after the other.

    The turn's machine says what the server's answers mean; what else comes goes nowhere.
    """

    def __init__(self, turn: TurnDriver, sender: Sender, options: Options) -> None:
        action = wire.actions.ResumeTurnAction(**turn.ids(), after_seq=turn.resuming.last)
        asked = Outgoing(action.action, turn.request_id, printed(action), turn.session_id)
        super().__init__(sender.router, options, asked, frozenset(), _nothing, shared=True)
        self._put = sender.put
        self._turn = TurnState(lambda *_: False, turn="suspended")
        self._resuming = Resuming(options, replays=True)
        self._resuming.last = turn.resuming.last
        self._pause: Timer | None = None

    @property
    def repeatable(self) -> bool:
        """It is asked on every link."""
        return True

    def start(self) -> None:
        """Start no limit: whoever asks has its own."""

    def event_received(self, event: wire.Event) -> bool:
        """Step on an event of the turn."""
        return self._heard(event, event.type)

    def broken_received(self, fault: wire.DecodeError) -> bool:
        """Step on a broken event of the turn, as :meth:`TurnDriver.broken_received`."""
        ends = fault.terminal or fault.type == "turn_resumed"
        return self._heard(fault.as_unknown(), "broken" if ends else "unknown")

    def link_event(
        self, word: str, end: LinkEnd | None, error: Exception | None, *, sought: bool = False
    ) -> None:
        """Step on what happened to the link."""
        self._stop_pause()
        super().link_event(word, end, error, sought=sought)

    def _write_again(self) -> None:
        self._turn.turn = "suspended"
        self.outgoing = self.outgoing.again()
        self._put(self.outgoing)

    def _heard(self, event: Any, word: str) -> bool:
        kind = event.wire_type if event.type == "unknown" else event.type
        if self._turn.turn == "suspended" and kind not in UNNUMBERED:
            refuses = word == "error" and number_of(event) is None
            word = "resume_refused" if refuses else "repeated"
        state = self._resuming.state_of(event) if word == "turn_resumed" else None
        facts = steps.Facts(turn=self._turn.turn, resume_state=state)
        for step in self._turn.frame(event, word, facts):
            if isinstance(step.effect, steps.Schedule):
                self._ask_later(event)
        if state == "settled" or self._turn.settled:
            unheard = self._resuming.last == 0
            self._end("never" if state == "never" and unheard else "over")
        return True

    def _ask_later(self, refusal: Any) -> None:
        self._stop_pause()
        options = self._options
        wait = self._resuming.pause(options.draw(), refusal.retry_after_ms)
        self._pause = options.clock.call_later(wait, self._write_again)

    def _stop_pause(self) -> None:
        if self._pause is not None:
            self._pause.cancel()

    def _end(self, fate: Fate) -> None:
        if not self.future.done():
            self.future.set_result(fate)

    def _done(self) -> None:
        self._stop_pause()
        super()._done()


def _nothing(event: wire.Event) -> Fate:
    raise AssertionError(event.type)  # no event is the answer of this call
