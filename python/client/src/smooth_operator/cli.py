"""``smooth-operator``: talk to an agent from the terminal."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Coroutine
from typing import Annotated, Any, Literal

try:
    from cyclopts import App, CycloptsError, Parameter

    from ._cli_person import Person, person_at, plain
except ImportError:  # pragma: no cover - the message is the behaviour
    sys.exit("smooth-operator needs its extra: pip install 'smooth-operator[cli]'")

from . import wire
from ._arguments import make
from ._cli_turns import FORMS, follow, interruptible, one_turn, printed, printed_turn
from ._client import SmoothAgentClient
from ._conversation import Conversation
from ._errors import NotConnectedError, NotFoundError, SmoothAgentError

DEFAULT_URL = "ws://127.0.0.1:8787/ws"
DEFAULT_AGENT = "11111111-1111-4111-8111-111111111111"

app = App(
    name="smooth-operator",
    help="Talk to an agent over the smooth-operator protocol.",
    help_epilogue=(
        "Exit codes: 0 done, 1 the server or the link failed, 2 wrong usage, 130 interrupted."
    ),
)


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


Token = Annotated[str | None, Parameter(env_var="SMOOTH_OPERATOR_TOKEN")]
"""Token for the server; better given by the environment than on the command line."""
AsJson = Annotated[bool, Parameter(name="--json", negative=())]
"""JSON on stdout, one value a line, for scripts; what a person reads goes to stderr."""


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


def main(arguments: list[str] | None = None) -> None:
    """Run the command line; what is wrong with it is one line, and exit status 2."""
    try:
        app(arguments, exit_on_error=False, print_error=False)
    except CycloptsError as fault:
        print(f"smooth-operator: {str(fault).strip().splitlines()[0]}", file=sys.stderr)
        sys.exit(2)


if __name__ == "__main__":
    main()
