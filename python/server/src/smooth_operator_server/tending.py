"""Commands for those who run the server: migrate, backup, restore, forget, doctor."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter
from pydantic import ValidationError
from rich.console import Console
from rich.progress import TaskProgressColumn

from .auth.principal import LOCAL
from .bars import bar
from .examining import Finding, examine
from .store import StoreError, StoreUnavailableError
from .store.keeping import SchemaState, copy_database, schema_state
from .store.opening import MEMORY, is_postgres, open_stores
from .usage import FAILED, USAGE_ERROR, fail, first_fault, settings_of

Switch = Parameter(negative=())


def migrate(
    *,
    db: Path | None = None,
    check: Annotated[bool, Switch] = False,
    json: Annotated[bool, Switch] = False,
) -> int:
    """Bring the schema of the database up to date; a server that starts does the same.

    For many servers on one database: run it once, before the new version is rolled out. Status 0:
    it is up to date; 1: it cannot be opened, or --check found migrations that are to come.

    Parameters
    ----------
    db
        SQLite file. Default as of serve; a database URL in the environment is used as there.
    check
        Only say what would be done.
    json
        Print one JSON object: dialect, version, migrations.
    """
    try:
        where = settings_of(db).database
        before = asyncio.run(schema_state(where))
        if before.lacking and not check:
            asyncio.run(_bring_up(where))
    except ValidationError as fault:
        return fail(first_fault(fault), USAGE_ERROR)
    except StoreUnavailableError as fault:
        return fail(str(fault), FAILED)
    _say_schema(before, check=check, as_json=json)
    return FAILED if check and before.lacking else 0


def backup(to: Path, /, *, db: Path | None = None) -> int:
    """Copy the SQLite database, also while the server runs.

    The copy is checked, and appears under its name when it is whole. PostgreSQL has pg_dump.
    Status 1: it could not be made; then nothing is left behind.

    Parameters
    ----------
    to
        The file to write; it must not be there.
    db
        SQLite file. Default as of serve.
    """
    return _copy(lambda file: (file, to), db, "pg_dump")


def restore(source: Path, /, *, db: Path | None = None) -> int:
    """Put a copy that backup made in the place of the database.

    End the server first, and move its file away: what is there is never written over.

    Parameters
    ----------
    source
        The copy.
    db
        SQLite file to write. Default as of serve.
    """
    return _copy(lambda file: (source, file), db, "pg_restore")


def forget(
    *, person: str, org: str = LOCAL, agent: str | None = None, db: Path | None = None
) -> int:
    """Delete what agents remember of a person, and their agreement; conversations stay.

    Parameters
    ----------
    person
        Address or id of the person, as their conversations are filed under; '' is the one person
        of a server that asks nobody who they are.
    org
        Organisation of the person.
    agent
        Only what this agent remembers.
    db
        SQLite file. Default as of serve; a database URL in the environment is used as there.
    """
    try:
        gone = asyncio.run(_forgotten(settings_of(db).database, org, person, agent))
    except ValidationError as fault:
        return fail(first_fault(fault), USAGE_ERROR)
    except StoreError as fault:
        return fail(str(fault), FAILED)
    print(f"{gone} memories deleted")
    return 0


async def _forgotten(where: str, org: str, person: str, agent: str | None) -> int:
    stores = await open_stores(where)
    try:
        return await stores.memories.forget_all(org, person, agent)
    finally:
        await stores.close()


def doctor(*, db: Path | None = None, json: Annotated[bool, Switch] = False) -> int:
    """Look whether the server could work with the settings as they are; nothing is changed.

    Files of agents, skills, tools and prices are read, database, Redis and the endpoint of the
    model are asked. Status 1: something is wrong.

    Parameters
    ----------
    db
        SQLite file. Default as of serve.
    json
        Print one JSON object a line: part, status (ok, off or wrong), text.
    """
    try:
        findings = asyncio.run(examine(settings_of(db)))
    except ValidationError as fault:
        return fail(first_fault(fault), USAGE_ERROR)
    for finding in findings:
        _say(finding, as_json=json)
    return FAILED if any(finding.status == "wrong" for finding in findings) else 0


async def _bring_up(where: str) -> None:
    stores = await open_stores(where)
    await stores.close()


def _say_schema(state: SchemaState, *, check: bool, as_json: bool) -> None:
    version = state.version if check else state.version + len(state.lacking)
    if as_json:
        shown = {"dialect": state.dialect, "version": version, "migrations": state.lacking}
        print(json.dumps(shown))
        return
    for name in state.lacking:
        print(f"{'to come' if check else 'done'}: {name}")
    print(f"{state.dialect}: version {version}")


def _copy(way: Any, db: Path | None, program: str) -> int:
    try:
        where = settings_of(db).database
        if is_postgres(where) or where == MEMORY:
            told = (
                f"this is for SQLite files: for PostgreSQL use {program}, see the operations page"
            )
            return fail(told, USAGE_ERROR)
        source, target = way(Path(where))
        with bar(TaskProgressColumn()) as progress:
            task = progress.add_task(f"{source} to {target}", total=None)
            version = copy_database(
                source,
                target,
                lambda done, total: progress.update(task, completed=done, total=total),
            )
    except ValidationError as fault:
        return fail(first_fault(fault), USAGE_ERROR)
    except StoreUnavailableError as fault:
        return fail(str(fault), FAILED)
    print(f"{target}: version {version}, {target.stat().st_size} bytes")
    return 0


def _say(finding: Finding, *, as_json: bool) -> None:
    if as_json:
        shown = {"part": finding.part, "status": finding.status, "text": finding.text}
        print(json.dumps(shown))
        return
    colour = {"ok": "green", "off": "dim", "wrong": "red"}[finding.status]
    console = Console(file=sys.stdout, highlight=False, soft_wrap=True)
    console.print(f"[{colour}]{finding.status:5}[/]", end=" ")
    console.print(f"{finding.part:12} {finding.text}", markup=False)
