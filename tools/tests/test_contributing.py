"""What CONTRIBUTING says of the clients is there: a token's hops, the same in five languages."""

from __future__ import annotations

import re

import pytest
from rooms import CLIENTS
from workshop import ROOT

PAGE = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
HOPS = ("transport", "connection", "router", "turn state", "turn items", "iterator")
TABLE = PAGE[PAGE.index("| hop |") :].split("\n\n", maxsplit=1)[0].splitlines()
COLUMNS = {"Python": "python", "TypeScript": "typescript", "Go": "go", ".NET": "dotnet"}


def cells(row: str) -> list[str]:
    return [cell.strip() for cell in row.strip("|").split("|")]


def test_the_hops_are_those_of_the_house() -> None:
    assert [cells(row)[0].partition(":")[0] for row in TABLE[2:]] == list(HOPS)
    assert len(cells(TABLE[0])) == 1 + len(CLIENTS)


@pytest.mark.parametrize("column", range(1, 6))
@pytest.mark.parametrize("hop", range(len(HOPS)))
def test_a_hop_names_a_file_and_what_is_declared_in_it(hop: int, column: int) -> None:
    language = cells(TABLE[0])[column]
    client = next(it for it in CLIENTS if it.language == COLUMNS.get(language, language.lower()))
    found = re.fullmatch(r"`([^`]+)` `([^`]+)`", cells(TABLE[2 + hop])[column])
    assert found, (language, HOPS[hop])
    file, name = found.groups()
    text = (ROOT / client.source / file).read_text(encoding="utf-8")
    declared = rf"^[^\n/#*]*(?:def |fn |func (?:\([^)]*\) )?|^ +(?:async )?|[\w>\]?)] ){name}\("
    assert re.search(declared, text, flags=re.MULTILINE), f"{file} declares no {name}"
