"""Options, ids and the address: what a client refuses before it does anything."""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from smooth_operator import SmoothAgentClient
from smooth_operator._clock import new_request_id
from smooth_operator._options import Options, OptionWords
from smooth_operator._options_address import address
from smooth_operator.wire.options import OPTIONS

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
        ({"url": "ws://h/ok?x=1 HTTP/1.1\r\nX-Evil: 1"}, ValueError),
        ({"url": "ws://h/a\\b"}, ValueError),
        ({"url": "ws://h/\x00"}, ValueError),
        ({"url": "ws://me:s3cret@h/ws"}, ValueError),
        ({"url": "ws://h:99999/ws"}, ValueError),
        ({"url": "ws://[::1/ws"}, ValueError),
        ({"token": "s3cret\n", "token_in": "header"}, ValueError),
        ({"token": 7}, TypeError),
        ({"headers": {"X-A": "s3cret\r\nX-Evil: 1"}}, ValueError),
        ({"headers": {"X-A": "s3cret\0"}}, ValueError),
        ({"headers": {"X A": "s3cret"}}, ValueError),
        ({"headers": {"X\r\nA": "s3cret"}}, ValueError),
        ({"headers": {"": "s3cret"}}, ValueError),
        ({"headers": {"hOsT": "s3cret"}}, ValueError),
        ({"headers": {"Sec-WebSocket-Extensions": "s3cret"}}, ValueError),
        ({"headers": {"Transfer-Encoding": "s3cret"}}, ValueError),
        ({"headers": {"X-A": 1}}, TypeError),
        ({"headers": [("X-A", "1")]}, TypeError),
        ({"origin": "http://s3cret\n"}, ValueError),
        ({"opener": 1}, TypeError),
        ({"auto_reconnect": 1}, TypeError),
        ({"retry_initial_connect": None}, TypeError),
        ({"lazy": "yes"}, TypeError),
        ({"max_reconnect_attempts": -1}, ValueError),
        ({"max_reconnect_attempts": 1.0}, TypeError),
        ({"max_reconnect_attempts": True}, TypeError),
        ({"backoff_base": 0}, ValueError),
        ({"backoff_max": 0.0009}, ValueError),
        ({"backoff_max": float("inf")}, ValueError),
        ({"stable_after": -0.001}, ValueError),
        ({"ping_interval": None}, TypeError),
        ({"pong_timeout": "10"}, TypeError),
        ({"queue_limit": -1}, ValueError),
        ({"queue_limit": None}, TypeError),
        ({"queue_policy": "drop"}, ValueError),
        ({"queue_policy": ["wait"]}, ValueError),
        ({"token": lambda: "s3cret"}, TypeError),
    ],
)
def test_req_conn_01_malformed_options_are_refused_at_once(
    options: dict[str, Any], error: type[Exception]
) -> None:
    """REQ-CONN-19, REQ-CONN-20: and the error names the option, never the value."""
    with pytest.raises(error) as caught:
        SmoothAgentClient(**{"url": URL, **options})
    assert "s3cret" not in str(caught.value)
    assert caught.value.__context__ is None or "s3cret" not in str(caught.value.__cause__)


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
        ("ws://h/é?q=é€%20", None, "ws://h/%C3%A9?q=%C3%A9%E2%82%AC%20"),
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


def test_the_keywords_of_a_client_are_the_fields_of_its_options() -> None:
    """A misspelt option is seen by type checkers."""
    assert set(OptionWords.__annotations__) == set(Options.__dataclass_fields__) - {"url"}


async def an_async_listener(_: object) -> None:
    """Nobody would await it."""


class AsyncCallable:
    async def __call__(self, _: object) -> None:
        """Nobody would await it."""


@pytest.mark.parametrize("listener", [an_async_listener, AsyncCallable(), 7])
@pytest.mark.parametrize("topic", ["on_state", "on_event", "on_frame"])
def test_req_conn_07_a_listener_that_would_never_run_is_refused(
    topic: str, listener: object
) -> None:
    with pytest.raises(TypeError, match="listener"):
        getattr(SmoothAgentClient(URL), topic)(listener)


def test_shown_values_are_readable_and_hold_no_secret() -> None:
    client = SmoothAgentClient(f"{URL}?key=s3cret", token="s3cret", headers={"X-Key": "s3cret"})
    assert repr(client) == "<SmoothAgentClient 127.0.0.1:1 idle>"


def test_defaults_are_those_of_the_specification() -> None:
    options = Options(url=URL)
    objects = ("url", "headers", "roots", "supports", "logger", "clock", "idGenerator", "random")
    for name, row in OPTIONS.items():
        field = re.sub(r"(?=[A-Z])", "_", name).lower()
        if row.pending is None and name not in objects:
            default = row.default / 1000 if row.unit == "ms" else row.default
            assert getattr(options, field) == default, name


def test_every_option_is_in_the_table_of_the_readme() -> None:
    readme = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
    rows = [line.split("|")[1] for line in readme.splitlines() if line.startswith("| `")]
    listed = {name for row in rows for name in re.findall(r"`(\w+)`", row)}
    assert set(OptionWords.__annotations__) <= listed


def test_a_program_that_sets_up_no_logging_sees_nothing_of_the_client() -> None:
    """Python prints warnings of a logger without a handler on stderr (REQ-LOG-01)."""
    script = (
        "import logging, smooth_operator\n"
        "logging.getLogger('smooth_operator').warning('seen')\n"
        "logging.getLogger('smooth_operator').error('seen')\n"
        "smooth_operator.SmoothAgentClient\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
