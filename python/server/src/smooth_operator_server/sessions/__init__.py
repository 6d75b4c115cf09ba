"""Sessions, conversations and their history: everything that is not a turn."""

from .actions import SessionActions
from .sessions import Sessions, is_extended, is_replayed, reading_of, reads_turns

__all__ = ["SessionActions", "Sessions", "is_extended", "is_replayed", "reading_of", "reads_turns"]
