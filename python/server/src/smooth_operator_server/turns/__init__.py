"""Turns: one message and everything it causes, up to its one terminal event."""

from .hosting import Hosting
from .links import Links, links_of
from .turn import Turn, TurnIds
from .turns import Turns

__all__ = ["Hosting", "Links", "Turn", "TurnIds", "Turns", "links_of"]
