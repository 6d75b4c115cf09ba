"""``report.json``: the run as one tree, checked by its schema before it is written."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema_rs

from conform import __version__
from conform.facts import PROTOCOLS
from conform.home import HOME, ROOT
from conform.judge import Verdict
from conform.run import Run, TesteeRun
from conform.script import Case
from conform.spec import Tree

OUTCOMES = ("pass", "fail", "unsupported", "known", "void")


def shown_path(path: Path) -> str:
    """A path as reports show it: from the root of the repository where it lies there."""
    return path.relative_to(ROOT).as_posix() if path.is_relative_to(ROOT) else str(path)


def build(run: Run, code: int) -> Tree:
    """Return the report of a run."""
    verdicts = [v for t in run.testees for v in t.verdicts.values()]
    ran = [t for t in run.testees if t.ran]
    counts = {word: sum(v.outcome == word for v in verdicts) for word in OUTCOMES}
    return {
        "harness": __version__,
        "spec": run.version,
        "protocol": max(PROTOCOLS),
        "seconds": round(run.seconds, 3),
        "exit": code,
        "void": run.void,
        "stale": run.stale,
        "host": {
            "spawnMs": round(run.calibration.spawn_ms, 2),
            "rttMs": round(run.calibration.rtt_ms, 3),
            "overshootMs": round(run.calibration.overshoot_ms, 2),
        },
        "counts": {
            "cases": len(run.cases),
            "planned": len(run.cases) * len(run.testees),
            "played": len(verdicts),
            **counts,
            "equal": sum(run.equal(case.name) for case in run.cases),
            "clients": len(run.testees),
            "clientsRun": len(ran),
        },
        "testees": [_testee(testee) for testee in run.testees],
        "cases": [_case(run, case) for case in run.cases],
    }


def _testee(testee: TesteeRun) -> Tree:
    told: Tree = {"name": testee.name, "ran": testee.ran}
    for word in ("version", "language", "runtime", "protocol", "features"):
        if word in testee.hello:
            told[word] = testee.hello[word]
    for word in ("missing", "mend", "broken"):
        if getattr(testee, word):
            told[word] = getattr(testee, word)
    if testee.caught or testee.uncaught:
        told["canaries"] = {"caught": testee.caught, "uncaught": testee.uncaught}
    return told


def _case(run: Run, case: Case) -> Tree:
    found = {t.name: t.verdicts[case.name] for t in run.testees if case.name in t.verdicts}
    return {
        "name": case.name,
        "title": case.title,
        "file": shown_path(case.path),
        "line": case.line,
        "level": case.level,
        "proves": list(case.proves),
        "equal": run.equal(case.name),
        "verdicts": {name: _verdict(case, verdict) for name, verdict in found.items()},
    }


def _verdict(case: Case, verdict: Verdict) -> Tree:
    told: Tree = {"outcome": verdict.outcome}
    if verdict.reason:
        told["reason"] = verdict.reason
    if verdict.step is not None:
        told["step"] = verdict.step + 1
        told["line"] = case.steps[verdict.step].line
    if verdict.expected or verdict.got:
        told["expected"], told["got"] = verdict.expected, verdict.got
    return {**told, "digest": verdict.digest, "seconds": round(verdict.seconds, 4)}


def fault(tree: Tree) -> str | None:
    """Say where a report breaks its schema; ``None`` when it does not."""
    schema = json.loads((HOME / "schema" / "report.schema.json").read_text(encoding="utf-8"))
    for error in jsonschema_rs.Draft202012Validator(schema).iter_errors(tree):
        return "/" + "/".join(map(str, error.instance_path)) + ": " + str(error.message)
    return None


def write(tree: Tree, out: Path) -> None:
    """Write ``report.json``."""
    found = fault(tree)
    if found:
        raise ValueError(f"report breaks its schema at {found}")
    out.mkdir(parents=True, exist_ok=True)
    text = json.dumps(tree, indent=1, ensure_ascii=False)
    (out / "report.json").write_text(text + "\n", encoding="utf-8", errors="surrogatepass")
