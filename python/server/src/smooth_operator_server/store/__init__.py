"""Where conversations, sessions, messages and passages are kept."""

from .records import (
    ConversationSummary,
    Direction,
    MessageRecord,
    NewMessage,
    NewSession,
    Page,
    Passage,
    SessionRecord,
)
from .store import Store, StoreError, StoreUnavailableError, UnknownCursorError

__all__ = [
    "ConversationSummary",
    "Direction",
    "MessageRecord",
    "NewMessage",
    "NewSession",
    "Page",
    "Passage",
    "SessionRecord",
    "Store",
    "StoreError",
    "StoreUnavailableError",
    "UnknownCursorError",
]
