"""Turns: one message and everything it causes, up to its one terminal event."""

from .channels import Channels
from .resuming import Resuming
from .turn import Turn, TurnIds
from .turns import Turns

__all__ = ["Channels", "Resuming", "Turn", "TurnIds", "Turns"]
