"""A message of the reference client that is sent again when its handler has given the code."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any, cast

from conform.reference.clock import Timer
from conform.reference.errors import RefError
from conform.reference.reading import RefReading

if TYPE_CHECKING:
    from conform.reference.turn import RefTurn

Tree = dict[str, Any]


class RefAgain(RefReading):
    """The response that waits for a code (REQ-ASK-11, REQ-ASK-12)."""

    sent_again: bool
    running: bool
    timers: dict[str, Timer]

    @abstractmethod
    def _disarm(self, name: str) -> None: ...

    @abstractmethod
    def failed(self, error: RefError) -> Tree:
        """Body of a failure; the partial text is kept."""

    @abstractmethod
    def wake(self) -> None:
        """Let readers look again."""

    @abstractmethod
    def idle(self) -> None:
        """Start the idle clock anew."""

    def _end(self, body: Tree) -> None:
        self.response, self.body = None, body
        for name in list(self.timers):
            if name != "idle" or "timer-after-turn" not in self.client.faults:
                self._disarm(name)
        for verb in [verb for verb in self.verbs if verb.kind == "cancel"]:
            verb.done(None)
            self.verbs.remove(verb)
        self.client.line.over()
        self.wake()

    @property
    def waits_for_frames(self) -> bool:
        """Whether the message that was sent last has no terminal event yet."""
        return self.body is None and self.response is None

    def _awaits_code(self) -> bool:
        """Whether the message is sent again when its handler has given the code."""
        wanted = self.client.options.get("options", {}).get("resendAfterOtp", True)
        again = self.sent_again and "code-sent-again-twice" not in self.client.faults
        if not wanted or again or "code-not-sent-again" in self.client.faults:
            return False
        return "otp" in self.handling.handlers and self.handling.expects_code()

    def look(self) -> None:
        """The response that was held back is the outcome when no code can come any more."""
        if self.response is not None and not self.handling.expects_code():
            self._end(self.response)

    def handler_failed(self, question: str) -> None:
        """A handler failed."""
        failed = self.failed(self.error("handler_failed", question=question))
        if self.response is not None:
            self._end(failed)
        elif self.body is None:
            self.send_cancel()
            self.settle(failed)

    def _send_again(self) -> None:
        self.response, self.sent_again, self.running = None, True, False
        for verb in self.verbs:
            verb.done(None, self.error("conflict"))
        self.verbs.clear()
        self._disarm("otp")
        self.resuming = self.resuming.fresh()
        if "text-kept-for-second-message" not in self.client.faults:
            self.tokens = []
        self.cancel_sent = False
        self.out = self.client.send_again(cast("RefTurn", self))
        self.idle()
