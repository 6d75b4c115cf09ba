"""Turns: one message and everything it causes, up to its one terminal event."""

from .turn import Turn, TurnIds
from .turns import Turns

__all__ = ["Turn", "TurnIds", "Turns"]
