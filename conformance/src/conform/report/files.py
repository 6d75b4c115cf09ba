"""Reports for other programs: JUnit for CI, Markdown for a job's page, a badge for a README."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

from conform.spec import Tree

MOST = 20  # failures that a job page shows


def junit(tree: Tree, out: Path) -> None:
    """Write ``junit.xml``: a suite for each client, a test for each case."""
    root = ElementTree.Element("testsuites", name="conform")
    for testee in tree["testees"]:
        name = testee["name"]
        found = [(case, case["verdicts"].get(name)) for case in tree["cases"]]
        suite = ElementTree.SubElement(root, "testsuite", name=name, tests=str(len(found)))
        failed = 0
        for case, verdict in found:
            area, _, rest = case["name"].partition("/")
            test = ElementTree.SubElement(suite, "testcase", classname=f"{name}.{area}", name=rest)
            test.set("file", case["file"])
            test.set("line", str((verdict or {}).get("line", case["line"])))
            if verdict is None:
                why = testee.get("missing") or testee.get("broken") or "not run"
                ElementTree.SubElement(test, "error", message=f"not run: {why}")
                continue
            test.set("time", str(verdict["seconds"]))
            if verdict["outcome"] == "known":
                ElementTree.SubElement(test, "skipped", message=printable(verdict["reason"]))
            elif verdict["outcome"] != "pass":
                failed += 1
                element = ElementTree.SubElement(test, "failure", message=verdict["reason"])
                told = f"oracle  {verdict.get('expected', '')}\n{name}  {verdict.get('got', '')}"
                element.text = printable(told)
        suite.set("failures", str(failed))
        suite.set("skipped", str(len(suite.findall("testcase/skipped"))))
    ElementTree.indent(root)
    ElementTree.ElementTree(root).write(out / "junit.xml", encoding="utf-8", xml_declaration=True)


def badge(tree: Tree, out: Path) -> None:
    """Write ``badge.json``, an endpoint of shields.io: the cases that every client proved."""
    cases = tree["cases"]
    proven = sum(_proven(case) for case in cases)
    message = f"{proven} of {len(cases)} cases of {tree['spec']}"
    colour = {0: "brightgreen" if proven == len(cases) else "green", 4: "yellow"}
    told = {
        "schemaVersion": 1,
        "label": "conform",
        "message": "nothing proven" if tree["void"] else message,
        "color": "lightgrey" if tree["void"] else colour.get(tree["exit"], "red"),
    }
    text = json.dumps(told, indent=1, ensure_ascii=False)
    (out / "badge.json").write_text(text + "\n", encoding="utf-8")


def _proven(case: Tree) -> bool:
    found = case["verdicts"].values()
    return bool(found) and all(verdict["outcome"] == "pass" for verdict in found)


def printable(text: str) -> str:
    """XML has no place for most control characters and for lone surrogates."""
    kept = (c if c in "\t\n" or " " <= c < "\ud800" or c > "\udfff" else "\ufffd" for c in text)
    return "".join(kept)


def markdown(tree: Tree, out: Path) -> None:
    """Write ``summary.md``."""
    counts = tree["counts"]
    clients = counts["clientsRun"]
    lines = [
        f"### Conformance: {clients} clients equal on {counts['equal']}/{counts['cases']} cases",
        "",
        "| area | " + " | ".join(t["name"] for t in tree["testees"]) + " |",
        "|---" * (len(tree["testees"]) + 1) + "|",
    ]
    areas = sorted({case["name"].split("/")[0] for case in tree["cases"]})
    for area in areas:
        cases = [c for c in tree["cases"] if c["name"].startswith(area + "/")]
        cells = [_cell(cases, t) for t in tree["testees"]]
        lines.append(f"| {area} | " + " | ".join(cells) + " |")
    lines += ["", *_not_run(tree), *_failures(tree)]
    lines += [f"- **stale**: {line}" for line in tree["stale"]]
    if tree["void"]:
        lines.append(f"**VOID: {tree['void']}**")
    (out / "summary.md").write_text("\n".join(lines).rstrip() + "\n", encoding="utf-8")


def _cell(cases: list[Tree], testee: Tree) -> str:
    if not testee["ran"]:
        return "not run"
    found = [c["verdicts"].get(testee["name"]) for c in cases]
    good = sum(v is not None and v["outcome"] == "pass" for v in found)
    return f"{good}/{len(cases)}" if good == len(cases) else f"**{good}/{len(cases)}**"


def _not_run(tree: Tree) -> list[str]:
    return [
        f"- `{t['name']}` not run: {t['missing']}"
        + (f"; mend: `{t['mend']}`" if t.get("mend") else "")
        for t in tree["testees"]
        if t.get("missing")
    ]


def _failures(tree: Tree) -> list[str]:
    told = [
        f"- `{case['name']}` {name}: {verdict['reason']} ({case['file']}:{verdict.get('line', 1)})"
        for case in tree["cases"]
        for name, verdict in case["verdicts"].items()
        if verdict["outcome"] not in ("pass", "known")
    ]
    more = [f"- … and {len(told) - MOST} more"] if len(told) > MOST else []
    return told[:MOST] + more
