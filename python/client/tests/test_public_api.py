"""What applications may import: the listing in testdata/api.txt, and nothing that is not in it."""

from __future__ import annotations

import dataclasses
import inspect
import pickle
import pkgutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import smooth_operator
from smooth_operator import testing, wire

LISTING = Path(__file__).parent / "testdata" / "api.txt"


def listing() -> str:
    """Return every public name with its signature or members, a line each."""
    lines: list[str] = []
    for module in (smooth_operator, testing):
        for name in sorted(module.__all__):
            lines += described(f"{module.__name__}.{name}", getattr(module, name))
    return "\n".join(lines) + "\n"


def described(name: str, value: Any) -> Iterator[str]:
    if inspect.isclass(value):
        bases = ", ".join(base.__name__ for base in value.__bases__ if base is not object)
        yield f"class {name}({bases})"
        if dataclasses.is_dataclass(value):
            yield from (
                f"  {name}.{field.name}: {field.type}" for field in dataclasses.fields(value)
            )
        elif hasattr(value, "__total__"):
            yield from (f"  {name}.{key}" for key in sorted(value.__annotations__))
        members = own(value)
        for member in sorted(members):
            yield from shown(f"{name}.{member}", members[member])
    elif inspect.isfunction(value):
        yield f"def {name}{inspect.signature(value)}"
    else:
        yield f"{name} = {value}"


def own(value: type) -> dict[str, Any]:
    """Return the public members of a class, those of bases that are not public among them."""
    found: dict[str, Any] = {}
    for base in reversed(value.__mro__):
        if base is value or base.__module__.startswith("smooth_operator._"):
            found |= {name: it for name, it in vars(base).items() if not name.startswith("_")}
    return found


def shown(name: str, member: Any) -> Iterator[str]:
    if isinstance(member, property):
        assert member.fget is not None
        yield f"  {name}: {inspect.signature(member.fget).return_annotation}"
        return
    member = getattr(member, "__func__", member)
    if inspect.isfunction(member):
        yield f"  def {name}{inspect.signature(member)}"


def test_the_public_names_are_those_of_the_listing(request: pytest.FixtureRequest) -> None:
    """`pytest --write-api` writes it anew; review the difference."""
    if request.config.getoption("--write-api"):
        LISTING.parent.mkdir(exist_ok=True)
        LISTING.write_text(listing(), encoding="utf-8")
    assert listing() == LISTING.read_text(encoding="utf-8")


def test_modules_are_private_but_for_those_that_applications_import() -> None:
    found = {module.name for module in pkgutil.iter_modules(smooth_operator.__path__)}
    assert {name for name in found if not name.startswith("_")} == {
        "cli",
        "otel",
        "testing",
        "wire",
    }


@pytest.mark.parametrize("module", [smooth_operator, testing], ids=lambda module: module.__name__)
def test_what_is_public_names_its_public_module_and_says_what_it_is(module: Any) -> None:
    for name in module.__all__:
        value = getattr(module, name)
        if inspect.isclass(value) or inspect.isfunction(value):
            assert value.__module__ == module.__name__, name
            assert inspect.getdoc(value), name
        for member, it in own(value).items() if inspect.isclass(value) else ():
            if inspect.isfunction(it) or isinstance(it, property):
                assert inspect.getdoc(it), f"{name}.{member}"


def test_an_error_can_be_pickled_and_its_text_names_the_public_module() -> None:
    error = smooth_operator.RateLimitedError("too many", code="RATE_LIMITED", request_id="r")
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), again.code, again.request_id) == (type(error), "RATE_LIMITED", "r")
    assert f"{type(error).__module__}.{type(error).__qualname__}" == (
        "smooth_operator.RateLimitedError"
    )


def test_the_import_loads_no_models() -> None:
    """They take longer than all the rest, and a program that only names the package needs none."""
    code = (
        "import sys, smooth_operator; from smooth_operator import SmoothAgentClient, Turn;"
        "print([it for it in ('pydantic', 'smooth_operator.wire.events') if it in sys.modules])"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "[]"


def test_events_are_importable_from_the_root() -> None:
    assert smooth_operator.StreamTokenEvent is wire.StreamTokenEvent
    assert smooth_operator.Event is wire.Event
    assert {name for name in dir(smooth_operator) if name.endswith("Event")} >= {
        row.model.__name__ for row in wire.EVENTS.values()
    }
    with pytest.raises(AttributeError, match="NoSuchEvent"):
        smooth_operator.NoSuchEvent  # type: ignore[attr-defined]  # noqa: B018


def test_every_name_of_the_wire_is_there_when_it_is_asked_for() -> None:
    assert [name for name in wire.__all__ if getattr(wire, name, None) is None] == []
    with pytest.raises(AttributeError, match="no_such_name"):
        wire.no_such_name  # noqa: B018
