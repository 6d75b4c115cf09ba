"""The client of the admin REST: what it asks, what it makes of answers and refusals."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from smooth_operator_admin import AdminClient, AdminError
from smooth_operator_admin.rest.api.agents import remove_agent
from smooth_operator_admin.rest.api.conversations import list_conversations, write_message
from smooth_operator_admin.rest.api.me import get_me
from smooth_operator_admin.rest.models import Me, NewMessage

ROOT = Path(__file__).parents[3]
GONE = {"error": {"code": "NOT_FOUND", "message": "x"}}
ME = {"userId": "1", "orgId": "acme", "role": "admin"}

Answer = Callable[[httpx.Request], httpx.Response]


def client(answer: Answer, token: str | None = "secret-token") -> AdminClient:
    return AdminClient("http://admin.test/", token, transport=httpx.MockTransport(answer))


def summary(name: str) -> dict[str, object]:
    times = dict.fromkeys(("createdAt", "updatedAt"), "2027-01-15T08:00:00.000Z")
    counts = {"messageCount": 1, "people": 0, "heldBy": None}
    return {"id": name, "name": None, "platform": "web"} | times | counts


def test_what_is_printed_is_what_the_document_of_the_server_says() -> None:
    checked = subprocess.run(
        [sys.executable, "tools/admin_client.py", "--check"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_an_answer_is_a_model_and_the_token_a_header() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        assert request.headers["authorization"] == "Bearer secret-token"
        assert request.url == "http://admin.test/admin/me"
        return httpx.Response(200, json=ME)

    with client(answer) as admin:
        me = admin.call(get_me)
        assert isinstance(me, Me)
        assert (me.user_id, me.org_id, me.role) == ("1", "acme", "admin")
        assert "secret" not in repr(admin)


def test_without_a_token_none_is_sent() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        assert "authorization" not in request.headers
        return httpx.Response(200, json=ME)

    with client(answer, None) as admin:
        assert admin.call(get_me).org_id == "acme"


def test_nothing_is_returned_where_nothing_is_said() -> None:
    with client(lambda _: httpx.Response(204)) as admin:
        assert admin.call(remove_agent, id="a/b") is None


@pytest.mark.parametrize(
    ("response", "status", "code"),
    [
        (
            httpx.Response(404, json=GONE),
            404,
            "NOT_FOUND",
        ),
        (httpx.Response(409, json=GONE), 409, "UNEXPECTED"),
        (httpx.Response(502, text="<html>"), 502, "UNEXPECTED"),
        (httpx.Response(404, text="<html>"), 0, "UNEXPECTED"),
        (httpx.Response(201, json={}), 0, "UNEXPECTED"),
    ],
)
def test_what_is_no_answer_is_one_error(response: httpx.Response, status: int, code: str) -> None:
    with client(lambda _: response) as admin, pytest.raises(AdminError) as caught:
        admin.call(write_message, id="c", body=NewMessage(text="Hi"))
    assert (caught.value.status, caught.value.code) == (status, code)
    assert "html" not in str(caught.value)


def test_a_server_that_is_not_there_is_one_error_too() -> None:
    def answer(_: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused: secret-token")

    with client(answer) as admin, pytest.raises(AdminError) as caught:
        admin.call(get_me)
    assert (caught.value.status, caught.value.code) == (0, "UNREACHABLE")
    assert "secret" not in str(caught.value)


def pages(request: httpx.Request) -> httpx.Response:
    cursor = request.url.params.get("cursor")
    if cursor is None:
        return httpx.Response(200, json={"conversations": [summary("a")], "nextCursor": "2"})
    assert cursor == "2"
    assert request.url.params["limit"] == "1"
    return httpx.Response(200, json={"conversations": [summary("b")], "nextCursor": None})


def test_pages_are_followed_to_the_end() -> None:
    with client(pages) as admin:
        found = [one.id for one in admin.pages(list_conversations, "conversations", limit=1)]
    assert found == ["a", "b"]


async def test_asyncio_does_the_same() -> None:
    async with client(pages) as admin:
        found = [one.id async for one in admin.apages(list_conversations, "conversations", limit=1)]
        assert found == ["a", "b"]
    async with client(lambda _: httpx.Response(404, json=GONE)) as admin:
        with pytest.raises(AdminError, match="NOT_FOUND"):
            await admin.acall(write_message, id="c", body=NewMessage(text="Hi"))
