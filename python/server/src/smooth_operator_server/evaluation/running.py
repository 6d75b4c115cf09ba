"""Holding the conversations of evaluation files, each with a server of its own."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from ..app import Server
from ..listener import Listener, bind
from ..settings import Settings
from ..store.keeping import copy_database
from .checks import Check, conversation_checks, turn_checks
from .files import Conversation, EvaluationFile, script_text
from .heard import Heard
from .judge import Judge, JudgeError
from .report import Outcome
from .talking import TalkError, talk

HOST = "127.0.0.1"


async def evaluate(
    files: Sequence[EvaluationFile],
    settings: Settings,
    judge: Judge | None = None,
    *,
    limit_s: float = 120,
) -> AsyncGenerator[Outcome, None]:
    """Yield what came of each conversation, in the order of the files.

    Each is held with a server of its own that begins with what the settings seed it with, or with a
    copy of the SQLite file that they name, and keeps nothing. A turn that has no end after
    ``limit_s`` fails.

    Raises:
        StoreUnavailableError: the SQLite file cannot be copied; and what ``Server.build`` raises.
    """
    for file in files:
        for conversation in file.conversations:
            async with _serving(file, conversation, settings) as url:
                yield await _one(file, conversation, url, judge, limit_s)


async def _one(
    file: EvaluationFile, conversation: Conversation, url: str, judge: Judge | None, limit_s: float
) -> Outcome:
    try:
        turns = await talk(url, conversation, limit_s)
    except TalkError as fault:
        return Outcome(file.path, conversation, (Check("conversation", str(fault)),))
    checks = list(_looked_at(conversation, turns))
    points = why = None
    if judge is not None and conversation.rubric is not None:
        try:
            verdict = await judge.judge(conversation, turns)
            points, why = verdict.points, verdict.why
        except JudgeError as fault:
            checks.append(Check("judge", str(fault)))
    tokens = sum(_tokens(turn) for turn in turns)
    return Outcome(file.path, conversation, tuple(checks), points, why, tokens)


def _looked_at(conversation: Conversation, turns: Sequence[Heard]) -> list[Check]:
    found: list[Check] = []
    for number, (turn, heard) in enumerate(zip(conversation.turns, turns, strict=False), 1):
        found.extend(turn_checks(turn.expected, heard, number))
    if len(turns) < len(conversation.turns):
        found.append(Check("all turns", f"it ended after turn {len(turns)}"))
    found.extend(conversation_checks(conversation, turns))
    return found


def _tokens(turn: Heard) -> int:
    return sum(int(turn.usage.get(name, 0)) for name in ("promptTokens", "completionTokens"))


@asynccontextmanager
async def _serving(
    file: EvaluationFile, conversation: Conversation, settings: Settings
) -> AsyncIterator[str]:
    """Run a server for a conversation; yield the URL of its socket."""
    with tempfile.TemporaryDirectory() as folder:
        server = await Server.build(_settings(file, conversation, settings, Path(folder)))
        try:
            listener = Listener(server, bind(HOST, 0))
            await listener.start()
            try:
                yield listener.url
            finally:
                await listener.stop()
        finally:
            await server.aclose()


def _settings(
    file: EvaluationFile, conversation: Conversation, settings: Settings, folder: Path
) -> Settings:
    """Return the settings of a server that nobody else uses, and that keeps nothing."""
    database = folder / "conversations.db"
    if settings.db is not None:
        copy_database(settings.db, database)
    own: dict[str, Any] = {
        "auth_mode": "none",
        "bind": HOST,
        "database_url": None,
        "db": database,
        "drain_secs": 0,
        "playground": False,
        "redis_url": None,
    }
    if file.demo:
        own |= {"demo": True, "script": None}
    elif conversation.script is not None:
        path = folder / "script.json"
        path.write_text(script_text(conversation.script), encoding="utf-8")
        own |= {"demo": False, "script": path}
    return settings.model_copy(update=own)
