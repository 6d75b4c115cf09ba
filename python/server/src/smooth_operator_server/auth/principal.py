"""A person or program that was let in, and the part of the stores that is theirs. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from starlette.authentication import BaseUser

LOCAL = "local"
"""The organisation of a server that asks nobody who they are."""


class Role(StrEnum):
    """What a principal may do beside talking; each role holds the ones before it."""

    BASIC = "basic"
    CURATOR = "curator"
    ADMIN = "admin"

    def holds(self, wanted: Role) -> bool:
        """Tell whether this role is at least ``wanted``."""
        return _ORDER.index(self) >= _ORDER.index(wanted)


_ORDER = tuple(Role)


@dataclass(frozen=True, slots=True)
class Scope:
    """What a query of a store may touch.

    Within the organisation: conversations of ``owner`` and those without one; all of them when
    ``everybody`` is true. What lies outside is answered as if it did not exist.
    """

    org: str
    owner: str | None = None
    everybody: bool = False

    def holds(self, org: str, owner: str | None) -> bool:
        """Tell whether something of this organisation and owner lies inside."""
        return org == self.org and (self.everybody or owner is None or owner == self.owner)


@dataclass(frozen=True, slots=True)
class Principal(BaseUser):
    """Who an action comes from."""

    org: str = LOCAL
    user_id: str | None = None
    email: str | None = None
    name: str | None = None
    role: Role = Role.BASIC
    groups: tuple[str, ...] = ()
    authenticated: bool = True

    @property
    def is_authenticated(self) -> bool:
        return self.authenticated

    @property
    def display_name(self) -> str:
        return self.name or self.user_id or ""

    @property
    def identity(self) -> str:
        return self.user_id or ""

    @property
    def owner(self) -> str | None:
        """What conversations of this principal are filed under; None when nobody is known."""
        if not self.authenticated:
            return None
        return self.email.lower() if self.email else self.user_id

    @property
    def person(self) -> str:
        """Who this is in conversations of others; without authentication there is one person."""
        return self.owner or LOCAL

    @property
    def readers(self) -> tuple[str, ...] | None:
        """What of documents with readers this principal sees; None for everything."""
        if not self.authenticated:
            return None
        names = [
            f"user:{name}" for name in (self.user_id, self.email and self.email.lower()) if name
        ]
        return ("public", "org", *names, *(f"group:{group}" for group in self.groups))

    @property
    def scope(self) -> Scope:
        """What this principal sees. Without authentication there is one person: they see all."""
        return Scope(self.org, self.owner, everybody=not self.authenticated)


ANONYMOUS = Principal(authenticated=False)
