"""JSON Web Tokens: which key proves them, and what they say of a principal.

Their library is imported where it is used: with the cryptography that it needs it is a tenth of the
start of a server that asks nobody who they are.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from .principal import Principal, Role

LEAST_SECRET = 32
"""Bytes that a shared secret must have: the library takes five."""

LEEWAY_S = 30
_ASYMMETRIC = ("RS256", "RS384", "RS512", "PS256", "ES256", "ES384", "ES512", "EdDSA")
_ROLES = {"user": Role.BASIC, **{role.value: role for role in Role}}


class KeyFaultError(Exception):
    """The settings name no usable key; the text names the variable, never the key."""


class TokenError(Exception):
    """A token proves nothing; the text says why and shows nothing of it."""


class Keys(Protocol):
    """Finds the key that proves a token."""

    @property
    def algorithms(self) -> Sequence[str]:
        """Those that a token may be signed with."""
        ...

    async def key_for(self, token: str) -> Any:
        """Return the key.

        Raises:
            jwt.PyJWTError: there is none.
        """
        ...


class Secret:
    """A secret that issuer and server share (HS256)."""

    algorithms = ("HS256",)

    def __init__(self, secret: str) -> None:
        if len(secret.encode()) < LEAST_SECRET:
            raise KeyFaultError(f"AUTH_JWT_HS256_SECRET: needs at least {LEAST_SECRET} bytes")
        self._secret = secret

    async def key_for(self, token: str) -> Any:  # noqa: ARG002
        return self._secret


class PublicKey:
    """The issuer's public key, as PEM."""

    algorithms = _ASYMMETRIC

    def __init__(self, pem: str) -> None:
        from cryptography.exceptions import UnsupportedAlgorithm
        from cryptography.hazmat.primitives.serialization import load_pem_public_key

        try:
            self._key = load_pem_public_key(pem.encode())
        except (ValueError, UnsupportedAlgorithm):
            raise KeyFaultError("AUTH_JWT_RS256_PUBLIC_KEY: is no public key in PEM form") from None

    async def key_for(self, token: str) -> Any:  # noqa: ARG002
        return self._key


class KeySet:
    """The issuer's keys behind a URL, fetched when a new one is named."""

    algorithms = _ASYMMETRIC

    def __init__(self, url: str) -> None:
        import jwt

        self._client = jwt.PyJWKClient(url, cache_keys=True, timeout=5)

    async def key_for(self, token: str) -> Any:
        found = await asyncio.to_thread(self._client.get_signing_key_from_jwt, token)
        return found.key


class Tokens:
    """Proves tokens and reads principals out of them."""

    def __init__(self, keys: Keys, *, issuer: str | None, audience: str | None) -> None:
        self._keys = keys
        self._issuer = issuer
        self._audience = audience

    async def principal(self, token: str) -> Principal:
        """Return who the token speaks of.

        Raises:
            TokenError: it is not valid, not meant for this server, or says too little.
        """
        import jwt

        try:
            claims = jwt.decode(
                token,
                await self._keys.key_for(token),
                algorithms=list(self._keys.algorithms),
                issuer=self._issuer,
                audience=self._audience,
                leeway=LEEWAY_S,
                options={
                    "require": ["exp", "sub"],
                    "verify_aud": self._audience is not None,
                    "verify_iss": self._issuer is not None,
                },
            )
        except jwt.PyJWTError as fault:
            raise TokenError(f"the token is refused: {type(fault).__name__}") from None
        return principal_of(claims)


def principal_of(claims: Mapping[str, Any]) -> Principal:
    """Return the principal that proven claims speak of.

    Raises:
        TokenError: the organisation or role is missing or unknown.
    """
    org = claims.get("org") or claims.get("org_id")
    if not isinstance(org, str) or not org:
        raise TokenError("the token names no organisation (claim org)")
    role = _ROLES.get(claims.get("role", Role.BASIC))
    if role is None:
        raise TokenError("the token has an unknown role")
    groups = claims.get("groups", [])
    return Principal(
        org=org,
        user_id=str(claims["sub"]),
        email=_text(claims.get("email")),
        name=_text(claims.get("name")),
        role=role,
        groups=tuple(str(group) for group in groups) if isinstance(groups, list) else (),
    )


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def minted(secret: str, claims: Mapping[str, Any], lives_s: float) -> str:
    """Return a token with these claims, those without a value left out.

    Raises:
        KeyFaultError: the secret is too short.
    """
    import jwt

    Secret(secret)
    now = datetime.now(UTC)
    said = {key: value for key, value in claims.items() if value is not None}
    times = {"iat": now, "exp": now + timedelta(seconds=lives_s)}
    return jwt.encode(said | times, secret, algorithm="HS256")


def tokens_of(
    *,
    secret: str | None,
    public_key: str | None,
    jwks_url: str | None,
    issuer: str | None,
    audience: str | None,
) -> Tokens:
    """Return what proves the tokens: public key before secret before the key set's URL.

    Raises:
        KeyFaultError: there is none of them, or it is of no use.
    """
    keys: Keys
    if public_key:
        keys = PublicKey(public_key)
    elif secret:
        keys = Secret(secret)
    elif jwks_url or issuer:
        keys = KeySet(jwks_url or f"{str(issuer).rstrip('/')}/.well-known/jwks.json")
    else:
        raise KeyFaultError(
            "auth mode jwt needs AUTH_JWT_HS256_SECRET, AUTH_JWT_RS256_PUBLIC_KEY,"
            " AUTH_JWT_JWKS_URL or AUTH_JWT_ISSUER"
        )
    return Tokens(keys, issuer=issuer, audience=audience)
