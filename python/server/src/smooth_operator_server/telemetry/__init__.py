"""What can be seen of a server from outside: logs, figures, spans; never what people said."""

from .logs import LEVELS, configure_logs, debugs, log, where
from .observer import CallWatch, Observer, TurnWatch

__all__ = [
    "LEVELS",
    "CallWatch",
    "Observer",
    "TurnWatch",
    "configure_logs",
    "debugs",
    "log",
    "where",
]
