"""``smooth-operator``: talk to an agent from the terminal."""

from __future__ import annotations

import asyncio
import re
import signal
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Annotated, Any

try:
    from cyclopts import App, CycloptsError, Parameter
    from rich.console import Console
    from rich.text import Text
except ImportError:  # pragma: no cover - the message is the behaviour
    sys.exit("smooth-operator needs its extra: pip install 'smooth-operator[cli]'")

from ._client import SmoothAgentClient
from ._conversation import Conversation
from ._errors import NoPendingQuestionError, SmoothAgentError
from ._turn import Turn

DEFAULT_URL = "ws://127.0.0.1:8787/ws"
DEFAULT_AGENT = "11111111-1111-4111-8111-111111111111"
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")

app = App(
    name="smooth-operator",
    help="Talk to an agent over the smooth-operator protocol.",
    help_epilogue=(
        "Exit codes: 0 done, 1 the server or the link failed, 2 wrong usage, 130 interrupted."
    ),
)


def plain(text: object) -> str:
    """Return text of the server as data: no control characters, no change of direction."""
    return _CONTROL.sub("", str(text))


class Person:
    """Whoever answers: a person at a terminal, or the lines of standard input."""

    def __init__(self, console: Console, read: Callable[[], str], *, echo: bool = False) -> None:
        self._console = console
        self._read = read
        self._echo = echo
        """Whether what was read is shown: no terminal did it."""
        self._line: asyncio.Future[str | None] | None = None
        """The line that is being read; whoever asks next gets it."""

    def show(self, text: object, *, style: str = "", end: str = "\n") -> None:
        """Print text as it is; nothing in it is markup."""
        self._console.print(
            Text(plain(text), style=style), end=end, highlight=False, soft_wrap=True
        )

    async def ask(self, prompt: str) -> str | None:
        """Return what was typed; None when there is nothing more to read."""
        self.show(f"{prompt} ", style="bold", end="")
        sys.stdout.flush()
        if self._line is None:
            self._line = asyncio.get_running_loop().create_future()
            # A thread of its own: nobody can end a read, and the program must end all the same.
            threading.Thread(target=self._wait, args=(self._line,), daemon=True).start()
        line = await asyncio.shield(self._line)
        self._line = None
        if self._echo:
            self.show((line or "").rstrip("\n"))
        return None if line is None else line.strip()

    def _wait(self, line: asyncio.Future[str | None]) -> None:
        read = self._read()
        with suppress(RuntimeError):  # the program may have ended meanwhile
            line.get_loop().call_soon_threadsafe(line.set_result, read or None)

    async def agrees(self, prompt: str) -> bool:
        """Whether the answer is a clear yes: everything else is a no."""
        answer = await self.ask(f"{prompt} (yes/no)")
        return answer is not None and answer.lower() in ("y", "yes")


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
        async for event in turn:
            if event.type == "stream_token":
                person.show(event.token, end="")
            elif event.type in ("stream_reasoning", "stream_preamble"):
                person.show(event.token, style="dim", end="")
            elif event.type != "interaction_invalid":
                await answer_question(turn, event, person)
        result = await turn
    person.show("")
    if result.outcome == "cancelled":
        person.show("stopped", style="dim")
    for citation in result.citations:
        person.show(f"  from {citation.title}", style="dim")


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


async def converse(
    url: str, agent: str, name: str | None, token: str | None, person: Person
) -> None:
    """Hold one conversation, until an empty line or the end of the input."""
    async with SmoothAgentClient(url, token=token, supports=["identity_form"]) as client:
        chat = await client.start_conversation(agent_id=agent, user_name=name)
        person.show(f"connected to {chat.agent_name}; an empty line ends", style="dim")
        while True:
            message = await person.ask("you>")
            if not message:
                return
            if not await interruptible(one_turn(chat, message, person)):
                person.show("\nstopped", style="dim")


@app.command
def chat(
    url: str = DEFAULT_URL,
    *,
    agent: str = DEFAULT_AGENT,
    name: str | None = None,
    token: Annotated[str | None, Parameter(env_var="SMOOTH_OPERATOR_TOKEN")] = None,
) -> None:
    """Chat with an agent. Without a terminal, the lines of standard input are what is said.

    A question without a clear yes is answered with a no. Ctrl-C stops the turn that runs.

    Examples:

        smooth-operator chat
        smooth-operator chat ws://127.0.0.1:8787/ws --name Ada
        echo "How long is your return window?" | smooth-operator chat

    Parameters
    ----------
    url
        Address of the server.
    agent
        Id of the agent.
    name
        Name that the agent sees.
    token
        Token for the server; better given by the environment than on the command line.
    """
    echo = not sys.stdin.isatty()
    person = Person(Console(highlight=False), sys.stdin.readline, echo=echo)
    try:
        asyncio.run(converse(url, agent, name, token, person))
    except SmoothAgentError as error:
        print(f"smooth-operator: {plain(error.message)} ({error.kind})", file=sys.stderr)
        sys.exit(1)
    except ValueError as error:
        print(f"smooth-operator: {error}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        print()
        sys.exit(130)


def main(arguments: list[str] | None = None) -> None:
    """Run the command line; what is wrong with it is one line, and exit status 2."""
    try:
        app(arguments, exit_on_error=False, print_error=False)
    except CycloptsError as fault:
        print(f"smooth-operator: {str(fault).strip().splitlines()[0]}", file=sys.stderr)
        sys.exit(2)


if __name__ == "__main__":
    main()
