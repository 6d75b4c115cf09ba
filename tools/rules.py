"""Who holds which rule: every REQ id of spec/behaviour.md against the tests and cases that cite it.

A client rule is held when a conformance case proves it or a unit test in each of the five
languages cites it; a server rule when a case or a test of the server does. A rule that nobody
holds is an error, and so is an id that spec/behaviour.md does not have, wherever it stands. A rule
that is decided before it is built stands in tools/unproven.toml with its reason, for as long as
nobody holds it.

    python3 tools/rules.py                      the table, then the errors
    python3 tools/rules.py --where REQ-TURN-07  its sentence and every place that cites it
"""

from __future__ import annotations

import argparse
import re
import sys
import tomllib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from languages import LANGUAGES
from tree import files, is_test
from workshop import ROOT, SetupError

BEHAVIOUR = "spec/behaviour.md"
UNPROVEN = "tools/unproven.toml"
SENTENCE = re.compile(r"^- \*\*(REQ-[A-Z]+-\d+)\*\* \((MUST|SHOULD), (client|server)\) (.+)$")
# `REQ-TURN-07` in prose, `REQ_TURN_07` and `req_turn_07` in names; `req-1` is a requestId.
CITED = re.compile(r"REQ[-_]([A-Z]+)[-_](\d+)|(?<![A-Za-z])req_([a-z]+)_(\d{2})(?=_|\b)")
TEXT = {".py", ".ts", ".go", ".cs", ".rs", ".md", ".yaml", ".yml", ".json", ".jinja", ".j2", ".js"}

# The first prefix that fits says whose file it is.
OWNERS = (
    ("conformance/cases/", "case"),
    ("conformance/scripts/", "case"),
    ("python/client/", "python"),
    ("python/server/", "server"),
    ("typescript/", "typescript"),
    ("go/", "go"),
    ("dotnet/", "dotnet"),
    ("rust/", "rust"),
    ("conformance/", "harness"),
    ("codegen/", "generator"),
    ("spec/", "spec"),
)
UNSEEN = ("tools/", "codegen/tests/", "conformance/tests/", "spec/vectors/", "released/")
"""Folders whose text may hold made-up ids, or ids by the thousand."""


@dataclass(frozen=True)
class Rule:
    """One sentence of spec/behaviour.md."""

    id: str
    level: str
    party: str
    sentence: str
    line: int


@dataclass(frozen=True)
class Citation:
    """A place that names a rule: ``kind`` is test, case or code."""

    id: str
    path: str
    line: int
    owner: str
    kind: str


def read_rules(text: str) -> dict[str, Rule]:
    """Return the rules of spec/behaviour.md in their order.

    Raises: SetupError: an id stands there twice, or a list item with an id has another form.
    """
    found: dict[str, Rule] = {}
    for number, line in enumerate(text.splitlines(), 1):
        match = SENTENCE.match(line)
        if match is None:
            if line.startswith("- **REQ"):
                raise SetupError(f"{BEHAVIOUR}:{number}: not `- **REQ-AREA-NN** (MUST, client) …`")
            continue
        id_, level, party, sentence = match.groups()
        rule = Rule(id_, level, party, sentence, number)
        if rule.id in found:
            raise SetupError(f"{BEHAVIOUR}:{number}: {rule.id} is there twice")
        found[rule.id] = rule
    if not found:
        raise SetupError(f"{BEHAVIOUR}: no rule found")
    return found


def citations(path: str, text: str) -> Iterable[Citation]:
    """Yield every rule id that ``text`` names, in prose or as part of a test's name."""
    owner = next((who for prefix, who in OWNERS if path.startswith(prefix)), "")
    kind = "case" if owner == "case" else "test" if is_test(path) else "code"
    for number, line in enumerate(text.splitlines(), 1):
        if path.endswith(".rs") and line.strip() == "#[cfg(test)]":
            kind = "test"  # Rust keeps unit tests at the end of the file that they test
        for match in CITED.finditer(line):
            area, digits = match.group(1) or match.group(3), match.group(2) or match.group(4)
            yield Citation(f"REQ-{area.upper()}-{digits}", path, number, owner, kind)


def all_citations() -> list[Citation]:
    """Return the citations of every text file of the checkout but spec/behaviour.md."""
    return [
        one
        for name in files()
        if Path(name).suffix in TEXT and name != BEHAVIOUR and not name.startswith(UNSEEN)
        for one in citations(name, (ROOT / name).read_text(encoding="utf-8"))
    ]


def holders(rule: Rule, cited: Sequence[Citation]) -> Counter[str]:
    """Count the tests per language, and the cases, that cite ``rule``."""
    return Counter(
        "case" if one.kind == "case" else one.owner
        for one in cited
        if one.id == rule.id and one.kind in ("test", "case")
    )


def lacking(rule: Rule, held: Counter[str]) -> str:
    """Return what ``rule`` still lacks to be held; empty when it is held."""
    if held["case"]:
        return ""
    if rule.party == "server":
        return "" if held["server"] else "no case, no server test"
    missing = [name for name in LANGUAGES if not held[name]]
    return f"no case, no test in {', '.join(missing)}" if missing else ""


def table(rules: Iterable[Rule], cited: Sequence[Citation]) -> list[str]:
    """Return the table: a line per rule, a column per language with the number of citing tests."""
    columns = ("case", *LANGUAGES, "server")
    lines = [f"{'rule':15}" + "".join(f"{name:>11}" for name in columns)]
    for rule in rules:
        held = holders(rule, cited)
        cells = "".join(f"{held[name] or '·':>11}" for name in columns)
        lines.append(f"{rule.id:15}{cells}  {lacking(rule, held)}".rstrip())
    return lines


def read_unproven(text: str, rules: dict[str, Rule]) -> dict[str, str]:
    """Return the rules that may still be held by nobody, with the reason of each.

    Raises: SetupError: not TOML of `[unproven]` with one reason an id, or an id that is no rule.
    """
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as err:
        raise SetupError(f"{UNPROVEN}: not TOML: {err}") from err
    table = data.get("unproven", {})
    if data.keys() - {"unproven"} or not isinstance(table, dict):
        raise SetupError(f"{UNPROVEN}: holds the table [unproven] and nothing else")
    for id_, reason in table.items():
        if id_ not in rules:
            raise SetupError(f"{UNPROVEN}: {id_} is not in {BEHAVIOUR}")
        if not isinstance(reason, str) or not reason.strip():
            raise SetupError(f"{UNPROVEN}: {id_} needs a reason")
    return table


def check(
    rules: dict[str, Rule], cited: Sequence[Citation], unproven: Iterable[str] = ()
) -> list[str]:
    """Return one line per error: unknown ids with their places, rules that nobody holds."""
    excused = frozenset(unproven)
    unknown = [
        f"{one.path}:{one.line}: {one.id} is not in {BEHAVIOUR}"
        for one in cited
        if one.id not in rules
    ]
    bare = [
        f"{BEHAVIOUR}:{rule.line}: {rule.id}: {lack}"
        for rule in rules.values()
        if rule.id not in excused and (lack := lacking(rule, holders(rule, cited)))
    ]
    return unknown + bare


def now_held(
    rules: dict[str, Rule], cited: Sequence[Citation], unproven: Iterable[str]
) -> list[str]:
    """Return a note for each rule of tools/unproven.toml that is held by now."""
    return [
        f"{UNPROVEN}: {id_} is held now; take its line out"
        for id_ in unproven
        if not lacking(rules[id_], holders(rules[id_], cited))
    ]


def where(rule: Rule, cited: Sequence[Citation]) -> list[str]:
    """Return the sentence of ``rule`` and every place that cites it, grouped by kind."""
    lines = [f"{rule.id} ({rule.level}, {rule.party})  {BEHAVIOUR}:{rule.line}", rule.sentence]
    for kind, title in (("code", "code"), ("test", "tests"), ("case", "cases")):
        places = [
            f"  {one.path}:{one.line}" for one in cited if (one.id, one.kind) == (rule.id, kind)
        ]
        lines += ["", f"{title}:", *(places or ["  none"])]
    return lines


def main(argv: list[str] | None = None) -> int:
    """Command line entry; returns the exit status."""
    parser = argparse.ArgumentParser(description="Which test holds which rule.")
    parser.add_argument("--where", metavar="REQ-AREA-NN", help="show one rule and its places")
    args = parser.parse_args(argv)
    try:
        rules = read_rules((ROOT / BEHAVIOUR).read_text(encoding="utf-8"))
        unproven = read_unproven((ROOT / UNPROVEN).read_text(encoding="utf-8"), rules)
        cited = all_citations()
    except (SetupError, OSError) as problem:
        print(f"rules: {problem}", file=sys.stderr)
        return 1
    if args.where is not None:
        rule = rules.get(args.where.upper())
        if rule is None:
            hint = "usage: make where RULE=REQ-TURN-07"
            print(
                f"rules: no rule {args.where or '(empty)'} in {BEHAVIOUR}; {hint}", file=sys.stderr
            )
            return 2
        print("\n".join(where(rule, cited)))
        return 0
    print("\n".join(table(rules.values(), cited)))
    bad = check(rules, cited, unproven)
    for line in (*bad, *now_held(rules, cited, unproven)):
        print(line, file=sys.stderr)
    counts = f"{len(cited)} citations, {len(unproven)} unproven, {len(bad)} errors"
    print(f"rules: {len(rules)} rules, {counts}")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
