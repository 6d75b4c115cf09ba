"""Logs: one line an event, without any text that a person or the agent wrote.

Messages, one-time codes, tokens and e-mail addresses never reach a log, and neither does the
text of an exception, which may quote them: only its type and the place it came from.
"""

from __future__ import annotations

import logging
import sys
import traceback
from functools import cache
from pathlib import Path
from typing import Any

import structlog

LEVELS = ("debug", "info", "warning", "error")

log = structlog.get_logger("smooth_operator_server")


def debugs() -> bool:
    """Tell whether debug lines are written: one that is dropped costs nearly as much.

    Worth asking only where actions pass by in thousands.
    """
    return _least(structlog.get_config()["wrapper_class"]) <= logging.DEBUG


@cache
def _least(wrapper: type[structlog.typing.FilteringBoundLogger]) -> int:
    return wrapper(None, (), {}).get_effective_level()  # type: ignore[call-arg]


def where(fault: BaseException) -> dict[str, Any]:
    """Return the type of an exception and the line that raised it, for a log line."""
    frames = traceback.extract_tb(fault.__traceback__)
    last = frames[-1] if frames else None
    place = f"{Path(last.filename).name}:{last.lineno}" if last else "unknown"
    return {"error": type(fault).__name__, "at": place}


def configure_logs(level: str) -> None:
    """Write log lines of at least this level to stderr: text on a terminal, else JSON."""
    shown = structlog.dev.ConsoleRenderer() if sys.stderr.isatty() else _json()
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            shown,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(level.upper())),
        logger_factory=structlog.PrintLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=False,
    )
    # uvicorn writes the URL of every socket, token included, at info: never lower its level.
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(name)s: %(message)s")


def _json() -> structlog.processors.JSONRenderer:
    return structlog.processors.JSONRenderer()
