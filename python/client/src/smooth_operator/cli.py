"""``smooth-operator``: talk to an agent from the terminal."""

from __future__ import annotations

import asyncio
import re
import signal
import sys
import threading
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Annotated, Any, Literal

try:
    from cyclopts import App, CycloptsError, Parameter
    from rich.console import Console
    from rich.live import Live
    from rich.markdown import Markdown
    from rich.text import Text
except ImportError:  # pragma: no cover - the message is the behaviour
    sys.exit("smooth-operator needs its extra: pip install 'smooth-operator[cli]'")

from . import wire
from ._arguments import make
from ._client import SmoothAgentClient
from ._connection_state import StateChange
from ._conversation import Conversation
from ._errors import NoPendingQuestionError, NotConnectedError, NotFoundError, SmoothAgentError
from ._turn import Turn
from .wire.model import dump

DEFAULT_URL = "ws://127.0.0.1:8787/ws"
DEFAULT_AGENT = "11111111-1111-4111-8111-111111111111"
FORMS = ("identity_form",)
"""Questions that a terminal can show as a form."""
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


class StreamedAnswer:
    """The answer while it streams: Markdown at a terminal, else the text as it comes."""

    def __init__(self, person: Person, console: Console) -> None:
        self._person = person
        self._console = console
        self._text = ""
        self._live: Live | None = None

    def __enter__(self) -> StreamedAnswer:
        return self

    def __exit__(self, *_: object) -> None:
        self.pause()

    def add(self, token: str) -> None:
        """Show one piece more."""
        if not self._console.is_terminal:
            self._person.show(token, end="")
            return
        self._text += plain(token)
        if self._live is None:
            self._live = Live(console=self._console, vertical_overflow="visible")
            self._live.start()
        # An address is shown, not hidden behind other words.
        self._live.update(Markdown(self._text, hyperlinks=False))

    def pause(self) -> None:
        """Let what was shown stand: something else is to be shown, or asked."""
        live, self._live, self._text = self._live, None, ""
        if live is not None:
            live.stop()


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

    def answering(self) -> StreamedAnswer:
        """Return what shows an answer while it streams."""
        return StreamedAnswer(self, self._console)

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


async def converse(
    url: str, agent: str, name: str | None, token: str | None, person: Person
) -> None:
    """Hold one conversation, until an empty line or the end of the input."""
    async with SmoothAgentClient(url, token=token, supports=FORMS) as client:
        follow(client, person)
        chat = await client.start_conversation(agent_id=agent, user_name=name)
        person.show(f"connected to {chat.agent_name}; an empty line ends", style="dim")
        while True:
            message = await person.ask("you>")
            if not message:
                return
            if not await interruptible(one_turn(chat, message, person)):
                person.show("\nstopped", style="dim")


def follow(client: SmoothAgentClient, person: Person) -> None:
    """Show what happens to the link once it was open."""

    def changed(change: StateChange) -> None:
        if change.current == "reconnecting" and change.retry_in is not None:
            told = f"the link is lost; attempt {change.attempt} in {change.retry_in:.1f} s"
            person.show(told, style="yellow")
        elif change.current == "open" and change.previous == "reconnecting":
            person.show("connected again", style="green")

    client.on_state(changed)


def printed(tree: Any) -> None:
    """Print one JSON value on a line of its own."""
    print(dump(tree), flush=True)


Token = Annotated[str | None, Parameter(env_var="SMOOTH_OPERATOR_TOKEN")]
"""Token for the server; better given by the environment than on the command line."""
AsJson = Annotated[bool, Parameter(name="--json", negative=())]
"""JSON on stdout, one value a line, for scripts; what a person reads goes to stderr."""


def person_at(as_json: bool) -> Person:
    """Return who answers: the terminal, whose NO_COLOR is heeded, or the lines of stdin."""
    console = Console(highlight=False, stderr=as_json)
    return Person(console, sys.stdin.readline, echo=not sys.stdin.isatty())


def carry_out(work: Coroutine[Any, Any, Any]) -> None:
    """Run a command; a failure is one line and its exit status."""
    try:
        asyncio.run(work)
    except SmoothAgentError as error:
        print(f"smooth-operator: {plain(error.message)} ({error.kind})", file=sys.stderr)
        sys.exit(1)
    except ValueError as error:
        print(f"smooth-operator: {error}", file=sys.stderr)
        sys.exit(2)
    except BrokenPipeError:
        sys.exit(1)
    except KeyboardInterrupt:
        print(file=sys.stderr)
        sys.exit(130)


@app.command
def chat(
    url: str = DEFAULT_URL,
    *,
    agent: str = DEFAULT_AGENT,
    name: str | None = None,
    token: Token = None,
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
    carry_out(converse(url, agent, name, token, person_at(False)))


@app.command
def send(
    message: str,
    url: str = DEFAULT_URL,
    *,
    agent: str = DEFAULT_AGENT,
    conversation: str | None = None,
    token: Token = None,
    as_json: AsJson = False,
) -> None:
    """Say one thing and show the answer. Questions are asked as in a chat.

    Examples:

        smooth-operator send "How long is your return window?"
        smooth-operator send --json "Hi" | jq -r 'select(.type == "stream_token") | .data.token'

    Parameters
    ----------
    message
        What to say.
    url
        Address of the server.
    agent
        Id of the agent.
    conversation
        Id of the conversation to go on with; a new one by default.
    token
        Token for the server; better given by the environment than on the command line.
    as_json
        Print each event of the turn as a line of JSON.
    """

    async def work() -> None:
        person = person_at(as_json)
        async with SmoothAgentClient(url, token=token, supports=FORMS) as client:
            follow(client, person)
            chat = await opened(client, agent, conversation)
            show = printed_turn if as_json else one_turn
            if not await interruptible(show(chat, message, person)):
                raise KeyboardInterrupt

    carry_out(work())


@app.command
def history(
    conversation: str,
    url: str = DEFAULT_URL,
    *,
    agent: str = DEFAULT_AGENT,
    limit: int = 50,
    token: Token = None,
    as_json: AsJson = False,
) -> None:
    """Show the newest messages of a conversation, oldest first.

    Example:

        smooth-operator history 00000000-0000-4000-8000-000000000001 --limit 10 --json

    Parameters
    ----------
    conversation
        Id of the conversation.
    url
        Address of the server.
    agent
        Id of the agent.
    limit
        How many messages, at most.
    token
        Token for the server; better given by the environment than on the command line.
    as_json
        Print each message as a line of JSON.
    """

    async def work() -> None:
        person = person_at(as_json)
        async with SmoothAgentClient(url, token=token) as client:
            chat = await opened(client, agent, conversation)
            newest: list[wire.ConversationMessage] = []
            async for one in chat.messages(limit=max(1, min(limit, 100))):
                if len(newest) >= limit:
                    break
                newest.append(one)
            for one in reversed(newest):
                if as_json:
                    printed(one.to_wire())
                else:
                    who = "you" if one.direction == "inbound" else chat.agent_name or "agent"
                    person.show(f"{who}> {one.content.text or ''}")

    carry_out(work())


@app.command
def conversations(
    url: str = DEFAULT_URL,
    *,
    query: str | None = None,
    limit: int = 50,
    token: Token = None,
    as_json: AsJson = False,
) -> None:
    """List your conversations, newest first.

    Example:

        smooth-operator conversations --query refund

    Parameters
    ----------
    url
        Address of the server.
    query
        Only those whose title holds this text.
    limit
        How many, at most; 1 to 200.
    token
        Token for the server; better given by the environment than on the command line.
    as_json
        Print each conversation as a line of JSON.
    """

    async def work() -> None:
        person = person_at(as_json)
        action = make(wire.actions.ListConversationsAction, limit=limit, query=query)
        async with SmoothAgentClient(url, token=token) as client:
            for one in (await client.call(action)).conversations:
                if as_json:
                    printed(one.to_wire())
                else:
                    person.show(f"{one.conversation_id}  {one.updated_at}  {one.title}")

    carry_out(work())


@app.command
def ping(url: str = DEFAULT_URL, *, token: Token = None, as_json: AsJson = False) -> None:
    """Ask the server for a sign of life.

    Example:

        smooth-operator ping ws://127.0.0.1:8787/ws

    Parameters
    ----------
    url
        Address of the server.
    token
        Token for the server; better given by the environment than on the command line.
    as_json
        Print serverTime and roundTripMs as JSON.
    """

    async def work() -> None:
        async with SmoothAgentClient(url, token=token) as client:
            pong = await client.ping()
        took = round(pong.round_trip_ms, 3)
        if as_json:
            printed({"serverTime": pong.server_time, "roundTripMs": took})
        else:
            person_at(as_json).show(f"pong in {took} ms")

    carry_out(work())


@app.command
def listen(
    conversation: str,
    url: str = DEFAULT_URL,
    *,
    agent: str = DEFAULT_AGENT,
    token: Token = None,
    as_json: AsJson = False,
) -> None:
    """Show what comes to a conversation unasked, until Ctrl-C; lost links are sought again.

    Example:

        smooth-operator listen 00000000-0000-4000-8000-000000000001 --json

    Parameters
    ----------
    conversation
        Id of the conversation.
    url
        Address of the server.
    agent
        Id of the agent.
    token
        Token for the server; better given by the environment than on the command line.
    as_json
        Print each event as a line of JSON.
    """

    async def work() -> None:
        person = person_at(as_json)
        over = asyncio.Event()
        client = SmoothAgentClient(url, token=token)
        follow(client, person)
        client.on_event(lambda event: printed(event.raw) if as_json else person.show(event.raw))
        client.on_state(lambda change: over.set() if change.current == "closed" else None)
        async with client:
            await opened(client, agent, conversation)
            person.show("listening; Ctrl-C ends", style="dim")
            await over.wait()
        raise NotConnectedError("The server closed the link.")

    carry_out(work())


@app.command
def completion(shell: Literal["bash", "zsh", "fish"]) -> None:
    """Print what completes this program's words in a shell.

    Example:

        smooth-operator completion bash > ~/.local/share/bash-completion/completions/smooth-operator

    Parameters
    ----------
    shell
        Which shell.
    """
    print(app.generate_completion(shell=shell))


async def opened(client: SmoothAgentClient, agent: str, conversation: str | None) -> Conversation:
    """Return a new conversation, or the one of that id.

    Raises:
        NotFoundError: the server does not know it.
    """
    if conversation is None:
        return await client.start_conversation(agent_id=agent)
    chat = await client.resume_conversation(conversation_id=conversation, agent_id=agent)
    if chat.conversation_id != conversation:
        raise NotFoundError("The server does not know the conversation.")
    return chat


async def printed_turn(chat: Conversation, message: str, person: Person) -> None:
    """Send a message, print each event as a line of JSON, and answer what is asked."""
    async with chat.send(message) as turn:
        async for event in turn:
            printed(event.raw)
            if event.type != "interaction_invalid":
                await answer_question(turn, event, person)
        await turn


def main(arguments: list[str] | None = None) -> None:
    """Run the command line; what is wrong with it is one line, and exit status 2."""
    try:
        app(arguments, exit_on_error=False, print_error=False)
    except CycloptsError as fault:
        print(f"smooth-operator: {str(fault).strip().splitlines()[0]}", file=sys.stderr)
        sys.exit(2)


if __name__ == "__main__":
    main()
