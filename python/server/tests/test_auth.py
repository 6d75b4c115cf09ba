"""Who is let in, and that nobody sees what is somebody else's."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from smooth_operator_server.auth import KeyFaultError, TokenError, minted, tokens_of
from smooth_operator_server.auth.tokens import principal_of

from .support import NEW, REPLAY, Client, Running, serving

SECRET = "a secret of more than thirty-two bytes"
SCRIPT: dict[str, Any] = {"model": [{"text": "Hello"}] * 9}
JWT: dict[str, Any] = {"auth_mode": "jwt", "jwt_hs256_secret": SECRET}
ADA = {"sub": "1", "org": "acme", "email": "Ada@Acme.example", "name": "Ada"}
BOB = {"sub": "2", "org": "acme", "email": "bob@acme.example"}
EVE = {"sub": "1", "org": "other", "email": "Ada@Acme.example"}


@asynccontextmanager
async def entering(server: Running, claims: dict[str, Any]) -> AsyncIterator[Client]:
    url = f"{server.url}?token={minted(SECRET, claims, 60)}"
    async with connect(url, compression=None, proxy=None) as socket:
        yield Client(socket, NEW)


async def status_of(url: str, **headers: str) -> int:
    try:
        async with connect(url, additional_headers=headers, proxy=None):
            return 101
    except InvalidStatus as refused:
        return refused.response.status_code


async def test_a_missing_or_invalid_token_is_401_and_never_anonymous(tmp_path: Path) -> None:
    async with serving(tmp_path, SCRIPT, **JWT) as server:
        good = minted(SECRET, ADA, 60)
        forged = minted("another secret of thirty-two bytes!!", ADA, 60)
        old = minted(SECRET, ADA, -3600)
        none = jwt.encode(ADA, key="", algorithm="none")
        for token in ("", "x", forged, old, none, good[:-2]):
            assert await status_of(f"{server.url}?token={token}") == 401
        assert await status_of(server.url) == 401
        assert await status_of(server.url, Authorization="Bearer x") == 401
        assert await status_of(server.url, Authorization=f"Basic {good}") == 401
        assert await status_of(server.url, Authorization=f"Bearer {good}") == 101
        assert await status_of(f"{server.url}?token={good}") == 101


async def test_conversations_are_their_owners_alone(tmp_path: Path) -> None:
    async with serving(tmp_path, SCRIPT, **JWT) as server:
        async with entering(server, ADA) as ada:
            mine = await ada.result("create_conversation_session", agentId="agent")
            await ada.turn(mine["sessionId"])
            listed = await ada.result("list_conversations")
            assert [c["conversationId"] for c in listed["conversations"]] == [
                mine["conversationId"]
            ]
        for claims in (BOB, EVE):
            async with entering(server, claims) as other:
                assert (await other.result("list_conversations"))["conversations"] == []
                fresh = await other.result(
                    "create_conversation_session",
                    agentId="agent",
                    conversationId=mine["conversationId"],
                )
                assert fresh["conversationId"] != mine["conversationId"]


async def test_req_srv_31_a_foreign_turn_is_neither_resumed_nor_spoken_in(tmp_path: Path) -> None:
    script = {
        "model": [{"toolCall": {"name": "rm", "arguments": {}}}, {"text": "Done"}],
        "tools": [{"name": "rm", "confirm": True}],
    }
    async with (
        serving(tmp_path, script, **JWT) as server,
        entering(server, ADA) as ada,
        entering(server, EVE) as eve,
    ):
        ada.words = eve.words = (*NEW, *REPLAY)
        about = {"sessionId": await ada.session(), "requestId": "turn"}
        await ada.tx("send_message", message="Go", **about)
        await ada.until("stream_chunk")
        assert await eve.refusal("resume_turn", afterSeq=0, **about) == "SESSION_NOT_FOUND"
        assert await eve.refusal("send_message", message="Go", **about) == "SESSION_NOT_FOUND"
        stranger = await eve.call("confirm_tool_action", approved=True, **about)
        assert "seq" not in stranger
        await ada.silence()


async def test_a_foreign_turn_cannot_be_cancelled(tmp_path: Path) -> None:
    script = {"model": [{"delayMs": 1000, "text": "Done"}]}
    async with (
        serving(tmp_path, script, **JWT) as server,
        entering(server, ADA) as ada,
        entering(server, BOB) as bob,
    ):
        session_id = await ada.session()
        await ada.tx("send_message", sessionId=session_id, message="m", requestId="t")
        await ada.rx("immediate_response")
        await bob.tx("cancel", sessionId=session_id, requestId="t")
        await bob.silence()
        await server.clock.advance(1)
        assert (await ada.until("eventual_response", "cancelled"))[-1]["type"] != "cancelled"


async def test_the_person_of_a_token_is_who_the_token_says(tmp_path: Path) -> None:
    script = {"model": [{"toolCall": {"name": "t"}}, {"text": "ok"}], "tools": [{"name": "t"}]}
    async with serving(tmp_path, script, **JWT) as server, entering(server, ADA) as ada:
        session_id = await ada.session(userEmail="somebody@else.example", userName="Somebody")
        record = await server.listener.server.session(session_id)
        assert record is not None
        assert (record.user_email, record.owner) == ("Ada@Acme.example", "ada@acme.example")


@pytest.mark.parametrize(
    "claims",
    [
        {"sub": "1", "org": "", "exp": 1},
        {"sub": "1", "exp": 1},
        {"sub": "1", "org": "o", "role": "root"},
        {"sub": "1", "org": 7},
    ],
)
def test_claims_that_say_too_little_are_refused(claims: dict[str, Any]) -> None:
    with pytest.raises(TokenError):
        principal_of(claims)


async def test_public_keys_issuer_and_audience_are_checked() -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    pem = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    tokens = tokens_of(
        secret=None, public_key=pem.decode(), jwks_url=None, issuer="me", audience="you"
    )
    claims = ADA | {"exp": 4_000_000_000, "iss": "me", "aud": "you"}
    signed = jwt.encode(claims, key, algorithm="ES256")
    assert (await tokens.principal(signed)).user_id == "1"
    for wrong in ({"iss": "x"}, {"aud": "x"}, {"exp": 1}):
        with pytest.raises(TokenError):
            await tokens.principal(jwt.encode(claims | wrong, key, algorithm="ES256"))
    with pytest.raises(TokenError):  # the public key taken for a shared secret
        await tokens.principal(jwt.encode(claims, "x" * 32, algorithm="HS256"))


@pytest.mark.parametrize(
    ("keys", "named"),
    [
        ({"secret": "short"}, "AUTH_JWT_HS256_SECRET"),
        ({"public_key": "no pem"}, "AUTH_JWT_RS256_PUBLIC_KEY"),
        ({}, "AUTH_JWT_JWKS_URL"),
    ],
)
def test_keys_that_prove_nothing_are_named(keys: dict[str, str], named: str) -> None:
    every: dict[str, str | None] = dict.fromkeys(
        ("secret", "public_key", "jwks_url", "issuer", "audience")
    )
    with pytest.raises(KeyFaultError, match=named) as told:
        tokens_of(**(every | keys))
    assert "short" not in str(told.value)
    assert "no pem" not in str(told.value)
