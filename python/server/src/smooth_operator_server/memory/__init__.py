"""What agents remember of people from one conversation to the next."""

from .memories import Memories, Recollection
from .tools import memory_tools

__all__ = ["Memories", "Recollection", "memory_tools"]
