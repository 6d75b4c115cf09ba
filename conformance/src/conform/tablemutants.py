"""Mutants of the tables: each must change what some case expects, or be equivalent for a reason.

A row, a guard or an effect is dropped, or a target changed; then the oracle plays the cases that
came by that row. A change that no expectation shows is a part of the table that nothing proves.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path

from conform.coverage import effect_name, told
from conform.documents import CaseError, load_yaml
from conform.home import HOME
from conform.interpreter import Row, Tables, Watcher, load_tables
from conform.reader import Reader
from conform.script import Case
from conform.spec import Spec
from conform.story import Expectation, expect

LOOKS = 40  # cases that a mutant of the list is tried on, to see that it is still equivalent
EQUIVALENT = HOME / "mutants" / "tables.yaml"


@dataclass(frozen=True)
class TableMutant:
    """One change of one row."""

    name: str
    machine: str
    index: int
    row: Row | None  # None = dropped


class _Visits(Watcher):
    """Which rows a case came by."""

    def __init__(self) -> None:
        self.rows: set[tuple[str, int]] = set()

    def fired(self, machine: str, row: int) -> None:
        self.rows.add((machine, row))

    def asked(self, machine: str, row: int, guard: str, held: bool) -> None:  # noqa: ARG002
        self.rows.add((machine, row))


def mutants(tables: Tables, states: dict[str, list[str]]) -> Iterator[TableMutant]:
    """Yield every mutant of the tables; rows that are pending have none."""
    for name, machine in tables.machines.items():
        for index, row in enumerate(machine.rows):
            if row.pending:
                continue
            here = f"{name}: {told(row)}"
            yield TableMutant(f"drop row {here}", name, index, None)
            for guard in row.guards:
                left = tuple(each for each in row.guards if each != guard)
                yield TableMutant(
                    f"drop guard {guard} of {here}", name, index, replace(row, guards=left)
                )
            for at, effect in enumerate(row.effects):
                rest = row.effects[:at] + row.effects[at + 1 :]
                what = effect_name(effect).removeprefix(f"effect {name}: ")
                yield TableMutant(
                    f"drop effect {what} of {here}", name, index, replace(row, effects=rest)
                )
            for state in [None, *states[name]] if row.to else []:
                if state != row.to and row.sources != frozenset([state or ""]):
                    to = f"to {state}" if state else "to stay"
                    yield TableMutant(f"{to}: {here}", name, index, replace(row, to=state))


class TableMutator:
    """Plays mutants of the tables through the oracle."""

    def __init__(self, spec: Spec, reader: Reader, cases: Iterable[Case]) -> None:
        self.spec = spec
        self.reader = reader
        self.tables = load_tables(spec)
        self.sound: dict[str, Expectation] = {}
        self.by_row: dict[tuple[str, int], list[Case]] = {}
        for case in cases:
            visits = self.tables.watcher = _Visits()
            self.sound[case.name] = expect(spec, reader, case, self.tables)
            for row in visits.rows:
                self.by_row.setdefault(row, []).append(case)
        for visitors in self.by_row.values():
            visitors.sort(key=lambda case: (len(case.steps), case.name))
        self.tables.watcher = Watcher()

    def mutants(self) -> list[TableMutant]:
        """Every mutant."""
        machines = self.spec.machine["machines"]
        return list(mutants(self.tables, {name: list(m["states"]) for name, m in machines.items()}))

    def killer(self, mutant: TableMutant, looks: int | None = None) -> str | None:
        """The first case whose expectation changes; ``None`` when none of so many does."""
        machine = self.tables.machines[mutant.machine]
        rows = machine.rows
        kept = [mutant.row] if mutant.row else []
        machine.replace([*rows[: mutant.index], *kept, *rows[mutant.index + 1 :]])
        try:
            cases = self.by_row.get((mutant.machine, mutant.index), [])[:looks]
            return next((case.name for case in cases if self._changed(case)), None)
        finally:
            machine.replace(rows)

    def _changed(self, case: Case) -> bool:
        try:
            got = expect(self.spec, self.reader, case, self.tables)
        except CaseError:
            return True
        sound = self.sound[case.name]
        return (got.events, got.frames, got.closes) != (sound.events, sound.frames, sound.closes)


def load_equivalent(path: Path = EQUIVALENT) -> dict[str, str]:
    """Read ``mutants/tables.yaml``: patterns of mutants that change nothing, with the reason."""
    tree = load_yaml(path)
    entries = tree.get("equivalent") if isinstance(tree, dict) else None
    if not isinstance(entries, list):
        raise CaseError(f"{path}:1: needs `equivalent`, a list")
    found: dict[str, str] = {}
    for index, entry in enumerate(entries):
        if not isinstance(entry, dict) or not entry.get("mutant") or not entry.get("reason"):
            raise CaseError(f"{path}: /equivalent/{index}: needs mutant and reason")
        found[entry["mutant"]] = entry["reason"]
    return found


@dataclass
class TableScore:
    """What became of all mutants of the tables."""

    killed: dict[str, str]
    survived: list[str]
    equivalent: dict[str, str]
    idle: list[str]  # lines of the list that no surviving mutant needs


def play(mutator: TableMutator, equivalent: dict[str, str]) -> TableScore:
    """Play every mutant and hold the survivors against the list of equivalent ones."""
    score = TableScore({}, [], {}, [])
    used: set[str] = set()
    for mutant in mutator.mutants():
        pattern = next((p for p in equivalent if fnmatchcase(mutant.name, p)), None)
        killer = mutator.killer(mutant, None if pattern is None else LOOKS)
        if killer:
            score.killed[mutant.name] = killer
        elif pattern is None:
            score.survived.append(mutant.name)
        else:
            used.add(pattern)
            score.equivalent[mutant.name] = equivalent[pattern]
    score.idle = [pattern for pattern in equivalent if pattern not in used]
    return score
