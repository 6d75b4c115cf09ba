"""People in a conversation beside its owner: they come, write, take the word, hand it back."""

from .crowd import Crowd
from .people import People
from .presence import Presence
from .shown import message_shown, party

__all__ = ["Crowd", "People", "Presence", "message_shown", "party"]
