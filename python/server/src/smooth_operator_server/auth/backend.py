"""The authentication of HTTP requests and sockets: one rule for both."""

from __future__ import annotations

from starlette.authentication import AuthCredentials, AuthenticationBackend, AuthenticationError
from starlette.requests import HTTPConnection

from .principal import ANONYMOUS, Principal
from .tokens import TokenError, Tokens


class TokenBackend(AuthenticationBackend):
    """Reads the token of ``?token=`` or ``Authorization: Bearer``; without ``tokens`` all are one.

    An invalid token is refused, never served as anonymous, and so is a missing one.
    """

    def __init__(self, tokens: Tokens | None) -> None:
        self._tokens = tokens

    async def authenticate(self, conn: HTTPConnection) -> tuple[AuthCredentials, Principal]:
        """Return who connects.

        Raises:
            AuthenticationError: the token is missing or proves nothing.
        """
        if self._tokens is None:
            return AuthCredentials(), ANONYMOUS
        scheme, _, given = conn.headers.get("authorization", "").partition(" ")
        token = conn.query_params.get("token") or (given if scheme.lower() == "bearer" else "")
        if not token:
            raise AuthenticationError("a token is needed")
        try:
            principal = await self._tokens.principal(token)
        except TokenError as fault:
            raise AuthenticationError(str(fault)) from None
        return AuthCredentials([principal.role]), principal
