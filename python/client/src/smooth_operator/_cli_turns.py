"""A turn at the terminal: its answer is shown, its questions are put to the person."""

from __future__ import annotations

import asyncio
import signal
from contextlib import suppress
from typing import Any

from ._cli_person import Person, StreamedAnswer
from ._client import SmoothAgentClient
from ._connection_state import StateChange
from ._conversation import Conversation
from ._errors import NoPendingQuestionError, SmoothAgentError
from ._turn import Turn
from .wire.model import dump

FORMS = ("identity_form",)
"""Questions that a terminal can show as a form."""


def printed(tree: Any) -> None:
    """Print one JSON value on a line of its own."""
    print(dump(tree), flush=True)


async def answer_question(turn: Turn, event: Any, person: Person) -> None:
    """Put the question of ``event`` to the person and send the answer."""
    try:
        if event.type == "write_confirmation_required":
            agreed = await person.agrees(f"\n{event.action_description}?")
            await turn.confirm(agreed)
            person.show("approved" if agreed else "declined", style="dim")
        elif event.type in ("otp_sent", "otp_invalid"):
            await answer_code(turn, event, person)
        elif event.type == "interaction_required":
            await answer_form(turn, person)
    except NoPendingQuestionError:
        person.show("the question is no longer open", style="dim")


async def answer_code(turn: Turn, event: Any, person: Person) -> None:
    """Ask for the code while one is asked for; an empty line declines it."""
    if event.type == "otp_invalid":
        person.show(event.message, style="red")
    else:
        person.show(f"\nA code was sent to {event.masked_destination}")
    if turn.question("otp") is None:
        return
    code = await person.ask("code (empty: decline):")
    if code:
        check = await turn.verify_otp(code)
        if check.verified:
            person.show(check.message, style="dim")
    else:
        try:
            await turn.decline("otp")
        except SmoothAgentError:
            await turn.cancel()
        person.show("declined", style="dim")


async def answer_form(turn: Turn, person: Person) -> None:
    """Ask for the fields of a form; after a refusal only for those that were wrong."""
    question = turn.question("interaction")
    if question is None:
        return
    asked = question.event
    fields = asked.spec.get("fields") if asked.kind == "identity_intake" else None
    if not isinstance(fields, list):
        person.show(f"declined a question of the kind {asked.kind}", style="dim")
        await turn.decline()
        return
    person.show(f"\n{asked.reason or 'The agent asks:'}")
    values: dict[str, Any] = {}
    while True:
        for field in fields:
            if field["key"] in values:
                continue
            typed = await person.ask(f"{field.get('label') or field['key']}:")
            if typed is None or (not typed and not await person.agrees("Leave this empty?")):
                await turn.decline()
                person.show("declined", style="dim")
                return
            if typed:
                values[field["key"]] = typed
        outcome = await turn.submit(values)
        if outcome.accepted:
            return
        for error in outcome.errors:
            person.show(f"{error.field}: {error.message}", style="red")
            values.pop(error.field, None)


async def one_turn(chat: Conversation, message: str, person: Person) -> None:
    """Send a message, show the answer as it streams, and answer what is asked."""
    async with chat.send(message) as turn:
        with person.answering() as answer:
            await shown_turn(turn, answer, person)
        result = await turn
    person.show("")
    if result.outcome == "cancelled":
        person.show("stopped", style="dim")
    for citation in result.citations:
        person.show(f"  from {citation.title}", style="dim")


async def shown_turn(turn: Turn, answer: StreamedAnswer, person: Person) -> None:
    """Show the events of a turn, and answer what is asked."""
    async for event in turn:
        if event.type == "stream_token":
            answer.add(event.token)
            continue
        answer.pause()
        if event.type in ("stream_reasoning", "stream_preamble"):
            person.show(event.token, style="dim", end="")
        elif event.type != "interaction_invalid":
            await answer_question(turn, event, person)


async def interruptible(work: Any) -> bool:
    """Run a turn; Ctrl-C ends it and not the program. False when it was ended."""
    task = asyncio.ensure_future(work)
    loop = asyncio.get_running_loop()
    with suppress(NotImplementedError):  # Windows: Ctrl-C ends the program there
        loop.add_signal_handler(signal.SIGINT, task.cancel)
    try:
        await task
    except asyncio.CancelledError:
        return False
    finally:
        with suppress(NotImplementedError):
            loop.remove_signal_handler(signal.SIGINT)
    return True


async def printed_turn(chat: Conversation, message: str, person: Person) -> None:
    """Send a message, print each event as a line of JSON, and answer what is asked."""
    async with chat.send(message) as turn:
        async for event in turn:
            printed(event.raw)
            if event.type != "interaction_invalid":
                await answer_question(turn, event, person)
        await turn


def follow(client: SmoothAgentClient, person: Person) -> None:
    """Show what happens to the link once it was open."""

    def changed(change: StateChange) -> None:
        if change.current == "reconnecting" and change.retry_in is not None:
            told = f"the link is lost; attempt {change.attempt} in {change.retry_in:.1f} s"
            person.show(told, style="yellow")
        elif change.current == "open" and change.previous == "reconnecting":
            person.show("connected again", style="green")

    client.on_state(changed)
