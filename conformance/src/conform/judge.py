"""Verdicts: stage satisfied, transcript equal to the oracle's, siblings equal, nothing escaped."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from itertools import zip_longest

from conform.expected import expected_lines, step_of
from conform.facts import secrets_of, texts
from conform.play import Played
from conform.script import Case
from conform.sentences import Sentences
from conform.story import Expectation
from conform.transcript import canonical, digest, first_difference

# "skip" is no word here: what was not proven is not green.
OUTCOMES = ("pass", "fail", "void", "unsupported", "known")


@dataclass
class Verdict:
    """Outcome of one case for one testee.

    ``digest`` is that of the transcript, ``shared`` of the part that every version of the testee
    protocol can say.
    """

    case: str
    testee: str
    outcome: str
    reason: str = ""
    step: int | None = None
    expected: str = ""
    got: str = ""
    digest: str = ""
    shared: str = ""
    protocol: int = 2
    seconds: float = 0.0
    transcript: list[str] = field(default_factory=list)
    wire: list[str] = field(default_factory=list)

    @property
    def passed(self) -> bool:
        """Whether the case was proven."""
        return self.outcome == "pass"


def judge(
    case: Case,
    testee: str,
    expected: Expectation,
    played: Played,
    sentences: Sentences | None = None,
) -> Verdict:
    """Weigh what was observed in one case.

    ``sentences`` are compared where the case is about them: a client that comes from elsewhere may
    say things in its own words and fails those cases alone.
    """
    protocol, merging = played.protocol, expected.merging
    wanted = expected_lines(expected, protocol=protocol)
    lines = canonical(played.events, protocol=protocol, merging=merging)
    verdict = Verdict(case.name, testee, "pass", seconds=played.seconds, protocol=protocol)
    verdict.transcript, verdict.wire, verdict.digest = lines, played.wire, digest(lines)
    verdict.shared = digest(canonical(played.events, protocol=1, merging=merging))
    difference = first_difference(wanted, lines)
    escaped = [e["what"] for e in played.events if e["ev"] == "unhandled"]
    if escaped:
        return _fail(verdict, f"an exception escaped: {escaped[0]}", None, difference)
    if played.faults:
        return _fail(verdict, f"protocol of the testee: {played.faults[0]}", None, difference)
    if played.problems:
        index, text = played.problems[0]
        difference = first_difference(expected_lines(expected, index, protocol), lines, cut=True)
        return _fail(verdict, text, index, difference)
    if difference:
        step = step_of(expected, difference[0], protocol) if difference[0] else None
        return _fail(verdict, "the transcript differs from the oracle's", step, difference)
    if leak := secrets_of(case).leak(texts(played.events)):
        return _fail(verdict, leak, None, None)
    worded = sentences if sentences and "REQ-ERR-07" in case.proves else None
    if worded and (fault := worded.fault(played.events)):
        return _fail(verdict, fault, None, None)
    if not wanted:
        return _fail(verdict, "the case expects nothing: it proves nothing", None, None)
    closes = sorted((client, code) for _, client, code in expected.closes)
    if sorted(played.closes) != closes:
        return _fail(verdict, f"close codes: expected {closes}, got {played.closes}", None, None)
    return verdict


def _fail(
    verdict: Verdict, reason: str, step: int | None, difference: tuple[str, str] | None
) -> Verdict:
    verdict.outcome, verdict.reason, verdict.step = "fail", reason, step
    if difference:
        verdict.expected, verdict.got = difference
    return verdict


PLATFORM = frozenset(["close_1002", "close_1007", "close_1009", "handshake_status"])
"""Words for what a platform may not let any program do; a testee that says nothing can."""


def unsupported(case: Case, testee: str, features: dict[str, object]) -> Verdict | None:
    """A verdict when the testee lacks a feature that the case needs; ``None`` when it has all."""
    for word in case.needs:
        declared = features.get(word, word in PLATFORM)
        if declared is True:
            continue
        if isinstance(declared, dict):
            return Verdict(case.name, testee, "unsupported", f"{word}: {declared.get('reason')}")
        return Verdict(case.name, testee, "fail", f"not testable: {word} is not declared")
    return None


def siblings_equal(verdicts: list[Verdict]) -> bool:
    """Whether all testees that played a case showed one and the same transcript.

    Testees of different protocols are compared by what all of them can say.
    """
    played = [v for v in verdicts if v.outcome in ("pass", "fail", "known")]
    mixed = len({v.protocol for v in played}) > 1
    hashes = {v.shared if mixed else v.digest for v in played}
    return bool(played) and len(hashes) == 1 and "" not in hashes


def judge_siblings(verdicts: list[Verdict]) -> None:
    """Fail whoever passed with another transcript than most; the oracle alone is no proof."""
    passed = [v for v in verdicts if v.passed]
    if not passed or siblings_equal(passed):
        return
    common, _ = Counter(v.shared for v in passed).most_common(1)[0]
    model = next(v for v in passed if v.shared == common)
    for verdict in passed:
        if verdict.shared != common:
            pairs = zip_longest(model.transcript, verdict.transcript, fillvalue="")
            difference = next(((a, b) for a, b in pairs if a != b), None)
            _fail(verdict, f"differs from {model.testee}", None, difference)
