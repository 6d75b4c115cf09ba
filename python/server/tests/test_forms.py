"""The validators of the two kinds of forms, as tables."""

from __future__ import annotations

from typing import Any

import pytest

from smooth_operator_server.questions.forms import FormError, checked_values, form_spec

FIELDS = form_spec("identity_intake", {"fields": ["name", {"key": "email", "required": False}]})


def faults(kind: str, spec: dict[str, Any], values: dict[str, Any]) -> list[tuple[str, str]]:
    with pytest.raises(FormError) as refused:
        checked_values(kind, spec, values)
    assert refused.value.summary == "Some fields need attention."
    return [(error["field"], error["message"]) for error in refused.value.errors]


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("+49 (30) 123-45.67", "+49301234567"),
        ("555 010 0100", "+15550100100"),
        ("1-555-010-0100", "+15550100100"),
        ("+12345678", "+12345678"),
        ("+123456789012345", "+123456789012345"),
    ],
)
def test_phone_numbers_are_normalised(given: str, kept: str) -> None:
    values = checked_values("identity_intake", FIELDS, {"name": "A", "phone": given})
    assert values == {"name": "A", "phone": kept}


@pytest.mark.parametrize(
    "given", ["+0123456789", "+1234567", "+1234567890123456", "2555010010", "25550100100x", "12a"]
)
def test_other_phone_numbers_are_refused(given: str) -> None:
    if given == "2555010010":
        assert checked_values("identity_intake", FIELDS, {"name": "A", "phone": given})
        return
    seen = faults("identity_intake", FIELDS, {"name": "A", "phone": given})
    assert seen == [("phone", "must be a valid phone number")]


@pytest.mark.parametrize(
    "given",
    ["a", "a@b", "@b.cd", "a@", "a@b.", "a@.b", "a b@c.de", "a@b@c.de", "a@b..c", "a@b c.d"],
)
def test_other_addresses_are_refused(given: str) -> None:
    seen = faults("identity_intake", FIELDS, {"name": "A", "email": given})
    assert seen == [("email", "must be a valid email address")]


def test_values_of_identity() -> None:
    given = {"name": " Ada ", "email": " Ada@Example.ORG ", "phone": " ", "shoe": 1}
    values = checked_values("identity_intake", FIELDS, given)
    assert values == {"name": "Ada", "email": "Ada@example.org"}
    assert faults("identity_intake", FIELDS, {"name": 5, "email": ["x"]}) == [
        ("name", "must be text"),
        ("email", "must be text"),
    ]


SPEC = form_spec(
    "choices",
    {
        "questions": [
            {"question": "q", "header": "One", "options": ["a", "b"]},
            {"question": "q", "header": "Many", "options": ["c", "d"], "multiSelect": True},
        ]
    },
)
GOOD = {"header": "One", "options": ["a"]}
MANY = {"header": "Many", "options": ["c"]}
WRONG: dict[str, tuple[Any, list[tuple[str, str]]]] = {
    "no list": (None, [("answers", "must be a list")]),
    "no object": ([1, GOOD, MANY], [("answers", "answers a question that was not asked")]),
    "foreign": (
        [{"header": "x"}, GOOD, MANY],
        [("answers", "answers a question that was not asked")],
    ),
    "twice": ([GOOD, GOOD, MANY], [("answers", "answers a question twice")]),
    "missing": ([MANY], [("One", "needs an answer")]),
    "all missing": ([], [("One", "needs an answer"), ("Many", "needs an answer")]),
    "not offered": (
        [{"header": "One", "options": ["z"]}, MANY],
        [("One", "names an option that was not offered")],
    ),
    "two of one": (
        [{"header": "One", "options": ["a", "b"]}, MANY],
        [("One", "takes exactly one answer")],
    ),
    "one and other": (
        [{"header": "One", "options": ["a"], "other": "z"}, MANY],
        [("One", "takes exactly one answer")],
    ),
    "none of many": ([GOOD, {"header": "Many", "other": " "}], [("Many", "needs an answer")]),
    "options type": (
        [{"header": "One", "options": "a"}, MANY],
        [("One", "must name options by their labels")],
    ),
    "other type": ([{"header": "One", "other": 5}, MANY], [("One", "must be text")]),
}


@pytest.mark.parametrize(("answers", "expected"), WRONG.values(), ids=WRONG)
def test_answers_that_do_not_fit(answers: Any, expected: list[tuple[str, str]]) -> None:
    seen = faults("choices", SPEC, {"answers": answers})
    headers = {"One", "Many", "answers"}
    assert [fault for fault in seen if fault[0] in headers] == seen
    assert set(expected) <= set(seen)


def test_answers_that_fit() -> None:
    values = checked_values("choices", SPEC, {"answers": [MANY, GOOD]})
    assert values == {"answers": [GOOD, MANY]}
