"""What errors tell: both versions of the testee protocol, and texts that give nothing away."""

from __future__ import annotations

import pytest

from conform.facts import cut, known, secrets_of
from conform.inprocess import InProcessTestee
from conform.judge import Verdict, judge, judge_siblings, siblings_equal
from conform.play import Player
from conform.reader import Reader
from conform.run import expectation
from conform.script import Case
from conform.spec import Spec
from conform.testee import LineChecker

from .support import PATIENT

FULL = {
    "kind": "turn_interrupted", "retryable": False, "text": "gone", "requestId": "r",
    "sessionId": "s", "closeCode": 1006, "closeReason": "", "partialText": "par", "sent": True,
    "code": None, "details": {"body": "b", "size": 3},
}  # fmt: skip


def test_an_error_is_compared_by_its_facts() -> None:
    facts = known(FULL)
    assert "text" not in facts
    assert "code" not in facts
    assert "closeReason" not in facts
    assert facts["details"] == {"body": "b"}
    assert facts["partialText"] == "par"


def test_version_1_has_other_names_and_less_to_say() -> None:
    old = {"kind": "turn_interrupted", "request": "r", "close": 1006, "sent": True}
    assert known(old) == cut(known(FULL), 1)
    assert known({"kind": "native_cancelled", "request": "r"}) == {"kind": "native_cancelled"}


async def play(
    spec: Spec, reader: Reader, checker: LineChecker, case: Case, protocol: int, *faults: str
) -> Verdict:
    testee = InProcessTestee("t", checker, reader, frozenset(faults), tuple(range(1, protocol + 1)))
    await testee.start()
    assert testee.hello["protocol"] == protocol
    wanted = expectation(spec, reader, case)
    verdict = judge(case, "t", wanted, await Player(spec, case, wanted, testee, PATIENT).play())
    await testee.stop()
    return verdict


async def test_testees_of_both_versions_are_judged_and_are_siblings(
    spec: Spec, reader: Reader, checker: LineChecker, cases: dict[str, Case]
) -> None:
    case = cases["close/mid_turn/4401"]
    old = await play(spec, reader, checker, case, 1)
    new = await play(spec, reader, checker, case, 2)
    assert (old.outcome, new.outcome) == ("pass", "pass")
    assert old.digest != new.digest
    assert siblings_equal([old, new])


@pytest.mark.parametrize(
    ("fault", "case"),
    [("retryable-flipped", "close/mid_turn/4401"), ("close-reason-lost", "close/mid_turn/4401")],
)
async def test_only_version_2_shows_what_version_1_cannot_say(
    spec: Spec, reader: Reader, checker: LineChecker, cases: dict[str, Case], fault: str, case: str
) -> None:
    assert (await play(spec, reader, checker, cases[case], 1, fault)).passed
    assert not (await play(spec, reader, checker, cases[case], 2, fault)).passed


def leak(case: Case, text: str) -> str | None:
    return secrets_of(case).leak([text])


def test_texts_are_searched_for_everything_that_the_case_keeps_secret(
    cases: dict[str, Case],
) -> None:
    refused = cases["handshake/refused_details/body"]
    assert "the token" in str(leak(refused, "GET /x?token=s3cret/t0ken failed"))
    assert "the token" in str(leak(refused, "GET /x?token=s3cret%2Ft0ken failed"))
    assert "query" in str(leak(refused, "/ws?team=blue"))
    assert leak(refused, "127.0.0.1:4711 answered with 503") is None
    some = next(c for n, c in cases.items() if n.startswith("turn/error_ends"))
    assert "e-mail" in str(leak(some, "mail ada@example.com"))


def test_a_word_inside_another_is_no_leak(cases: dict[str, Case]) -> None:
    otp = cases["otp/otp_required_resend"]
    code = next(s.body["code"] for s in otp.steps if s.body.get("cmd") == "otp")
    assert leak(otp, f"127.0.0.1:9{code.strip()}1 refused") is None
    assert "a code" in str(leak(otp, f"the code {code} was wrong"))


def test_the_odd_sibling_fails_though_the_oracle_is_content() -> None:
    verdicts = [
        Verdict("c", n, "pass", digest=d, shared=d, transcript=[d])
        for n, d in zip("abc", "xxy", strict=True)
    ]
    judge_siblings(verdicts)
    assert [(v.outcome, v.reason) for v in verdicts][2] == ("fail", "differs from a")
