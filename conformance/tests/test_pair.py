"""Pair mode: laws of recorded frames, renaming, siblings; and one script for real."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import pytest

from conform.documents import CaseError
from conform.judge import Verdict, judge_siblings
from conform.pair import frame_fault, load_scripts, play, transcript
from conform.spec import Spec
from conform.testee import Launch, LineChecker, ProcessTestee

UNKNOWN = "00000000-0000-4000-8000-00000000dead"
SERVER = [str(Path(sys.executable).with_name("smooth-operator-server"))]
SEND = ("client", '{"action":"send_message","requestId":"r","message":"m","sessionId":"s"}')
TOKEN = ("server", '{"type":"stream_token","requestId":"r","data":{"requestId":"r","token":"x"}}')
END = ("server", '{"type":"cancelled","requestId":"r","status":499}')
SPARED = (
    "server",
    '{"type":"error","requestId":"r","data":{"error":{"code":"OTP_SEND_FAILED","message":"m"}}}',
)


@pytest.mark.parametrize(
    ("frames", "why"),
    [
        ([SEND, TOKEN, SPARED, TOKEN, END], None),
        ([SEND, TOKEN], "never ended turn r"),
        ([SEND, END, TOKEN], "after the terminal event"),
        ([SEND, END, END], "after the terminal event"),
        ([SEND, ("server", '{"type":"juggle"}'), END], "breaks the schema"),
        ([("client", "{"), END], "client sent a frame that is not JSON"),
    ],
)
def test_recorded_frames_obey_the_laws_of_a_turn(
    spec: Spec, frames: list[tuple[str, str]], why: str | None
) -> None:
    found = frame_fault(spec, frames)
    assert found is None if why is None else found is not None and why in found


def test_what_a_server_invents_is_renamed_and_what_repeats_stays_equal() -> None:
    def log(one: str, two: str, time: int) -> list[dict]:
        value = {"sessionId": one, "conversationId": two, "timestamp": time}
        return [{"ev": "returned", "as": "s1", "n": 1, "value": value}]

    a, b = (f"{n:08d}-0000-4000-8000-000000000000" for n in (1, 2))
    assert transcript(log(a, b, 1), []) == transcript(log(b, a, 2), [])
    assert transcript(log(a, a, 1), []) != transcript(log(a, b, 1), [])


def test_the_odd_one_out_fails() -> None:
    verdicts = [
        Verdict("p", name, "pass", digest=d, shared=d, transcript=[d])
        for name, d in zip("abc", "xxy", strict=True)
    ]
    judge_siblings(verdicts)
    assert [v.outcome for v in verdicts] == ["pass", "pass", "fail"]
    assert (verdicts[2].reason, verdicts[2].expected, verdicts[2].got) == (
        "differs from a",
        "x",
        "y",
    )


def test_a_malformed_script_names_file_and_line(spec: Spec, tmp_path: Path) -> None:
    text = "pair: a/b\ntitle: t\nwhy: w\nproves: [REQ-TURN-01]\nserver: {}\nsteps:\n  - juggle: 1\n"
    (tmp_path / "x.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(CaseError, match=r"x\.yaml:7: /steps/0"):
        load_scripts(spec, tmp_path)


async def test_one_script_plays_against_the_reference_server(
    spec: Spec, checker: LineChecker
) -> None:
    script = next(s for s in load_scripts(spec) if s.name == "server/write_confirmation_required")
    testee = ProcessTestee(Launch("ref", (sys.executable, "-m", "conform.reference")), checker)
    await testee.start()
    verdict, lost = await play(spec, script, testee, SERVER)
    await testee.stop()
    assert (verdict.outcome, verdict.reason, lost) == ("pass", "", False)


async def test_a_call_that_is_refused_where_a_value_is_due_fails(
    spec: Spec, checker: LineChecker
) -> None:
    script = next(s for s in load_scripts(spec) if s.name == "server/cancel")
    kind, body, line = script.steps[1]
    unknown = {**body, "op": "get_session", "args": {"sessionId": UNKNOWN}}
    steps = (script.steps[0], (kind, unknown, line), *script.steps[2:])
    testee = ProcessTestee(Launch("ref", (sys.executable, "-m", "conform.reference")), checker)
    await testee.start()
    verdict, lost = await play(spec, replace(script, steps=steps), testee, SERVER)
    await testee.stop()
    assert not lost
    assert verdict.reason.startswith(f"line {line + 1}: s1 must return a value, it failed with ")
    assert "SESSION_NOT_FOUND" in verdict.reason


async def test_a_client_that_does_not_connect_says_so(spec: Spec, checker: LineChecker) -> None:
    script = load_scripts(spec)[0]
    kind, body, line = script.steps[0]
    steps = ((kind, {**body, "url": "ws://127.0.0.1:1/ws"}, line), *script.steps[1:])
    testee = ProcessTestee(Launch("ref", (sys.executable, "-m", "conform.reference")), checker)
    await testee.start()
    verdict, lost = await play(spec, replace(script, steps=steps), testee, SERVER)
    await testee.stop()
    assert not lost
    assert verdict.reason.startswith(f"line {line}: c1 did not connect: ")


async def test_a_server_that_does_not_start_is_told(spec: Spec, checker: LineChecker) -> None:
    script = load_scripts(spec)[0]
    testee = ProcessTestee(Launch("ref", (sys.executable, "-m", "conform.reference")), checker)
    await testee.start()
    verdict, _ = await play(spec, script, testee, [sys.executable, "-c", "print('no')"])
    await testee.stop()
    assert verdict.reason == "the server ended at once: no"
