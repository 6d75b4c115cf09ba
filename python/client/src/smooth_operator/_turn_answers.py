"""The verbs of one turn that wait for what the server makes of them, each with its limit."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from . import _errors as errors
from ._arguments import printed
from ._options import Options
from ._outbox import Outgoing
from ._questions import Answer
from ._sender import Sender
from ._transport import LinkEnd
from ._turn_outcome import Cause
from ._turn_state import Verb
from ._turn_verbs import VerbCall
from .wire import steps


class TurnAnswers:
    """What becomes of verbs. ``verbs`` is the turn's own list, ``ids`` what every error says.

    ``over`` hears that a limit took a verb away.
    """

    def __init__(
        self,
        sender: Sender,
        options: Options,
        verbs: list[Verb],
        ids: dict[str, Any],
        over: Callable[[], None],
    ) -> None:
        self._sender = sender
        self._failures = sender.failures
        self._options = options
        self._verbs = verbs
        self._ids = ids
        self._over = over

    def pending(self) -> Answer[Any]:
        """Return an answer that has no outcome yet."""
        return Answer.make(self._options.logger)

    def refuse(self, verb: Verb, refusal: steps.Refusal | None) -> None:
        """Fail a verb that is not sent (REQ-VERB-05)."""
        answered = refusal == "already_answered"
        leaf = errors.AlreadyAnsweredError if answered else errors.NoPendingQuestionError
        verb.token.fail(self._failures.make(leaf, **self._ids))

    def made(self, call: VerbCall, *, by_handler: bool) -> Verb:
        """Return the verb of a call, of which nothing is known here yet.

        Nobody waits for what becomes of one that a handler gave.

        Raises:
            MessageTooLargeError: over 1 MiB.
        """
        outgoing = Outgoing(call.action.action, text=printed(call.action), **self._ids)
        self._sender.check(outgoing)
        answer = Answer[Any].make(None) if by_handler else self.pending()
        return Verb(call.verb, answer, call.value, by_handler, outgoing, call.named)

    def add(self, verb: Verb) -> None:
        """Let a verb wait; it is not written yet."""
        self._verbs.append(verb)
        verb.token.add_done_callback(lambda _: verb.stop())

    def write(self, verb: Verb) -> None:
        """Write a verb's frame for the first time, and start its limit."""
        self._time(verb)
        self._sender.put(verb.outgoing)

    def repeat(self, verb: Verb) -> None:
        """Write a verb's frame once more (REQ-RESUME-07)."""
        verb.unsure, verb.outgoing = False, verb.outgoing.again()
        self._sender.put(verb.outgoing)

    def pause(self) -> None:
        """Let all limits stand still: the turn is suspended (REQ-RESUME-09)."""
        for verb in self._verbs:
            verb.stop()

    def go_on(self, held: Iterable[Verb]) -> None:
        """Start all limits anew, and write what was called meanwhile (REQ-RESUME-08)."""
        for verb in self._verbs:
            self._time(verb)
        for verb in held:
            self._sender.put(verb.outgoing)

    def _time(self, verb: Verb) -> None:
        limit = self._options.request_timeout
        if limit and verb.outgoing is not None and not verb.token.done():
            verb.stop()
            verb.timer = self._options.clock.call_later(limit, lambda: self._expire(verb))

    def _expire(self, verb: Verb) -> None:
        if verb in self._verbs:
            self._verbs.remove(verb)
            verb.token.fail(self._failures.make(errors.RequestTimeoutError, **self._ids))
            self._over()

    # the end --------------------------------------------------------------------------

    def resolve(self, verb: Verb, cause: Cause) -> None:
        """Give a verb the value of the event that answers it."""
        verb.token.resolve(verb.value(cause.event))

    def fail(self, verb: Verb, effect: steps.Fail, cause: Cause) -> None:
        """Fail a verb with the event that refuses it, or because nobody knows what became of it."""
        if effect.ending is None:
            verb.token.fail(self._failures.of_event(cause.event, **self._ids))
        else:
            end = self._sender.ending
            verb.token.fail(self._failures.of_end(effect.ending, end, **self._ids))

    def link_ended(self, kind: str, end: LinkEnd | None, error: Exception | None) -> None:
        """Fail the verbs that outlived their turn: the link is gone (REQ-CONN-15)."""
        for verb in [verb for verb in self._verbs if verb.outlives_turn]:
            self._verbs.remove(verb)
            verb.token.fail(error or self._failures.of_link(kind, end, **self._ids))

    def drop(self) -> None:
        """Fail all that wait: their message is sent again under another id (REQ-ASK-11)."""
        for verb in self._verbs:
            verb.token.fail(self._failures.make(errors.NoPendingQuestionError, **self._ids))

    def settle(self, error: Exception | None, *, suspended: bool) -> None:
        """End the verbs that wait (REQ-VERB-06).

        Of a turn that was suspended no answer comes any more, not even to a code (REQ-RESUME-08).
        """
        for verb in list(self._verbs):
            if verb.outlives_turn and not suspended:
                continue
            self._verbs.remove(verb)
            if verb.name == "cancel":
                verb.token.resolve(None)
            else:
                ended = self._failures.make(errors.NoPendingQuestionError, **self._ids)
                verb.token.fail(error or ended)
