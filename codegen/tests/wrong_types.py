"""Every value of a file, replaced by one of another kind: how the change is told."""

from __future__ import annotations

import copy
import pickle
import traceback
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from wiregen import load
from wiregen.build import UNKNOWN_EVENT, build
from wiregen.contract import read_contract
from wiregen.errors import SpecError, join_pointer, pointer_path
from wiregen.lint import lint_folder
from wiregen.tables import read_errors, read_machines

Json = Any
Change = tuple[str, str, Json]
"""File, pointer and the value that is put there."""
KINDS: tuple[Json, ...] = (None, "x", 7, True, [], {})
"""One value of every kind; each takes the place of every value of another kind."""
ODD: tuple[Json, ...] = ("", -1, 0.5, [None], [7], ["x"], {"x": None}, {"": "x"})
"""Further ones, tried on every value as well."""
_parsed = load._parsed


def places(value: Json, pointer: str = "") -> Iterator[tuple[str, Json]]:
    """Yield every value of a file with its pointer, the root first."""
    yield pointer, value
    if isinstance(value, dict):
        for key, item in value.items():
            yield from places(item, join_pointer(pointer, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from places(item, join_pointer(pointer, index))


def wrong(value: Json) -> Iterator[tuple[str, Json]]:
    """Yield every place of a file with every value that it should not hold."""
    for pointer, there in places(value):
        for other in (*KINDS, *ODD):
            if other in ODD or type(other) is not type(there):
                yield pointer, other


def replaced(value: Json, pointer: str, other: Json) -> Json:
    """Return a copy in which another value stands at a place."""
    if not pointer:
        return copy.deepcopy(other)
    found = copy.deepcopy(value)
    *above, last = pointer_path(pointer)
    here = found
    for part in above:
        here = here[int(part)] if isinstance(here, list) else here[part]
    here[int(last) if isinstance(here, list) else last] = copy.deepcopy(other)
    return found


class Walk:
    """A specification whose files are parsed once, however often one of them is changed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.spec = build(folder)
        self._kept: dict[str, bytes] = {}
        tables = ("x-error-codes", "x-state-machines", "x-options", "x-capabilities")
        names = self.spec.store.names()
        document = next(it for it in names if it.startswith("asyncapi."))
        root = self.value(document)
        self.tables = {key: root[key] for key in tables if key in root}
        self.others = tuple(it for it in names if it not in self.tables.values())

    def value(self, name: str) -> Json:
        """Return what a file holds."""
        if name not in self._kept:
            text = (self.folder / name).read_text(encoding="utf-8")
            self._kept[name] = pickle.dumps(_parsed(text, name))
        return pickle.loads(self._kept[name])

    def fault(self, change: Change) -> str | None:
        """Return what is wrong with how a change is told; None when all is well."""
        name, pointer, other = change
        changed = replaced(self.value(name), pointer, other)

        def parsed(_: str, file: str) -> Json:
            return copy.deepcopy(changed) if file == name else self.value(file)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(load, "_parsed", parsed)
            if name in self.tables.values():
                found, refused = told(self._read_tables)
                if found or refused:
                    return found
            return told(lambda: lint_folder(self.folder))[0]

    def _read_tables(self) -> None:
        """Read the tables alone, which takes a tenth of the time."""
        store = load.Store(self.folder)
        events = [item.wire for item in self.spec.events]
        if name := self.tables.get("x-error-codes"):
            read_errors(store, name)
        machines = self.tables.get("x-state-machines")
        answers = read_machines(store, machines, set(events)).answers if machines else ()
        read_contract(
            store,
            self.tables,
            frames=(*events, UNKNOWN_EVENT),
            actions=frozenset(item.wire for item in self.spec.actions),
            answers=answers,
        )


@cache
def walk(folder: Path) -> Walk:
    """Return the walk over a folder, made once."""
    return Walk(folder)


def told(work: Callable[[], Any]) -> tuple[str | None, bool]:
    """Run something; return why its refusal is none, and whether it was refused."""
    try:
        work()
    except SpecError as err:
        for found in err.diagnostics:
            if not found.file or not found.message or "\n" in str(found):
                return f"not one line with a place: {found!r}", True
        return None, True
    except Exception as err:
        where = traceback.extract_tb(err.__traceback__)[-1]
        return f"{type(err).__name__}: {err} at {where.filename}:{where.lineno}", True
    return None, False
