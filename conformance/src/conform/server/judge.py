"""Which checks a server is asked, by its version, and what came of them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit, urlunsplit

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidHandshake, WebSocketException

from conform.server import calls, questions, turns
from conform.server.peer import SHOWN, STEP_SECONDS, CheckError, NotExercisedError, Peer, Setup
from conform.spec import Spec, Tree

Check = Callable[[Peer], Awaitable[None]]
FIRST = "1.0"
CHECKS: tuple[tuple[str, str, Check], ...] = (  # rule, version that has it, check
    ("REQ-SRV-01", FIRST, calls.check_ping),
    ("REQ-SRV-02", FIRST, calls.check_malformed),
    ("REQ-SRV-01", FIRST, calls.check_sessions),
    ("REQ-SRV-06", FIRST, calls.check_tolerance),
    ("REQ-SRV-12", FIRST, calls.check_history),
    ("REQ-SRV-09", FIRST, calls.check_verbs),
    ("REQ-SRV-03", FIRST, turns.check_turn),
    ("REQ-SRV-04", FIRST, turns.check_tool_chunks),
    ("REQ-SRV-08", FIRST, turns.check_unstreamed),
    ("REQ-SRV-12", FIRST, turns.check_pages),
    ("REQ-STOP-02", FIRST, turns.check_cancel),
    ("REQ-SRV-07", FIRST, turns.check_cancel_of_another),
    ("REQ-SRV-11", FIRST, turns.check_one_at_a_time),
    ("REQ-SRV-04", FIRST, questions.check_confirmation),
    ("REQ-FORM-01", FIRST, questions.check_form),
    ("REQ-OTP-02", FIRST, questions.check_codes),
    ("REQ-SRV-05", "1.1", calls.check_negotiation),
    ("REQ-CALL-08", "1.1", turns.check_resume),
    ("REQ-CALL-03", "1.1", turns.check_conversations),
    ("REQ-SRV-07", "1.1", questions.check_stale_confirmation),
    ("REQ-SRV-13", "1.2", questions.check_declined_code),
    ("REQ-SRV-14", "1.2", questions.check_empty_form),
    ("REQ-SRV-16", "1.2", calls.check_two_links),
    ("REQ-SRV-17", "1.2", calls.check_ids),
    ("REQ-SRV-20", "1.2", calls.check_words),
)


class NotReachableError(Exception):
    """There is no server to judge."""


@dataclass
class Finding:
    """Outcome of one check: ``held``, ``failed`` or ``open``, when nothing showed it."""

    rule: str
    title: str
    outcome: str = "held"
    why: str = ""
    frames: list[str] = field(default_factory=list)  # the last ones of the link, oldest first

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


async def judge_server(
    spec: Spec,
    url: str,
    setup: Setup | None = None,
    version: str | None = None,
    checks: Sequence[tuple[str, str, Check]] = CHECKS,
) -> Report:
    """Run every check of the server's version, or of ``version``, on a link of its own.

    Raises: NotReachableError: nobody answers at ``url``.
    """
    setup = setup or Setup()
    version = version or await _version(spec, url, setup)
    asked = [row for row in checks if _number(row[1]) <= _number(version)]
    findings = [await _judge(spec, url, setup, rule, check) for rule, _, check in asked]
    return Report(version, findings, len(checks) - len(asked))


async def _judge(spec: Spec, url: str, setup: Setup, rule: str, check: Check) -> Finding:
    finding = Finding(rule, (check.__doc__ or "").strip())
    peer = Peer(await _link(url), spec, setup)
    try:
        await check(peer)
    except CheckError as error:
        finding.outcome, finding.why = "failed", str(error)
        finding.frames = [f"{arrow} {text[:SHOWN]}" for arrow, text in peer.wire[-3:]]
    except NotExercisedError as error:
        finding.outcome, finding.why = "open", str(error)
    except WebSocketException as error:
        finding.outcome, finding.why = "failed", f"the link ended: {error}"
    finally:
        await peer.link.close()
    return finding


async def _version(spec: Spec, url: str, setup: Setup) -> str:
    """The version that a server shows: the highest ``spec_…`` word of its capabilities."""
    words = sorted(w for w in spec.capabilities if w.startswith("spec_"))
    peer = Peer(await _link(url), spec, setup, plain=False)
    try:
        told = (await peer.session(supports=words)).get("capabilities", [])
    except (CheckError, WebSocketException):
        return FIRST  # what is wrong is told by the checks
    finally:
        await peer.link.close()
    since = [str(spec.capabilities[w]["since"]) for w in words if w in told]
    return max(since, key=_number, default=FIRST)


def _number(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))


async def _link(url: str) -> ClientConnection:
    try:
        return await connect(
            url, compression=None, proxy=None, open_timeout=STEP_SECONDS, max_size=None
        )
    except (OSError, TimeoutError, InvalidHandshake, ValueError, WebSocketException) as error:
        raise NotReachableError(f"{without_query(url)}: {error or type(error).__name__}") from None


def without_query(url: str) -> str:
    """A URL as it may be shown: its query may hold a token."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return "the URL"
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def as_tree(report: Report) -> Tree:
    """The report for ``--json``."""
    rows = [
        {"rule": f.rule, "title": f.title, "outcome": f.outcome, "why": f.why, "frames": f.frames}
        for f in report.findings
    ]
    return {"version": report.version, "checks": rows, "later": report.later}
