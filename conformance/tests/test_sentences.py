"""Texts of errors against the table (REQ-ERR-07)."""

from __future__ import annotations

from typing import Any

import pytest

from conform.sentences import Sentences, filled
from conform.spec import Spec

LOST = {"kind": "connection_lost", "retryable": True, "requestId": "req-1", "closeCode": 1011}
TEXT = (
    "The link to h.example:9 ended (close code 1011) while a request (req-1) waited for its answer."
    " Call connect() and, where that is safe, send it again."
)


def fault(spec: Spec, text: str, **facts: Any) -> str | None:
    error = {**LOST, **facts, "text": text}
    return Sentences(spec).fault([{"ev": "returned", "as": "g", "n": 1, "error": error}])


def test_the_text_of_the_table_with_its_places_filled_is_accepted(spec: Spec) -> None:
    assert fault(spec, TEXT) is None
    assert fault(spec, f"smooth: {TEXT}") is None


@pytest.mark.parametrize(
    "text",
    [
        TEXT.replace("1011", "1012"),
        TEXT.replace("req-1", "req-2"),
        TEXT.replace(" (close code 1011)", ""),
        TEXT.replace("h.example:9", "the server"),
        TEXT.replace("h.example:9", "ws://h.example:9/ws?token=x"),
        TEXT + " Good luck.",
        "connection lost",
    ],
)
def test_a_text_that_says_something_else_is_told(spec: Spec, text: str) -> None:
    assert "REQ-ERR-07" in str(fault(spec, text))


def test_a_place_without_a_value_is_left_out_with_its_brackets(spec: Spec) -> None:
    short = TEXT.replace(" (close code 1011)", "").replace(" (req-1)", "")
    assert fault(spec, short, closeCode=None, requestId=None) is None
    assert fault(spec, TEXT, closeCode=None) is not None


def test_a_code_has_the_text_of_its_leaf(spec: Spec) -> None:
    error = {"kind": "not_found", "code": "SESSION_NOT_FOUND"}
    assert Sentences(spec).template(error).startswith("{host} does not know the session")
    assert "Nothing waits" in Sentences(spec).template({"kind": "conflict"})


def test_brackets_go_with_their_places() -> None:
    text = "{host} failed[: {code}][ ({request_id})]."
    assert filled(text, {"host": "h", "code": "X"}) == "h failed: X."


def test_errors_of_the_language_have_no_text_of_the_table(spec: Spec) -> None:
    error = {"kind": "invalid_argument", "text": "url is missing"}
    assert Sentences(spec).fault([{"ev": "returned", "as": "g", "error": error}]) is None
