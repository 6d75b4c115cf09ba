"""Who is on the other end: principals, what they may see, and how a token proves it."""

from .backend import TokenBackend
from .principal import ANONYMOUS, Principal, Role, Scope
from .tokens import KeyFaultError, TokenError, Tokens, minted, tokens_of

__all__ = [
    "ANONYMOUS",
    "KeyFaultError",
    "Principal",
    "Role",
    "Scope",
    "TokenBackend",
    "TokenError",
    "Tokens",
    "minted",
    "tokens_of",
]
