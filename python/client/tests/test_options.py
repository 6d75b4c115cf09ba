"""Options, ids and the address: what a client refuses before it does anything."""

from __future__ import annotations

import asyncio
import re
from typing import Any

import pytest

from smooth_operator import SmoothAgentClient
from smooth_operator.clock import new_request_id
from smooth_operator.options import address

URL = "ws://127.0.0.1:1/ws"


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"url": "http://127.0.0.1/ws"}, ValueError),
        ({"url": "ws://"}, ValueError),
        ({"url": 7}, TypeError),
        ({"connect_timeout": -1}, ValueError),
        ({"request_timeout": float("nan")}, ValueError),
        ({"turn_timeout": "5"}, TypeError),
        ({"close_timeout": True}, TypeError),
        ({"max_message_bytes": 0}, ValueError),
        ({"max_message_bytes": 1.5}, TypeError),
        ({"token_in": "cookie"}, ValueError),
        ({"supports": "choice_chips"}, TypeError),
        ({"no_such_option": 1}, TypeError),
    ],
)
def test_req_conn_01_malformed_options_are_refused_at_once(
    options: dict[str, Any], error: type[Exception]
) -> None:
    with pytest.raises(error):
        SmoothAgentClient(**{"url": URL, **options})


async def test_req_conn_01_a_new_client_is_idle_and_starts_nothing() -> None:
    before = asyncio.all_tasks()
    client = SmoothAgentClient(URL)
    assert client.state == "idle"
    assert asyncio.all_tasks() == before
    await client.close()
    assert client.state == "idle"


@pytest.mark.parametrize(
    ("url", "token", "expected"),
    [
        ("ws://h/ws", None, "ws://h/ws"),
        ("ws://h", None, "ws://h/"),
        ("ws://h/ws?a=1&b=%20#frag", None, "ws://h/ws?a=1&b=%20"),
        ("ws://h/ws?a=1", "t", "ws://h/ws?a=1&token=t"),
        ("ws://h/ws?token=old&a=1&token=older", "new", "ws://h/ws?a=1&token=new"),
        ("ws://h/ws", "a b+c/d=é~", "ws://h/ws?token=a%20b%2Bc%2Fd%3D%C3%A9~"),
    ],
)
def test_req_conn_10_the_token_is_the_last_pair_of_the_query(
    url: str, token: str | None, expected: str
) -> None:
    assert address(url, token) == expected


def test_req_call_01_ids_are_req_and_a_uuid4() -> None:
    pattern = r"req-[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"
    ids = {new_request_id() for _ in range(64)}
    assert len(ids) == 64
    assert all(re.fullmatch(pattern, it) for it in ids)


def test_req_log_01_no_textual_form_shows_token_query_or_headers() -> None:
    secret = "s3cret"
    client = SmoothAgentClient(f"{URL}?key={secret}", token=secret, headers={"X-Key": secret})
    assert secret not in repr(client)
    assert secret not in repr(client._options)
