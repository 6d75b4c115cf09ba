"""``smooth-operator-server admin``: the admin REST of a running server, from a terminal."""

from __future__ import annotations

import json as json_text
import os
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import cyclopts
from cyclopts import Parameter
from rich.console import Console
from rich.text import Text

from .files import FileFaultError, checks_of, read_checked, read_text
from .usage import FAILED, USAGE_ERROR, fail

if TYPE_CHECKING:
    from smooth_operator_admin import AdminClient

TOKEN = "SMOOTH_ADMIN_TOKEN"
URL = "SMOOTH_ADMIN_URL"
DEFAULT_URL = "http://127.0.0.1:8787"

Row = dict[str, Any]
Work = Callable[["AdminClient"], Iterable[Row]]
"""Asks a server; returns what is to be shown, as the REST has it."""

_HELP = """
What curators and admins do with a server that runs.

It is asked over HTTP: --url or SMOOTH_ADMIN_URL names it, and SMOOTH_ADMIN_TOKEN holds the token of
who asks, which no flag does: others could read it. Where the server asks nobody who they are, none
is needed. Needs pip install 'smooth-operator-server[admin]'.
"""
_EXAMPLES = """
Examples:

  export SMOOTH_ADMIN_TOKEN=$(smooth-operator-server token --sub 3 --org acme --role curator)
  smooth-operator-server admin conversations
  smooth-operator-server admin take-over 1f0c...        the agent pauses
  smooth-operator-server admin write 1f0c... "I am Cat. How can I help?"
  smooth-operator-server admin hand-back 1f0c...        the agent goes on
  smooth-operator-server admin messages 1f0c... --json | jq -r .content.text
  smooth-operator-server admin set-agent shop.yaml
  smooth-operator-server admin add-document returns.md --set shop

With --json each thing is one JSON object a line, as the REST has it. NO_COLOR is heeded.
Status 0: done; 1: the server refused it or was not reached; 2: the command line is wrong.
"""

admin_app = cyclopts.App(name="admin", help=_HELP, help_format="plaintext", help_epilogue=_EXAMPLES)


@Parameter(name="*")
@dataclass(frozen=True)
class Asking:
    """Which server is asked, and how its answer is shown."""

    url: Annotated[str, Parameter(env_var=URL)] = DEFAULT_URL
    """Address of the server. Default http://127.0.0.1:8787."""

    json: Annotated[bool, Parameter(negative=())] = False
    """Print one JSON object a line."""


_HERE = Asking()


@admin_app.command
def conversations(
    *,
    limit: int = 50,
    every: Annotated[bool, Parameter(name="--all", negative=())] = False,
    asking: Asking = _HERE,
) -> int:
    """List conversations, newest first.

    Parameters
    ----------
    limit
        How many; at most 200.
    every
        All of them, however many there are.
    """

    def work(admin: AdminClient) -> Iterable[Row]:
        from smooth_operator_admin.rest.api.conversations import list_conversations as asked

        return _listed(admin, asked, "conversations", limit, every)

    return _run(asking, work, ("id", "updatedAt", "messageCount", "people", "heldBy", "name"))


@admin_app.command
def messages(
    conversation: str,
    /,
    *,
    limit: int = 50,
    every: Annotated[bool, Parameter(name="--all", negative=())] = False,
    asking: Asking = _HERE,
) -> int:
    """List the messages of a conversation, newest first, with who wrote them.

    Parameters
    ----------
    conversation
        Its id.
    limit
        How many; at most 200.
    every
        All of them.
    """

    def work(admin: AdminClient) -> Iterable[Row]:
        from smooth_operator_admin.rest.api.conversations import list_messages as asked

        return _listed(admin, asked, "messages", limit, every, id=conversation)

    return _run(asking, work, ("createdAt", "from", "content"))


@admin_app.command
def show(conversation: str, /, *, asking: Asking = _HERE) -> int:
    """Show a conversation: its owner, its agent, who is there, who has the word.

    Parameters
    ----------
    conversation
        Its id.
    """
    return _on_conversation(asking, "get_conversation", conversation)


@admin_app.command
def join(conversation: str, /, *, asking: Asking = _HERE) -> int:
    """Join a conversation: its owner is told.

    Parameters
    ----------
    conversation
        Its id.
    """
    return _on_conversation(asking, "join_conversation", conversation)


@admin_app.command
def leave(conversation: str, /, *, asking: Asking = _HERE) -> int:
    """Leave a conversation, and hand back what one has.

    Parameters
    ----------
    conversation
        Its id.
    """
    return _on_conversation(asking, "leave_conversation", conversation)


@admin_app.command
def take_over(conversation: str, /, *, asking: Asking = _HERE) -> int:
    """Take the word: the turn that runs is stopped, and the agent pauses.

    Parameters
    ----------
    conversation
        Its id.
    """
    return _on_conversation(asking, "take_over_conversation", conversation)


@admin_app.command
def hand_back(conversation: str, /, *, asking: Asking = _HERE) -> int:
    """Hand the word back: the agent goes on with all that was said.

    Parameters
    ----------
    conversation
        Its id.
    """
    return _on_conversation(asking, "hand_back_conversation", conversation)


@admin_app.command
def write(conversation: str, text: str | None = None, /, *, asking: Asking = _HERE) -> int:
    """Write into a conversation, and join it.

    Parameters
    ----------
    conversation
        Its id.
    text
        What to say; read from stdin when missing.
    """
    said = sys.stdin.read().strip() if text is None else text

    def work(admin: AdminClient) -> Iterable[Row]:
        from smooth_operator_admin.rest.api.conversations import write_message
        from smooth_operator_admin.rest.models import NewMessage

        done = admin.call(write_message, id=conversation, body=NewMessage(text=said))
        return [done.message.to_dict()]

    return _run(asking, work, ("createdAt", "from", "content"))


@admin_app.command
def agents(*, asking: Asking = _HERE) -> int:
    """List the agents: those of the server's files and those that were made."""

    def work(admin: AdminClient) -> Iterable[Row]:
        from smooth_operator_admin.rest.api.agents import list_agents

        return [one.to_dict() for one in admin.call(list_agents).agents]

    return _run(asking, work, ("id", "name", "origin", "system", "model"))


@admin_app.command
def set_agent(file: Path, /, *, asking: Asking = _HERE) -> int:
    """Make an agent, or change the one of its id.

    Parameters
    ----------
    file
        An agent file, YAML or JSON, as for --agents of serve.
    """
    try:
        schema = resources.files(__package__) / "agents" / "agent.schema.json"
        body = read_checked(file, "agent", checks_of(schema))
    except FileFaultError as fault:
        return fail(str(fault), USAGE_ERROR)

    def work(admin: AdminClient) -> Iterable[Row]:
        from smooth_operator_admin import AdminError
        from smooth_operator_admin.rest.api.agents import add_agent, change_agent
        from smooth_operator_admin.rest.models import Agent

        agent = Agent.from_dict(body)
        try:
            done = admin.call(add_agent, body=agent)
        except AdminError as fault:
            if fault.code != "EXISTS":
                raise
            done = admin.call(change_agent, id=body["id"], body=agent)
        return [done.agent.to_dict()]

    return _run(asking, work, ("id", "name", "system", "model"))


@admin_app.command
def remove_agent(agent: str, /, *, asking: Asking = _HERE) -> int:
    """Forget an agent that was made.

    Parameters
    ----------
    agent
        Its id.
    """

    def work(admin: AdminClient) -> Iterable[Row]:
        from smooth_operator_admin.rest.api.agents import remove_agent as asked

        admin.call(asked, id=agent)
        return []

    return _run(asking, work, ())


@admin_app.command
def documents(
    *,
    set_name: Annotated[str | None, Parameter(name="--set")] = None,
    limit: int = 50,
    every: Annotated[bool, Parameter(name="--all", negative=())] = False,
    asking: Asking = _HERE,
) -> int:
    """List documents, newest first.

    Parameters
    ----------
    set_name
        Those of one set alone.
    limit
        How many; at most 200.
    every
        All of them.
    """
    narrow = {} if set_name is None else {"set_": set_name}

    def work(admin: AdminClient) -> Iterable[Row]:
        from smooth_operator_admin.rest.api.documents import list_documents as asked

        return _listed(admin, asked, "documents", limit, every, **narrow)

    return _run(asking, work, ("id", "updatedAt", "set", "passages", "source"))


@admin_app.command
def add_document(
    file: Path,
    /,
    *,
    source: str | None = None,
    title: str | None = None,
    set_name: Annotated[str, Parameter(name="--set")] = "default",
    asking: Asking = _HERE,
) -> int:
    """Take a text or Markdown file in, in place of the document of its source.

    Parameters
    ----------
    file
        The file.
    source
        What the document is called. Default: the name of the file.
    title
        How it is cited. Default: its source.
    set_name
        Document set. Default: default.
    """
    try:
        text = read_text(file, "document")
    except FileFaultError as fault:
        return fail(str(fault), USAGE_ERROR)

    def work(admin: AdminClient) -> Iterable[Row]:
        from smooth_operator_admin.rest.api.documents import add_document as asked
        from smooth_operator_admin.rest.models import NewDocument

        body = {"source": source or file.name, "text": text, "set": set_name}
        body |= {} if title is None else {"title": title}
        done = admin.call(asked, body=NewDocument.from_dict(body))
        return [{"change": done.change} | done.document.to_dict()]

    return _run(asking, work, ("id", "change", "set", "passages", "source"))


@admin_app.command
def remove_document(document: str, /, *, asking: Asking = _HERE) -> int:
    """Forget a document.

    Parameters
    ----------
    document
        Its id.
    """

    def work(admin: AdminClient) -> Iterable[Row]:
        from smooth_operator_admin.rest.api.documents import remove_document as asked

        admin.call(asked, id=document)
        return []

    return _run(asking, work, ())


@admin_app.command
def usage(*, asking: Asking = _HERE) -> int:
    """Show what the organisation has used so far."""

    def work(admin: AdminClient) -> Iterable[Row]:
        from smooth_operator_admin.rest.api.usage import get_usage

        return [admin.call(get_usage).usage.to_dict()]

    shown = ("conversations", "heldConversations", "messages", "promptTokens", "completionTokens")
    return _run(asking, work, (*shown, "costUsd"))


def _on_conversation(asking: Asking, name: str, conversation: str) -> int:
    def work(admin: AdminClient) -> Iterable[Row]:
        from importlib import import_module

        asked = import_module(f"smooth_operator_admin.rest.api.conversations.{name}")
        return [admin.call(asked, id=conversation).conversation.to_dict()]

    return _run(asking, work, ("id", "agentId", "heldBy", "people", "name"))


def _listed(
    admin: AdminClient, asked: Any, items: str, limit: int, every: bool, **members: Any
) -> Iterable[Row]:
    if every:
        return (one.to_dict() for one in admin.pages(asked, items, limit=200, **members))
    page = admin.call(asked, limit=limit, **members)
    return (one.to_dict() for one in getattr(page, items))


def _run(asking: Asking, work: Work, columns: Sequence[str]) -> int:
    """Do the work and show what comes of it; return the status."""
    try:
        from smooth_operator_admin import AdminClient, AdminError
    except ImportError:
        return fail("admin: needs pip install 'smooth-operator-server[admin]'", FAILED)
    if not asking.url.startswith(("http://", "https://")):
        return fail("--url: must begin with http:// or https://", USAGE_ERROR)
    try:
        with AdminClient(asking.url, os.environ.get(TOKEN)) as admin:
            _show(work(admin), columns, as_json=asking.json)
    except AdminError as fault:
        return fail(f"{fault.code}: {_plain(fault.message)}", FAILED)
    return 0


def _show(rows: Iterable[Row], columns: Sequence[str], *, as_json: bool) -> None:
    if as_json:
        for row in rows:
            print(json_text.dumps(row, ensure_ascii=False), flush=True)
        return
    table = [[_cell(row.get(name)) for name in columns] for row in rows]
    widths = [max(map(len, cells), default=0) for cells in zip(*table, strict=True)]
    console = Console(file=sys.stdout, highlight=False, soft_wrap=True)
    for cells in table:
        line = Text(cells[0].ljust(widths[0]), style="cyan")
        for cell, width in zip(cells[1:], widths[1:], strict=True):
            line.append("  ").append(cell.ljust(width), style="default")
        line.rstrip()
        console.print(line)


def _cell(value: Any) -> str:
    """Return a member as one word of a table."""
    match value:
        case None:
            return "-"
        case {"name": name}:
            return _plain(str(name))
        case {"text": text}:
            return _plain(str(text))
        case list():
            return ", ".join(map(_cell, value)) or "-"
        case _:
            return _plain(str(value))


def _plain(text: str) -> str:
    """Return a text without what would steer a terminal: people wrote it."""
    return "".join(one if one.isprintable() else " " for one in text)
