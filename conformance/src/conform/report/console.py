"""The console report: what was played, what differs, where, and how to see it again."""

from __future__ import annotations

from collections import Counter

from rich import progress
from rich.console import Console
from rich.table import Table
from rich.text import Text

from conform import __version__
from conform.cutting import Axis
from conform.facts import PROTOCOLS
from conform.judge import Verdict
from conform.report.tree import OUTCOMES
from conform.run import Run, TesteeRun
from conform.script import Case
from conform.spec import Spec
from conform.testee import CANARIES
from conform.transcript import pointer_of

BAR = 10
LINE_WIDTH = 600
MAX_BLOCKS = 12


class Progress:
    """A bar an area while cases are played; shows nothing where nobody watches (no terminal)."""

    def __init__(self, console: Console, cases: list[Case], testees: int) -> None:
        self._bars = progress.Progress(
            progress.TextColumn("{task.description:<12}"),
            progress.BarColumn(bar_width=BAR),
            progress.MofNCompleteColumn(),
            progress.TextColumn("{task.fields[red]}", style="red"),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self._areas = {case.name: case.area for case in cases}
        totals = Counter(self._areas.values())
        self._tasks = {
            area: self._bars.add_task(area, total=totals[area] * testees, red="")
            for area in sorted(totals)
        }
        self._red: Counter[str] = Counter()

    def __enter__(self) -> Progress:
        self._bars.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bars.stop()

    def add(self, verdict: Verdict) -> None:
        """Count one verdict."""
        area = self._areas[verdict.case]
        self._red[area] += not verdict.passed
        red = f"{self._red[area]} not passed" if self._red[area] else ""
        self._bars.update(self._tasks[area], advance=1, red=red)


def heading(console: Console, run: Run) -> None:
    """Calibration line, testees line, plan."""
    c = run.calibration
    host = "too slow" if c.void else "ok"
    console.print(
        f"conform {__version__} · spec {run.version} · protocol {max(PROTOCOLS)} · host {host} "
        f"(spawn {c.spawn_ms:.0f} ms, rtt {c.rtt_ms:.2f} ms, timer +{c.overshoot_ms:.1f} ms)",
        highlight=False,
        soft_wrap=True,
    )
    labels = [t.label for t in run.testees if t.ran]
    caught = sum(len(t.caught) for t in run.testees)
    planned = sum(len(t.caught) + len(t.uncaught) for t in run.testees)
    canaries = f"   canaries {caught}/{planned} caught" if planned else ""
    console.print(
        f"testees  {'  '.join(labels) or 'none'}{canaries}", highlight=False, soft_wrap=True
    )
    runs = sum(len(t.verdicts) for t in run.testees)
    plan = f"plan     {len(run.cases)} cases × {len(labels)} testees = {runs} runs"
    console.print(plan, highlight=False)
    console.print()


def matrix(console: Console, run: Run) -> None:
    """Areas against clients: cases proven; a client that did not run says why."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("area")
    for testee in run.testees:
        table.add_column(testee.name, justify="right")
    table.add_column("equal", justify="right", style="dim")
    for area in [*sorted({case.area for case in run.cases}), "all"]:
        cases = [c for c in run.cases if area in (c.area, "all")]
        cells = [_cell(testee, cases) for testee in run.testees]
        table.add_row(area, *cells, _equal_cell(run, cases), end_section=area == "all")
    console.print(table)
    for testee in run.testees:
        if testee.missing:
            mend = f"; mend: {testee.mend}" if testee.mend else ""
            text = f"{testee.name}  not run: {testee.missing}{mend}"
            console.print(text, style="yellow", highlight=False, soft_wrap=True)
        elif testee.broken:
            text = f"{testee.name}  broken: {testee.broken}"
            console.print(text, style="red", highlight=False, soft_wrap=True)
            for line in testee.stderr[-3:]:
                console.print(f"    {line}", highlight=False, markup=False)
    console.print()


def _cell(testee: TesteeRun, cases: list[Case]) -> Text:
    if not testee.ran:
        return Text("not run", style="yellow")
    found = [testee.verdicts[c.name] for c in cases if c.name in testee.verdicts]
    good = sum(v.passed for v in found)
    return Text(f"{good}/{len(cases)}", style="green" if good == len(cases) else "red")


def _equal_cell(run: Run, cases: list[Case]) -> str:
    return f"{sum(run.equal(c.name) for c in cases)}/{len(cases)}"


def failures(console: Console, run: Run, spec: Spec) -> None:
    """One block for each case that is not proven, naming client, rule, step and difference."""
    blocks = [
        (case, [v for t in run.testees if (v := t.verdicts.get(case.name)) and shown_as_fault(v)])
        for case in run.cases
    ]
    blocks = [(case, bad) for case, bad in blocks if bad]
    for case, bad in blocks[:MAX_BLOCKS]:
        _block(console, run, spec, case, bad)
    if len(blocks) > MAX_BLOCKS:
        console.print(f"… and {len(blocks) - MAX_BLOCKS} more cases; all are in the report\n")


def shown_as_fault(verdict: Verdict) -> bool:
    """Whether people have to look at it: what a baseline knows, somebody has looked at."""
    return not verdict.passed and verdict.outcome != "known"


def _block(console: Console, run: Run, spec: Spec, case: Case, bad: list[Verdict]) -> None:
    first = bad[0]
    word = {"fail": "FAIL", "unsupported": "UNSUPPORTED", "void": "VOID"}[first.outcome]

    def print_(text: str, style: str = "") -> None:
        console.print(Text(text, style=style), soft_wrap=True)

    print_(f"{word} {case.name}   {_said(run, bad)}", "bold red")
    print_(f"  {case.title}")
    for rule in case.proves:
        print_(f"  {rule} {spec.rules[rule]}"[:LINE_WIDTH], "cyan")
    for verdict in bad:
        print_(f"  {verdict.testee}: {verdict.reason}")
        _difference(console, case, verdict)
    print_(f"  case       {case.shown_path}:{_line(case, first)}")
    testee = next(t for t in run.testees if t.name == first.testee)
    named = testee.flags or f"--testee {first.testee}"
    print_(f"  reproduce  conform run {named} --cases {case.name}{run.flags}")
    print_(f"  debug      conform stage {case.name}{run.flags.partition(' --case-root')[0]}")
    console.print()


def _said(run: Run, bad: list[Verdict]) -> str:
    """Who differs from whom, or who lacks something."""
    failed = [v.testee for v in bad if v.outcome == "fail"]
    if not failed:
        return f"{', '.join(v.testee for v in bad)} cannot play it"
    others = {v.testee for v in bad}
    good = [t.name for t in run.testees if t.ran and t.name not in others]
    verb = "differs" if len(failed) == 1 else "differ"
    return f"{', '.join(failed)} {verb} from {', '.join([*good, 'the oracle'])}"


def _line(case: Case, verdict: Verdict) -> int:
    return case.line if verdict.step is None else case.steps[verdict.step].line


def _difference(console: Console, case: Case, verdict: Verdict) -> None:
    if verdict.step is not None:
        step = case.steps[verdict.step]
        text = f"     step {verdict.step + 1} {step.kind} {step.body}"
        console.print(Text(text[:LINE_WIDTH]), soft_wrap=True)
    if verdict.expected or verdict.got:
        if at := pointer_of(verdict.expected, verdict.got):
            console.print(Text(f"     at      {at}"), soft_wrap=True)
        left, right = _around(verdict.expected, verdict.got)
        console.print(Text(f"     oracle  {left or '(nothing)'}", style="green"), soft_wrap=True)
        console.print(
            Text(f"   - {verdict.testee:<7} {right or '(nothing)'}", style="red"), soft_wrap=True
        )


def _around(left: str, right: str) -> tuple[str, str]:
    """Shorten two long lines to what stands around their first difference."""
    if max(len(left), len(right)) <= LINE_WIDTH:
        return left, right
    pairs = enumerate(zip(left, right, strict=False))
    at = next((i for i, (a, b) in pairs if a != b), min(len(left), len(right)))
    start = max(0, at - LINE_WIDTH // 2)
    cut = slice(start, start + LINE_WIDTH)
    dots = "…" if start else ""
    return dots + left[cut], dots + right[cut]


def summary(console: Console, run: Run, out: str, code: int) -> None:
    """The last lines: counts, equality, where the reports are."""
    verdicts = [v for t in run.testees for v in t.verdicts.values()]
    counts = {word: sum(v.outcome == word for v in verdicts) for word in OUTCOMES}
    ran = [t for t in run.testees if t.ran]
    equal = sum(run.equal(case.name) for case in run.cases)
    told = " · ".join(f"{count} {word}" for word, count in counts.items())
    console.print(
        f"{told} · {len(ran)} clients equal on {equal}/{len(run.cases)} cases",
        style="bold",
        highlight=False,
        soft_wrap=True,
    )
    if len(ran) < len(run.testees):
        console.print(
            f"{len(ran)} of {len(run.testees)} clients run", style="yellow", highlight=False
        )
    if run.void:
        console.print(f"VOID: nothing was proven: {run.void}", style="bold yellow", highlight=False)
    for line in run.stale:
        console.print(f"STALE {line}", style="bold red", highlight=False, soft_wrap=True)
    console.print(
        f"{run.seconds:.1f} s · report {out}/report.json · matrix {out}/matrix.html   exit {code}",
        highlight=False,
        soft_wrap=True,
    )


__all__ = ["BAR", "CANARIES", "failures", "heading", "matrix", "summary"]


def cuts(console: Console, axis: Axis) -> None:
    """How many cut points show what the uncut case shows; the others by their rule."""
    equal = sum(point.equal for point in axis.points)
    share = 100 * equal / max(1, len(axis.points))
    console.print(f"\ncuts     {equal} of {len(axis.points)} ({share:.1f} %) show the uncut case")
    for reason, count in Counter(p.reason for p in axis.points if p.reason).most_common():
        console.print(f"{count:>7}  {reason}")
    for point in axis.unexplained:
        console.print(f"   FAIL  {point.case.name}: neither equal nor by a rule")
    for what, count in (
        ("cases without cuts: no frame passes while there is a link", axis.without_link),
        ("cases without cuts: a limit of theirs is one of real time", axis.real_time),
        ("places between those of long cases are not cut", axis.between),
        ("cuts are those of another case, step for step", axis.same),
    ):
        if count:
            console.print(f"{count:>7}  {what}")


def gaps(console: Console, run: Run) -> None:
    """What is listed as lacking, and what is not and therefore fails."""
    for name, words in sorted(run.lacking.items()):
        console.print(f"lacks    {name}: {', '.join(sorted(words))} (lacking.yaml has the reasons)")
    for gap in run.gaps:
        console.print(f"GAP      {gap}")
