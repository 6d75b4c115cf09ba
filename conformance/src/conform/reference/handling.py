"""Handlers of the reference client's questions, written out by hand from REQ-ASK."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from conform.reference.clock import Timer

if TYPE_CHECKING:
    from conform.reference.turn import RefTurn

Tree = dict[str, Any]
Handler = Callable[[Tree], Awaitable[Tree]]
"""Gets what it is asked; gives ``{"value": …}`` or ``{"decline": true}``, or raises."""
UNSEEN_MS = 5_000
TOLD = frozenset(
    [
        *("toolId", "actionDescription", "availableChannels", "authLevel", "channel"),
        *("maskedDestination", "interactionId", "kind", "spec", "reason"),
    ]
)
WRONG = ("attemptsRemaining", "error", "errors", "message")


@dataclass(eq=False)
class Running:
    """A handler that was called and has not ended."""

    question: str
    task: asyncio.Task[None]
    timer: Timer | None


class RefHandling:
    """The handlers of one turn."""

    def __init__(self, turn: RefTurn, levels: list[dict[str, Handler]]) -> None:
        self.turn = turn
        self.faults = turn.client.faults
        self.handlers: dict[str, Handler] = {}
        near_last = levels if "client-handler-first" not in self.faults else reversed(levels)
        for level in near_last:
            self.handlers |= level
        self.running: list[Running] = []
        self.queue: list[tuple[str, Tree]] = []
        self.stopped = False
        self.unseen: dict[str, Timer] = {}
        self.unwatched: list[str] = []  # questions whose time unseen has not begun
        self.untold: set[str] = set()  # a code that nothing said yet to be sent
        self.refusals: dict[str, int] = {}

    def handler(self, question: str, kind: Any) -> Handler | None:
        """Who answers a question."""
        return self.handlers.get(f"interaction {kind}" if question == "interaction" else question)

    def _mine(self, question: str) -> Handler | None:
        return self.handler(question, self.turn.asked.get(question, {}).get("kind"))

    # --- what happens to questions ----------------------------------------------------------

    def asked(self, question: str, event: str, *, fresh: bool) -> None:
        """A question opened, or shows more of itself."""
        if fresh and "refusals-counted-together" not in self.faults:
            self.refusals[question] = 0
        if event != "otp_sent":
            self.over(question)
        elif self._busy(question):
            return
        if self.stopped:
            return
        waits = event == "otp_verification_required" and self.turn.waits_for_frames
        if "code-handler-early" in self.faults:
            waits = False
        if self._mine(question) is None:
            if fresh and self.turn.waits_for_frames:
                self.unwatched.append(question)
        elif waits:
            self.untold.add(question)
            self.unwatched.append(question)
        else:
            self.due(question, {})
        self.next()

    def _look_later(self, question: str) -> None:
        look = lambda: self._look(question)  # noqa: E731
        self.unseen[question] = self.turn.client.clock.later(UNSEEN_MS, look)

    def _look(self, question: str) -> None:
        self.unseen.pop(question, None)
        if question in self.untold:
            self.due(question, {})
        elif not self.turn.places and "unseen-question-silent" not in self.faults:
            self.turn.client.warned()

    def seen(self, question: str) -> None:
        """Nobody has to look whether the question goes unseen."""
        self.untold.discard(question)
        self.unwatched = [it for it in self.unwatched if it != question]
        timer = self.unseen.pop(question, None)
        if timer:
            timer.cancel()

    def again(self, question: str, wrong: Tree) -> None:
        """The answer was wrong and the question is open again."""
        answers = self._mine(question) and "handler-asked-once" not in self.faults
        if answers and not self._busy(question) and not self.stopped:
            self.due(question, wrong)

    def due(self, question: str, wrong: Tree) -> None:
        """Call the handler when it is its turn."""
        self.seen(question)
        self.queue.append((question, wrong))
        self.next()

    def over(self, question: str) -> None:
        """The question was answered or closed."""
        self.seen(question)
        self.queue = [entry for entry in self.queue if entry[0] != question]
        for run in list(self.running):
            if run.question == question:
                self._signal(run)

    def stop(self) -> None:
        """The turn is stopped."""
        self.stopped = True
        self.queue.clear()
        for question in list(self.turn.questions):
            self.seen(question)
        for run in list(self.running):
            self._signal(run)

    def settling(self) -> None:
        """The turn settles: whom nothing told of the code is asked now."""
        for question in list(self.turn.questions):
            if question in self.untold:
                self.due(question, {})
            self.seen(question)

    def _busy(self, question: str) -> bool:
        return any(run.question == question for run in self.running) or any(
            entry[0] == question for entry in self.queue
        )

    def expects_code(self) -> bool:
        """Whether a code may still come."""
        verbs = any(verb.kind in ("verify_otp", "decline_otp") for verb in self.turn.verbs)
        alive = self.turn.questions["otp"] != "none" and not self.stopped
        return alive and (self._busy("otp") or verbs)

    # --- running ----------------------------------------------------------------------------

    def next(self) -> None:
        """Call who is next."""
        parallel = "handlers-in-parallel" in self.faults
        while self.unwatched and self._ready:
            self._look_later(self.unwatched.pop())
        while self.queue and self._ready and (parallel or not self.running):
            question, wrong = self.queue.pop(0)
            handler = self._mine(question)
            if handler and self.turn.questions[question] == "open":
                if wrong and self._once_too_often(question):
                    self.fail(question)
                else:
                    self._call(question, handler, wrong)

    def _once_too_often(self, question: str) -> bool:
        """Whether ten answers were wrong."""
        self.refusals[question] = self.refusals.get(question, 0) + 1
        return self.refusals[question] >= 10 and "handler-asked-for-ever" not in self.faults

    @property
    def _ready(self) -> bool:
        """Whether what the turn shows is the present."""
        resuming = self.turn.resuming
        early = "handler-of-the-past" in self.faults
        return early or (not resuming.suspended and resuming.goal is None)

    def _call(self, question: str, handler: Handler, wrong: Tree) -> None:
        turn = self.turn
        told = {n: v for n, v in turn.asked.get(question, {}).items() if n in TOLD}
        told |= {n: v for n, v in wrong.items() if n in WRONG}
        ask = {"question": question, "requestId": turn.id, "sessionId": turn.session, "ask": told}
        task = asyncio.ensure_future(self._answered(handler, ask))
        run = Running(question, task, None)
        limit = turn.client.options.get("options", {}).get("handlerTimeout", 0)
        if limit and "handler-timeout-off" not in self.faults:
            run.timer = turn.client.clock.later(limit, lambda: self._late(run))
        self.running.append(run)

    def _end(self, run: Running) -> bool:
        """Whether the handler's answer still counts; it has ended."""
        if run not in self.running:
            return False
        self.running.remove(run)
        if run.timer:
            run.timer.cancel()
        return True

    def _signal(self, run: Running) -> None:
        if "handler-signal-lost" in self.faults:
            return
        if self._end(run):
            run.task.cancel()
            self.next()

    def _late(self, run: Running) -> None:
        if self._end(run):
            run.task.cancel()
            self.fail(run.question)

    async def _answered(self, handler: Handler, ask: Tree) -> None:
        task = asyncio.current_task()
        gift: Tree = {}
        try:
            await asyncio.sleep(0)  # behind what else the event leads to
            gift = await handler(ask)
        except asyncio.CancelledError:
            return
        except Exception:
            gift = {"raise": True}
        run = next((run for run in self.running if run.task is task), None)
        if run and self._end(run):
            self._take(run.question, gift)
            self.next()
            self.turn.look()

    def _take(self, question: str, gift: Tree) -> None:
        if "raise" in gift or "nonsense" in gift:
            self.fail(question)
        elif "decline" in gift:
            self._decline(question)
        elif question == "confirmation":
            self._verb(question, "confirm", {"approved": gift["value"]})
        elif question == "otp":
            self._verb(question, "verify_otp", {"code": gift["value"]})
        else:
            self._verb(question, "submit", {"values": gift["value"]})

    def _decline(self, question: str) -> None:
        parks = "otp_park" in self.turn.client.granted.get(self.turn.session, [])
        if question == "interaction":
            self._verb(question, "decline", {"declined": True})
        elif parks:
            self._verb(question, "decline_otp", {"declined": True})

    def _verb(self, question: str, kind: str, facts: Tree) -> None:
        future = self.turn.verb(kind, facts, by_handler=True)

        def refused(done: asyncio.Future[Any]) -> None:
            failed = not done.cancelled() and done.exception() is not None
            if failed and self.turn.questions[question] == "open":
                self.fail(question)

        future.add_done_callback(refused)

    def fail(self, question: str) -> None:
        """A no, and the turn fails."""
        if question == "confirmation" and self.turn.questions[question] == "open":
            approved = "failed-handler-approves" in self.faults
            self.turn.verb("confirm", {"approved": approved}, by_handler=True)
        elif question == "interaction" and self.turn.questions[question] == "open":
            self.turn.verb("decline", {"declined": True}, by_handler=True)
        if "failed-handler-ignored" not in self.faults:
            self.turn.handler_failed(question)
