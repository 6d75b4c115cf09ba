"""The name table: words in five casings, reserved words, initialisms."""

from __future__ import annotations

import pytest

from wiregen import naming


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("requestId", ("request", "id")),
        ("stream_token", ("stream", "token")),
        ("OTPSent", ("otp", "sent")),
        ("utf8Text", ("utf8", "text")),
        ("ai-agent", ("ai", "agent")),
        ("NO_PENDING", ("no", "pending")),
    ],
)
def test_words_are_split_from_any_casing(name: str, words: tuple[str, ...]) -> None:
    assert naming.words(name) == words


@pytest.mark.parametrize(
    ("lang", "expected"),
    [
        ("python", "request_id"),
        ("typescript", "requestId"),
        ("go", "RequestID"),
        ("csharp", "RequestId"),
        ("rust", "request_id"),
    ],
)
def test_a_member_is_named_as_the_language_does(lang: naming.Lang, expected: str) -> None:
    assert naming.member_name(lang, "requestId") == expected


def test_reserved_words_step_aside() -> None:
    assert naming.member_name("python", "from") == "from_"
    assert naming.member_name("python", "type") == "type"
    assert naming.member_name("rust", "type") == "type_"
    assert naming.member_name("go", "type") == "Type"
    assert naming.member_name("typescript", "from") == "from"
    assert naming.member_name("go", "2fa") == "X2Fa"


def test_members_that_every_type_has_step_aside() -> None:
    assert naming.member_name("go", "eventType") == "EventType_"
    assert naming.member_name("go", "raw") == "Raw"
    assert naming.member_name("rust", "extra") == "extra_"
    assert naming.member_name("rust", "eventType") == "event_type"


def test_roles_become_suffixes_where_the_language_has_no_module_for_them() -> None:
    assert naming.type_name("python", "StreamToken", "event") == "StreamTokenEvent"
    assert naming.type_name("csharp", "SendMessage", "action") == "SendMessageAction"
    assert naming.type_name("go", "OtpSent", "event") == "OTPSent"
    assert naming.type_name("go", "Error", "event") == "ErrorEvent"
    assert naming.type_name("rust", "StreamToken", "event") == "StreamToken"
    assert naming.type_name("typescript", "Usage", "type") == "Usage"


def test_enum_values_are_named() -> None:
    assert naming.enum_member("python", "OtpChannel", "email") == "EMAIL"
    assert naming.enum_member("python", "OtpChannel", "unknown") == "UNKNOWN_"
    assert naming.enum_member("go", "OtpChannel", "sms") == "OTPChannelSMS"
    assert naming.enum_member("csharp", "OtpChannel", "full-power") == "FullPower"
    assert naming.enum_member("rust", "OtpChannel", "email") == "Email"


def test_collisions_are_found_and_never_numbered() -> None:
    names = {"a_b": "AB", "aB": "AB", "c": "C"}
    assert naming.collisions(names) == {"AB": ("a_b", "aB")}
