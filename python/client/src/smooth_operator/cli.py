"""``smooth-operator``: talk to an agent from the terminal."""

from __future__ import annotations

import asyncio
import sys
from typing import Annotated, Any

try:
    from cyclopts import App, Parameter
    from rich.console import Console
except ImportError:  # pragma: no cover - the message is the behaviour
    sys.exit("smooth-operator needs its extra: pip install 'smooth-operator[cli]'")

from .client import SmoothAgentClient
from .conversation import Conversation
from .errors import SmoothAgentError
from .turn import Turn

DEFAULT_URL = "ws://127.0.0.1:8787/ws"
DEFAULT_AGENT = "11111111-1111-4111-8111-111111111111"

# Without a terminal: one conversation that shows a plain answer, a confirmation and its refusal.
SCRIPTED = (
    "How long is your return window?",
    "Please delete record 42",
)

app = App(
    name="smooth-operator",
    help="Talk to an agent over the smooth-operator protocol.",
    help_epilogue="Exit codes: 0 done, 1 the server or the link failed, 2 wrong usage.",
)


class Person:
    """Whoever answers: a person at a terminal, or a script that approves what it shows."""

    def __init__(self, console: Console, interactive: bool) -> None:
        self.console = console
        self.interactive = interactive

    async def ask(self, prompt: str, default: str) -> str:
        """Return what the person types; without a terminal print and return ``default``."""
        if self.interactive:
            return (
                await asyncio.to_thread(self.console.input, f"[bold]{prompt}[/bold] ")
            ) or default
        self.console.print(f"[bold]{prompt}[/bold] {default}")
        return default


async def answer_question(turn: Turn, event: Any, person: Person) -> None:
    """Put the question of ``event`` to the person and send the answer."""
    if event.type == "write_confirmation_required":
        reply = await person.ask(f"\n{event.action_description}? [y/n]", "y")
        await turn.confirm(reply.strip().lower() in ("y", "yes"))
    elif event.type == "otp_sent":
        check = await turn.verify_otp(
            await person.ask(f"\nCode sent to {event.masked_destination}:", "000000")
        )
        person.console.print(f"[dim]{check.message}[/dim]")
    elif event.type == "interaction_required":
        await answer_interaction(turn, event, person)


async def answer_interaction(turn: Turn, event: Any, person: Person) -> None:
    """Ask for the fields of a form until they are accepted; decline what is not known."""
    fields = event.spec.get("fields") if event.kind == "identity_intake" else None
    if not isinstance(fields, list):
        person.console.print(f"[dim]declined a {event.kind} question[/dim]")
        await turn.decline()
        return
    person.console.print(f"\n[dim]{event.reason}[/dim]")
    defaults = {"name": "Ada Lovelace", "email": "ada@example.com", "phone": "+15550100123"}
    while True:
        values = {
            field["key"]: await person.ask(
                f"{field.get('label') or field['key']}:", defaults.get(field["key"], "")
            )
            for field in fields
        }
        outcome = await turn.submit(values)
        if outcome.accepted:
            return
        for error in outcome.errors:
            person.console.print(f"[red]{error.field}: {error.message}[/red]")
        if not person.interactive:
            await turn.decline()
            return


async def one_turn(chat: Conversation, message: str, person: Person) -> None:
    """Send a message, show the answer as it streams, and answer what is asked."""
    async with chat.send(message) as turn:
        async for event in turn:
            if event.type == "stream_token":
                person.console.print(event.token, end="", markup=False, highlight=False)
            else:
                await answer_question(turn, event, person)
        result = await turn
    person.console.print()
    for citation in result.citations:
        person.console.print(f"[dim]  from {citation.title}[/dim]", highlight=False)


async def converse(url: str, agent: str, name: str | None, token: str | None) -> None:
    """Hold one conversation."""
    interactive = sys.stdin.isatty() and sys.stdout.isatty()
    person = Person(Console(highlight=False), interactive)
    supports = ["identity_form"]
    async with SmoothAgentClient(url, token=token, supports=supports) as client:
        optional = {} if name is None else {"user_name": name}
        chat = await client.start_conversation(agent_id=agent, **optional)
        person.console.print(f"[dim]connected to {chat.agent_name}; an empty line ends[/dim]")
        script = iter(SCRIPTED)
        while True:
            message = await person.ask("you>", "" if interactive else next(script, ""))
            if not message.strip():
                return
            await one_turn(chat, message, person)


@app.command
def chat(
    url: str = DEFAULT_URL,
    *,
    agent: str = DEFAULT_AGENT,
    name: str | None = None,
    token: Annotated[str | None, Parameter(env_var="SMOOTH_OPERATOR_TOKEN")] = None,
) -> None:
    """Chat with an agent. Without a terminal, play one conversation and print it.

    Examples:

        smooth-operator chat
        smooth-operator chat ws://127.0.0.1:8787/ws --name Ada
        NO_COLOR=1 smooth-operator chat < /dev/null

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
    try:
        asyncio.run(converse(url, agent, name, token))
    except SmoothAgentError as error:
        print(f"smooth-operator: {error.message} ({error.kind})", file=sys.stderr)
        sys.exit(1)
    except ValueError as error:
        print(f"smooth-operator: {error}", file=sys.stderr)
        sys.exit(2)
    except (EOFError, KeyboardInterrupt):
        print()


def main() -> None:
    """Run the command line."""
    app()


if __name__ == "__main__":
    main()
