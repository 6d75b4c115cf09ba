"""The command ``eval``: conversations of files, one after another, and what came of them."""

from __future__ import annotations

import asyncio
import json as writer
import sys
from collections.abc import Sequence
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter
from pydantic import ValidationError

from .agent import gateway
from .engine.script_file import ScriptError
from .files import FileFaultError
from .knowledge import EmbeddingError
from .settings import Settings
from .store import StoreUnavailableError
from .telemetry import configure_logs
from .usage import FAILED, USAGE_ERROR, fail, first_fault

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from .evaluation import EvaluationFile, Report
    from .evaluation.judge import Judge

Switch = Parameter(negative=())


def evaluate_files(
    *files: Path,
    db: Path | None = None,
    agents: Path | None = None,
    bar: float = 1.0,
    judge: str | None = None,
    judged: bool = True,
    limit: float = 120,
    json: Annotated[bool, Switch] = False,
) -> int:
    """Hold the conversations of evaluation files, and say whether they went as they should.

    Who answers is what the file says, or else the settings, as with serve. Where a model's endpoint
    is set, a model judges the conversations that say by what. Status 0: the bar is reached; 1: it
    is not, or the server cannot start; 2: a file or a flag is wrong.

    Parameters
    ----------
    files
        Evaluation files; docs/evaluations.md describes them.
    db
        SQLite file; each conversation begins with a copy of it. Default: an empty one.
    agents
        An agent file (YAML or JSON) or a folder of them, as with serve.
    bar
        The share of conversations that has to pass, 0 to 1. Default: all.
    judge
        The model that judges. Default: the one that answers.
    judged
        Whether there is a judge at all where there is an endpoint.
    limit
        Seconds after which a turn without an end has failed.
    json
        Print one JSON object.
    """
    if not files:
        return fail("name at least one evaluation file", USAGE_ERROR)
    if not 0 <= bar <= 1:
        return fail("--bar: is a share, 0 to 1", USAGE_ERROR)
    if not limit > 0:
        return fail("--limit: must be more than 0", USAGE_ERROR)
    try:
        given = {"db": db, "agents": agents}
        settings = Settings(**{name: value for name, value in given.items() if value})  # type: ignore[arg-type]
        configure_logs("error")
        model = (judge or settings.model) if judged else None
        report = asyncio.run(_report(files, settings, model, bar, limit))
    except ValidationError as fault:
        return fail(first_fault(fault), USAGE_ERROR)
    except (FileFaultError, ScriptError) as fault:
        return fail(str(fault), USAGE_ERROR)
    except (EmbeddingError, StoreUnavailableError) as fault:
        return fail(str(fault), FAILED)
    return _say(report, as_json=json)


async def _report(
    places: Sequence[Path], settings: Settings, model: str | None, bar: float, limit_s: float
) -> Report:
    from .evaluation import Report, evaluate, read_evaluation

    files = [read_evaluation(place) for place in places]  # all of them before the first is held
    if settings.gateway_key is None and settings.gateway_url is None:
        model = None
    async with _judging(files, settings, model) as judge:
        outcomes = evaluate(files, settings, judge, limit_s=limit_s)
        async with aclosing(outcomes) as held:
            return Report(tuple([outcome async for outcome in held]), bar)


@asynccontextmanager
async def _judging(
    files: Sequence[EvaluationFile], settings: Settings, model: str | None
) -> AsyncIterator[Judge | None]:
    """Make the judge, where there is one and something to judge."""
    if model is None or not any(one.rubric for file in files for one in file.conversations):
        yield None
        return
    from .evaluation.judge import EndpointJudge

    judge = EndpointJudge(*gateway(settings), model)
    try:
        yield judge
    finally:
        await judge.aclose()


def _say(report: Report, *, as_json: bool) -> int:
    from .evaluation import as_json as told
    from .evaluation import as_lines

    if as_json:
        writer.dump(told(report), sys.stdout, ensure_ascii=False)
        print()
    else:
        for line in as_lines(report):
            print(line)
    return 0 if report.passed else FAILED
