"""``faults.md`` and ``faults.html``: what each client does when something goes wrong.

The rows are those of ``faults.yaml``; what stands in a client's column is read from its own
transcript, so that a difference shows as one.
"""

from __future__ import annotations

import html
import json
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from conform.documents import CaseError, load_yaml
from conform.home import HOME
from conform.run import Run
from conform.spec import Tree

ROWS = HOME / "faults.yaml"
QUIET = "goes on"  # nothing but what would have come without the fault
STYLE = """
:root { color-scheme: light dark; font: 15px/1.45 system-ui, sans-serif; }
body { margin: 2rem auto; max-width: 90rem; padding: 0 1rem; }
table { border-collapse: collapse; width: 100%; }
th, td { border: 1px solid color-mix(in srgb, currentColor 25%, transparent); }
th, td { padding: .3rem .5rem; text-align: left; vertical-align: top; }
td.differs { outline: 3px solid #c22; }
h2 { margin-top: 2rem; } div { overflow-x: auto; } code { font-size: .9em; }
"""


@dataclass(frozen=True)
class Row:
    """One fault, with what each client does."""

    group: str
    fault: str
    case: str
    told: dict[str, str]

    @property
    def equal(self) -> bool:
        """Whether all clients do the same."""
        return len(set(self.told.values())) == 1


def rows(run: Run, path: Path = ROWS) -> list[Row]:
    """Rows of the page for the cases that were played."""
    found = []
    for entry in _entries(path):
        for case in run.cases:
            if not fnmatchcase(case.name, entry["cases"]):
                continue
            told = {
                testee.name: described(testee.verdicts[case.name].transcript)
                for testee in run.testees
                if case.name in testee.verdicts
            }
            fault = entry["fault"].format(case.name.rpartition("/")[2].replace("-", " "))
            if told:
                found.append(Row(entry["group"], fault, case.name, told))
    return found


def _entries(path: Path) -> list[dict[str, str]]:
    tree = load_yaml(path)
    entries = tree.get("faults") if isinstance(tree, dict) else None
    if not isinstance(entries, list):
        raise CaseError(f"{path}:1: needs `faults`, a list")
    for index, entry in enumerate(entries):
        missing = {"group", "fault", "cases"} - {*entry} if isinstance(entry, dict) else {"group"}
        if missing:
            raise CaseError(f"{path}: /faults/{index}: needs {min(missing)}")
    return entries


def described(transcript: list[str]) -> str:
    """What a client showed of a fault, in a line."""
    parts = [part for line in transcript for part in _parts(json.loads(line))]
    return "; ".join(dict.fromkeys(parts)) or QUIET


def _parts(event: Tree) -> Iterator[str]:
    error = event.get("error") or {}
    match event["ev"]:
        case "state" if event["reason"] not in ("connect", "close") and event["from"] != "idle":
            if (event["from"], event["to"]) != ("connecting", "open"):
                yield _state(event)
        case "ended":
            kind = f" with {error['kind']}" if error else ""
            yield f"turn {event['outcome']}{kind}"
        case "returned" if error:
            yield f"{event['as']}: {error['kind']}"
        case "item" | "pushed" if event.get("unknown"):
            at = event.get("problem", {}).get("pointer")
            yield f"shown as unknown ({at})" if at else "shown as unknown"


def _state(event: Tree) -> str:
    facts = [event["reason"], *(str(event[n]) for n in ("code", "cause") if n in event)]
    if "retryInMs" in event:
        facts.append(f"attempt {event['attempt']} in {event['retryInMs']} ms")
    return f"{event['to']} ({', '.join(facts)})"


def write(run: Run, out: Path) -> None:
    """Write both forms; nothing where no row was played."""
    found = rows(run)
    if not found:
        return
    clients = [testee.name for testee in run.testees if testee.ran]
    (out / "faults.md").write_text(_markdown(found, clients), encoding="utf-8")
    (out / "faults.html").write_text(_page(found, clients, run.version), encoding="utf-8")


def _groups(found: list[Row]) -> Iterator[tuple[str, list[Row]]]:
    for group in dict.fromkeys(row.group for row in found):
        yield group, [row for row in found if row.group == group]


def _markdown(found: list[Row], clients: list[str]) -> str:
    lines = ["# What goes wrong, and what the clients do", ""]
    for group, some in _groups(found):
        lines += [f"## {group}", "", "| fault | " + " | ".join(clients) + " |"]
        lines += ["|---" * (len(clients) + 1) + "|"]
        for row in some:
            cells = (row.told.get(name, "not run") for name in clients)
            lines.append(f"| {row.fault} | " + " | ".join(cells) + " |")
        lines.append("")
    return "\n".join(lines).replace("<", "&lt;")


def _page(found: list[Row], clients: list[str], version: str) -> str:
    same = sum(row.equal for row in found)
    parts = [
        "<!doctype html><html lang=en><meta charset=utf-8>",
        '<meta name=viewport content="width=device-width">',
        f"<title>Faults · smooth-operator {html.escape(version)}</title><style>{STYLE}</style>",
        "<h1>What goes wrong, and what the clients do</h1>",
        f"<p>{same} of {len(found)} rows alike in {len(clients)} clients, read from the",
        f"transcripts of one run; specification {html.escape(version)}.</p>",
    ]
    for group, some in _groups(found):
        heads = "".join(f"<th scope=col>{html.escape(name)}" for name in ["fault", *clients])
        parts += [f"<h2>{html.escape(group)}</h2><div><table><thead><tr>{heads}</thead><tbody>"]
        parts += [_line(row, clients) for row in some]
        parts.append("</tbody></table></div>")
    return "\n".join(parts) + "\n"


def _line(row: Row, clients: list[str]) -> str:
    mark = "" if row.equal else " class=differs"
    cells = "".join(f"<td{mark}>{html.escape(row.told.get(name, 'not run'))}" for name in clients)
    head = f"{html.escape(row.fault)}<br><code>{html.escape(row.case)}</code>"
    return f"<tr><th scope=row>{head}</th>{cells}</tr>"
