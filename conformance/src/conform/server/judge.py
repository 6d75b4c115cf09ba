"""Which checks a server is asked, by its version and the level, and what came of them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from websockets.exceptions import WebSocketException

from conform.server.hook import HookError, Scripts
from conform.server.peer import (
    ASKS,
    SHOWN,
    CheckError,
    NotExercisedError,
    NotReachableError,
    Service,
    Setup,
    number,
    without_query,
)
from conform.server.rules import CHECKS, FIRST, LEVELS, Check, Rule
from conform.spec import Spec, Tree

__all__ = ["CHECKS", "Check", "Finding", "NotReachableError", "Report", "Rule", "without_query"]


@dataclass
class Finding:
    """Outcome of one check: ``held``, ``failed`` or ``open``, when nothing showed it."""

    rule: str
    title: str
    outcome: str = "held"
    why: str = ""
    frames: list[str] = field(default_factory=list)  # the last ones of the links, oldest first
    level: int = 0
    name: str = ""
    seconds: float = 0.0

    @property
    def fault(self) -> str:
        """Why the rule did not hold; empty when it did, or when nothing showed it."""
        return self.why if self.outcome == "failed" else ""


@dataclass
class Report:
    """What a server is, and what it does."""

    version: str
    findings: list[Finding]
    later: int  # checks of later versions, which were not asked

    def count(self, outcome: str) -> int:
        """How many checks came out so."""
        return sum(finding.outcome == outcome for finding in self.findings)

    def reached(self) -> Iterator[int]:
        """The levels that the server has, lowest first: each held, and so did those below it.

        At level 0 a server without a model may leave open what takes one.
        """
        for level in LEVELS:
            told = {f.outcome for f in self.findings if f.level == level}
            if "held" not in told or "failed" in told or (level and "open" in told):
                return
            yield level

    @property
    def level(self) -> int | None:
        """The highest level that the server has."""
        return max(self.reached(), default=None)


async def judge_server(
    spec: Spec,
    url: str,
    setup: Setup | None = None,
    version: str | None = None,
    checks: Sequence[Rule] = CHECKS,
    hook: Scripts | None = None,
    tell: Callable[[Finding], None] | None = None,
) -> Report:
    """Run every check of the server's version, or of ``version``, on links of its own.

    With a hook the model says what each check needs; ``tell`` hears of each as it is done.

    Raises: NotReachableError: nobody answers at ``url``.
    """
    setup = setup or Setup()
    if hook:
        setup = replace(setup, asks={**ASKS, **setup.asks})
    shown = await _version(spec, url, setup)
    version = version or shown
    asked = [rule for rule in checks if number(rule.since) <= number(version)]
    findings = []
    for rule in asked:
        finding = await _judge(Service(spec, url, setup, version), rule, hook)
        findings.append(finding)
        if tell:
            tell(finding)
    return Report(version, findings, len(checks) - len(asked))


async def _judge(service: Service, rule: Rule, hook: Scripts | None) -> Finding:
    finding = Finding(rule.rule, rule.title, level=rule.level, name=rule.name)
    begun = _now()
    try:
        if hook and rule.script is not None:
            await hook.put(rule.script)
        elif rule.level == 1:
            raise NotExercisedError("say by --script-cmd or --script-url how a script is given")
        await rule.check(await service.open())
    except CheckError as error:
        finding.outcome, finding.why = "failed", str(error)
        finding.rule = error.rule or finding.rule
    except (NotExercisedError, HookError) as error:
        finding.outcome, finding.why = "open", str(error)
    except TimeoutError:
        finding.outcome, finding.why = "failed", "it did not come to its end in time"
    except WebSocketException as error:
        finding.outcome, finding.why = "failed", f"the link ended: {error}"
    except NotReachableError as error:
        finding.outcome, finding.why = "failed", f"no further link is opened: {error}"
    except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
        why = f"an answer lacks what its check looks at: {error!r}"
        finding.outcome, finding.why = "failed", why
    finally:
        await service.close()
    if finding.outcome == "failed":
        finding.frames = [f"{arrow} {text[:SHOWN]}" for arrow, text in service.wire[-4:]]
    finding.seconds = _now() - begun
    return finding


def _now() -> float:
    return asyncio.get_running_loop().time()


async def _version(spec: Spec, url: str, setup: Setup) -> str:
    """The version that a server shows: the highest ``spec_…`` word of its capabilities."""
    words = sorted(w for w in spec.capabilities if w.startswith("spec_"))
    service = Service(spec, url, setup)
    peer = await service.open(plain=False)
    try:
        told = (await peer.session(supports=words)).get("capabilities", [])
    except (CheckError, WebSocketException):
        return FIRST  # what is wrong is told by the checks
    finally:
        await service.close()
    since = [str(spec.capabilities[w]["since"]) for w in words if w in told]
    return max(since, key=number, default=FIRST)


def as_tree(report: Report, **more: Any) -> Tree:
    """The report for ``--json``."""
    rows = [
        {
            "rule": f.rule,
            "name": f.name,
            "level": f.level,
            "title": f.title,
            "outcome": f.outcome,
            "why": f.why,
            "frames": f.frames,
            "seconds": round(f.seconds, 3),
        }
        for f in report.findings
    ]
    return {
        "version": report.version,
        "level": report.level,
        "checks": rows,
        "later": report.later,
        **more,
    }
