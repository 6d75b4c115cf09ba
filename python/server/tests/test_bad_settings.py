"""A setting that is none is named, in one sentence without its value, before anything is opened.

The settings are those of the class: a new one is tried as soon as it is there.
"""

from __future__ import annotations

import math

import pytest
from pydantic import ValidationError
from pydantic.fields import FieldInfo

from smooth_operator_server.settings import Settings, variable_of
from smooth_operator_server.usage import first_fault

NUMBERS = [
    name
    for name, field in Settings.model_fields.items()
    if {"int", "float"} & set(str(field.annotation).replace("<class '", "").split("'"))
    or str(field.annotation) in ("int | None", "float | None")
]
URLS = ("gateway_url", "jwt_jwks_url", "otel_endpoint", "github_api", "database_url", "redis_url")
SWITCHES = [name for name, field in Settings.model_fields.items() if field.annotation is bool]


def field_of(name: str) -> FieldInfo:
    return Settings.model_fields[name]


def refusal(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> str:
    """Return what is said of a value in the environment; it has to be refused."""
    monkeypatch.setenv(variable_of(name), value)
    with pytest.raises(ValidationError) as caught:
        Settings()
    told = first_fault(caught.value)
    assert told.startswith(f"{variable_of(name)}: ")
    assert "\n" not in told
    return told.removeprefix(f"{variable_of(name)}: ")


def test_there_are_numbers_and_switches_among_the_settings() -> None:
    assert {"port", "question_secs", "turn_cost_usd", "rate_per_minute"} <= set(NUMBERS)
    assert {"demo", "insecure", "replay"} <= set(SWITCHES)


@pytest.mark.parametrize("value", ["-1", "nan", "1e999", "-1e999", "9" * 30, "many", "0x10", "1,5"])
@pytest.mark.parametrize("name", NUMBERS)
def test_a_number_that_no_clock_and_no_budget_can_hold_is_refused(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    told = refusal(monkeypatch, name, value)
    assert value == "-1" or value not in told


@pytest.mark.parametrize("name", SWITCHES)
def test_a_switch_is_on_or_off(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    refusal(monkeypatch, name, "perhaps")


@pytest.mark.parametrize(
    "value", ["nonsense", "http://", "http://a b", "ftp://a", "http://a:port", "http://[::1", "//a"]
)
@pytest.mark.parametrize("name", URLS)
def test_an_address_that_nobody_can_be_asked_at_is_refused(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    refusal(monkeypatch, name, value)


def test_a_password_in_an_address_is_not_told(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "secret" not in refusal(monkeypatch, "gateway_url", "http://ann:secret@a b")
    monkeypatch.delenv(variable_of("gateway_url"))
    assert "secret" not in refusal(monkeypatch, "database_url", "mysql://ann:secret@host/db")


def test_the_defaults_are_within_the_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in NUMBERS:
        default = field_of(name).default
        assert default is None or math.isfinite(default)
        if default is not None:
            monkeypatch.setenv(variable_of(name), str(default))
    Settings()
