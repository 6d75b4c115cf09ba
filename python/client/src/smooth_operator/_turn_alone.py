"""Answers by ids, without a turn that is live here; a server may make a turn of one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from . import wire
from ._arguments import printed
from ._options import Options
from ._outbox import Outgoing
from ._questions import Answer, with_turn
from ._sender import Sender
from ._turn import Turn
from ._turn_state import answers_to
from ._turn_verbs import VerbCall


class LoneAnswers:
    """Sends answers whose turn lives elsewhere (REQ-VERB-08, REQ-VERB-15)."""

    def __init__(
        self, sender: Sender, options: Options, new_turn: Callable[[Outgoing, str], Turn]
    ) -> None:
        self._sender = sender
        self._options = options
        self._new_turn = new_turn

    def send(self, call: VerbCall) -> Answer[Any]:
        """Send an answer; the returned one resolves as the server says."""
        answer: Answer[Any] = Answer.make(self._options.logger)
        action = call.action
        self._sender.router.check_id(action.request_id)
        text = printed(action)
        outgoing = Outgoing(action.action, action.request_id, text, action.session_id)

        def begin(event: wire.Event) -> None:
            answer.turn = self._new_turn(outgoing, action.session_id)
            answer.turn._driver.begin(event)

        def done(future: asyncio.Future[Any]) -> None:
            error = None if future.cancelled() else future.exception()
            if isinstance(error, Exception):
                answer.fail(error)
            elif not future.cancelled():
                answer.resolve(with_turn(future.result(), answer.turn))

        waiting = self._sender.call(
            outgoing,
            answers_to(call.verb),
            call.value,
            shared=True,
            becomes_turn=begin if call.becomes_turn else None,
        )
        waiting.add_done_callback(done)
        return answer
