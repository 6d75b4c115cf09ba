"""What came of the checks of a server: for people, for CI, and as a badge."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

from rich import progress
from rich.console import Console
from rich.text import Text

from conform.report.files import printable
from conform.server import Finding, Report
from conform.spec import Tree

WORDS = {"held": ("ok", "green"), "failed": ("FAIL", "bold red"), "open": ("open", "yellow")}
COLOURS = ("yellow", "yellowgreen", "brightgreen")


class Shown:
    """Tells of each check as it is done, with a bar below them where somebody watches."""

    def __init__(self, console: Console, count: int) -> None:
        self._console = console
        self._bar = progress.Progress(
            progress.TextColumn("{task.description}"),
            progress.BarColumn(),
            progress.MofNCompleteColumn(),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self._task = self._bar.add_task("checks", total=count)

    def __enter__(self) -> Shown:
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def add(self, finding: Finding) -> None:
        """Tell of one check."""
        word, style = WORDS[finding.outcome]
        line = Text(f"{word:<5}", style=style)
        line.append(f" {finding.level}  {finding.rule:<12} {finding.title}", style="default")
        self._console.print(line, soft_wrap=True)
        for said in filter(None, [finding.why, *finding.frames]):
            self._console.print(Text(f"      {said}"), soft_wrap=True)
        if finding.outcome == "failed":
            self._console.print(Text(f"      again: --level {finding.level} --only {finding.name}"))
        self._bar.update(self._task, advance=1)


def summary(console: Console, report: Report, seconds: float) -> None:
    """The last lines: counts and level."""
    failed, unseen = report.count("failed"), report.count("open")
    console.print(
        f"version {report.version}: {report.count('held')} checks held, {failed} failed, "
        f"{unseen} open ({report.later} of later versions not asked), {seconds:.1f} s",
        soft_wrap=True,
    )
    style = "bold green" if report.level is not None else "bold yellow"
    console.print(Text(f"level {_level(report.level)}", style=style))


def _level(level: int | None) -> str:
    return "none" if level is None else str(level)


def write(tree: Tree, out: Path) -> None:
    """Write ``report.json``, ``junit.xml`` and ``badge.json`` (an endpoint of shields.io)."""
    out.mkdir(parents=True, exist_ok=True)
    _json(out / "report.json", tree)
    level = tree["level"]
    message = "no level" if level is None else f"level {level} of {tree['version']}"
    colour = "red" if level is None else COLOURS[level]
    badge = {"schemaVersion": 1, "label": "conform server", "message": message, "color": colour}
    _json(out / "badge.json", badge)
    _junit(tree, out)


def _json(path: Path, tree: Tree) -> None:
    path.write_text(json.dumps(tree, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def _junit(tree: Tree, out: Path) -> None:
    root = ElementTree.Element("testsuites", name="conform server")
    for level in sorted({row["level"] for row in tree["checks"]}):
        rows = [row for row in tree["checks"] if row["level"] == level]
        suite = ElementTree.SubElement(root, "testsuite", name=f"level {level}")
        for word, outcome in (("failures", "failed"), ("skipped", "open")):
            suite.set(word, str(sum(row["outcome"] == outcome for row in rows)))
        suite.set("tests", str(len(rows)))
        for row in rows:
            test = ElementTree.SubElement(suite, "testcase", name=row["name"])
            test.set("classname", row["rule"])
            test.set("time", str(row["seconds"]))
            if row["outcome"] != "held":
                word = "failure" if row["outcome"] == "failed" else "skipped"
                told = ElementTree.SubElement(test, word, message=printable(row["why"]))
                told.text = printable("\n".join(row["frames"]))
    ElementTree.indent(root)
    ElementTree.ElementTree(root).write(out / "junit.xml", encoding="utf-8", xml_declaration=True)
