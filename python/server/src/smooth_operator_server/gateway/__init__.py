"""One socket: frames in, checked and dispatched; frames out, through a bounded queue."""

from .connection import Connection, Connections
from .dispatch import Dispatcher

__all__ = ["Connection", "Connections", "Dispatcher"]
