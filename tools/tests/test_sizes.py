"""The size check: what counts, what is allowed, what is refused."""

from __future__ import annotations

import pytest
import sizes
from workshop import SetupError


def python_function(lines: int) -> str:
    return "def long() -> None:\n" + "    pass\n" * (lines - 1)


@pytest.mark.parametrize(
    ("name", "is_generated", "limit"),
    [
        ("go/turn.go", False, 600),
        ("go/turn_test.go", False, 800),
        ("rust/tests/turn.rs", False, 800),
        ("dotnet/tests/X.Tests/TurnTests.cs", False, 800),
        ("typescript/test/turn.test.ts", False, 800),
        ("go/wire_events.gen.go", True, 3000),
    ],
)
def test_limit_follows_the_role_of_the_file(name: str, is_generated: bool, limit: int) -> None:
    assert sizes.limit_of(name, is_generated=is_generated) == limit


def test_file_at_the_limit_passes_and_one_line_more_does_not() -> None:
    sources = {"a.go": "x\n" * 600, "b.go": "x\n" * 601, "c.gen.go": "x\n" * 601}
    found = sizes.measure(sources, {"c.gen.go"})
    assert [(one.key, one.lines) for one in found] == [("b.go", 601)]


def test_python_function_over_the_limit_is_named_with_its_line() -> None:
    source = "X = 1\n" + python_function(61)
    assert [(f.key, f.lines, f.line) for f in sizes.long_functions("a.py", source)] == [
        ("a.py:long", 61, 2)
    ]
    assert list(sizes.long_functions("a.py", python_function(60))) == []


def test_allowance_silences_its_excess_and_is_refused_when_not_needed() -> None:
    found = [sizes.TooLong("a.py:long", 61, 60, 2)]
    allowed = sizes.read_allowed("# reasons\na.py:long  one table\nb.py  gone\n")
    assert sizes.complaints(found, allowed) == [
        ".size-allow: b.py is no longer too long: take it out"
    ]
    assert sizes.complaints(found, {}) == ["a.py:2: 61 lines, 60 allowed (a.py:long)"]


def test_allowance_without_a_reason_is_refused() -> None:
    with pytest.raises(SetupError, match=r"\.size-allow:1: a\.py has no reason"):
        sizes.read_allowed("a.py\n")
