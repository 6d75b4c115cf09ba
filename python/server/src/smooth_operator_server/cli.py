"""The command ``smooth-operator-server``."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import sys
from collections.abc import Sequence
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any, Literal, NoReturn

import cyclopts
from cyclopts import Parameter
from pydantic import ValidationError

from . import __version__
from .administering import admin_app
from .app import Server
from .auth import KeyFaultError, Role, minted
from .backplane import BackplaneError
from .engine.demo import TRIGGERS
from .engine.script_file import ScriptError
from .evaluating import evaluate_files
from .files import FileFaultError
from .ingesting import ingest_places
from .knowledge import DEFAULT_SET, EmbeddingError
from .knowledge.document import ORG_READERS
from .knowledge.ingest import Filing
from .knowledge.loaders import LoadError
from .listener import Listener, ListenError, bind
from .settings import Settings
from .settings_table import settings_table
from .store import StoreError, StoreUnavailableError
from .store.knowledge_records import EVERY_ORG
from .telemetry import configure_logs, log
from .telemetry.export import ExportError, export_spans
from .tending import backup, doctor, forget, migrate, restore
from .usage import NAME, USAGE_ERROR, fail, first_fault, settings_of

START_FAULTS = (
    BackplaneError,
    EmbeddingError,
    FileFaultError,
    ListenError,
    ScriptError,
    StoreUnavailableError,
)
"""What keeps a server from starting although it was called in the right way."""

_EXAMPLES = """
Examples:

  smooth-operator-server --demo                 answers from its own documents
  smooth-operator-server --script turns.json    says what a file says
  smooth-operator-server --port 0 --db chat.db  takes a free port


Words in a message that show a feature of the demonstration:

{triggers}

Environment: SMOOTH_AGENT_BIND, SMOOTH_AGENT_PORT, SMOOTH_AGENT_DB and more,
see the README. A flag wins over the environment.
""".format(triggers="\n".join(f"  {word:<9} {effect}" for word, effect in TRIGGERS.items()))

app = cyclopts.App(
    name=NAME,
    help="The reference server of the smooth-operator protocol.",
    help_format="plaintext",
    help_epilogue=_EXAMPLES,
    version=__version__,
)


@app.command
@app.default
def serve(
    *,
    host: str | None = None,
    port: int | None = None,
    db: Path | None = None,
    demo: Annotated[bool, Parameter(negative=())] = False,
    playground: Annotated[bool, Parameter(negative=())] = False,
    script: Path | None = None,
    agents: Path | None = None,
    insecure: Annotated[bool, Parameter(negative=())] = False,
    log_level: Literal["debug", "info", "warning", "error"] | None = None,
) -> int:
    """Serve the protocol on ws://127.0.0.1:8787/ws (the default command).

    Parameters
    ----------
    host
        Address to listen on. Default 127.0.0.1.
    port
        Port to listen on; 0 takes a free one. Default 8787.
    db
        SQLite file. Default ./smooth-operator.db; in memory with --demo and --script.
    demo
        Answer with the offline demonstration instead of a model.
    playground
        Show a page at / with a chat and, beside it, the wire. On with --demo.
    script
        Answer with the model script in this JSON file; the README describes it.
    agents
        An agent file (YAML or JSON) or a folder of them; without it any agent id is taken.
    insecure
        Listen beyond this machine although nobody is asked who they are.
    log_level
        Least level of the log lines on stderr. Default info.
    """
    given: dict[str, Any] = {
        "bind": host,
        "port": port,
        "db": db,
        "demo": demo or None,
        "playground": playground or None,
        "script": script,
        "agents": agents,
        "insecure": insecure or None,
        "log_level": log_level,
    }
    try:
        settings = Settings(**{name: value for name, value in given.items() if value is not None})
    except ValidationError as fault:
        return fail(first_fault(fault), USAGE_ERROR)
    configure_logs(settings.log_level)
    try:
        if settings.otel_endpoint is not None:
            export_spans(__version__)
        return asyncio.run(_serve(settings))
    except (KeyFaultError, ExposedError, ExportError) as fault:
        return fail(str(fault), USAGE_ERROR)
    except START_FAULTS as fault:
        return fail(str(fault), 1)


@app.command
def ingest(
    *places: str,
    db: Path | None = None,
    set_name: Annotated[str, Parameter(name="--set")] = DEFAULT_SET,
    org: str = EVERY_ORG,
    user: Annotated[tuple[str, ...], Parameter(negative=())] = (),
    group: Annotated[tuple[str, ...], Parameter(negative=())] = (),
    public: Annotated[bool, Parameter(negative=())] = False,
) -> int:
    """Take documents in, so that agents find them: files, folders, web pages, repositories.

    Again over the same place it takes in what has changed, and forgets what is gone from there.
    Text, Markdown, HTML, CSV, JSON and PDF are read.

    Parameters
    ----------
    places
        Files, folders, addresses of pages (http:// or https://), or repositories at GitHub
        (github:OWNER/NAME, github:OWNER/NAME@REF:FOLDER).
    db
        SQLite file. Default as of serve; a database URL in the environment is used as there.
    set_name
        Document set, by which agent files choose what an agent searches.
    org
        Organisation whose people find the documents. Default: all of them.
    user
        Id or address of a person who may read them; can be given again. Default: everybody
        of the organisation.
    group
        Group whose members may read them; can be given again.
    public
        People without a token may read them too.
    """
    named = (*(f"user:{name}" for name in user), *(f"group:{name}" for name in group))
    readers = (*named, *(("public", "org") if public else ()))
    try:
        settings = settings_of(db)
        configure_logs(settings.log_level)
        filing = Filing(org, set_name, readers or ORG_READERS)
        return asyncio.run(ingest_places(settings, places, filing))
    except ValidationError as fault:
        return fail(first_fault(fault), USAGE_ERROR)
    except (EmbeddingError, LoadError, StoreError) as fault:
        return fail(str(fault), 1)


for _command in (migrate, backup, restore, forget, doctor):
    app.command(_command)
app.command(evaluate_files, name="eval")
app.command(admin_app)


@app.command
def settings() -> int:
    """Print the table of all settings, as the README has it."""
    print(settings_table(), end="")
    return 0


@app.command
def token(
    *,
    sub: str,
    org: str,
    role: Role = Role.BASIC,
    email: str | None = None,
    name: str | None = None,
    hours: float = 24,
) -> int:
    """Print a token that this server takes, signed with AUTH_JWT_HS256_SECRET.

    Parameters
    ----------
    sub
        Id of the person.
    org
        Organisation of the person.
    role
        What they may do beside talking: basic, curator or admin.
    email
        Their address; conversations are filed under it.
    name
        How they are called.
    hours
        How long the token lives. Default 24.
    """
    try:
        settings = Settings()
    except ValidationError as fault:
        return fail(first_fault(fault), USAGE_ERROR)
    secret = settings.jwt_hs256_secret
    if secret is None:
        return fail("AUTH_JWT_HS256_SECRET: is not set", USAGE_ERROR)
    claims = {"sub": sub, "org": org, "role": role.value, "email": email, "name": name}
    claims |= {"iss": settings.jwt_issuer, "aud": settings.jwt_audience}
    try:
        print(minted(secret.get_secret_value(), claims, hours * 3600))
    except KeyFaultError as fault:
        return fail(str(fault), USAGE_ERROR)
    return 0


async def _serve(settings: Settings) -> int:
    bound = bind(settings.bind, settings.port)
    try:
        _refuse_exposure(settings, bound.getsockname()[0])
        server = await Server.build(settings)
    except BaseException:
        bound.close()
        raise
    try:
        listener = Listener(server, bound)
        stop, hurry = _signals()
        await listener.start()
        # What is there now stays: to look at all of it again and again, as the collector does when
        # much is made, would hold every turn up for tens of milliseconds.
        gc.freeze()
        sys.stdout.write(_ready(server, listener))
        sys.stdout.flush()
        await stop.wait()
        log.info("draining")
        await _end(listener, hurry)
    finally:
        await server.aclose()
    return 0


def _ready(server: Server, listener: Listener) -> str:
    """Say where the server is, in one piece: who waits for the first line may read no other."""
    lines = [f"listening on {listener.url}"]
    if server.playground is not None:
        lines.append(f"playground on {listener.page}")
    return "".join(f"{line}\n" for line in lines)


async def _end(listener: Listener, hurry: asyncio.Event) -> None:
    """Stop the listener; on a second signal end the process where it stands."""
    ending = asyncio.create_task(listener.stop())
    hurried = asyncio.create_task(hurry.wait())
    await asyncio.wait({ending, hurried}, return_when=asyncio.FIRST_COMPLETED)
    if not ending.done():
        # Waiting for the rest is just what the second signal refuses. SQLite's journal makes
        # this safe: what was acknowledged is on disk.
        os._exit(1)
    hurried.cancel()
    await ending


def _signals() -> tuple[asyncio.Event, asyncio.Event]:
    """Return events for the first signal to end, and for the second, which waits for nothing."""
    stop, hurry = asyncio.Event(), asyncio.Event()

    def on_signal() -> None:
        (hurry if stop.is_set() else stop).set()

    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, on_signal)
    return stop, hurry


class ExposedError(Exception):
    """The server would be open to everybody; the text says what to do."""


def _refuse_exposure(settings: Settings, host: str) -> None:
    if settings.auth_mode != "none" or ip_address(host).is_loopback:
        return
    if not settings.insecure:
        raise ExposedError(
            f"{host} is reachable from other machines, and nobody is asked who they are:"
            " set SMOOTH_AGENT_AUTH_MODE=jwt, or say --insecure"
        )
    log.warning("reachable from other machines, and nobody is asked who they are")


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command; faults of the command line are one line on stderr and status 2."""
    try:
        status = app(
            arguments, exit_on_error=False, print_error=False, result_action="return_value"
        )
    except cyclopts.UnusedCliTokensError as fault:
        status = fail(
            f"unknown command {' '.join(fault.unused_tokens or [])}, see --help", USAGE_ERROR
        )
    except cyclopts.CycloptsError as fault:
        status = fail(str(fault).strip().splitlines()[0], USAGE_ERROR)
    sys.exit(status or 0)
