"""The command ``eval``: conversations, checks, a model that judges, and what it ends with."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

from smooth_operator_server.evaluation import Report, as_lines, evaluate
from smooth_operator_server.evaluation.checks import conversation_checks, turn_checks
from smooth_operator_server.evaluation.files import (
    Conversation,
    EvaluationFileError,
    Expected,
    Turn,
    read_evaluation,
)
from smooth_operator_server.evaluation.heard import Heard
from smooth_operator_server.evaluation.judge import EndpointJudge, JudgeError
from smooth_operator_server.settings import Settings

from .support_endpoint import Reply, endpoint
from .test_cli import ends

COMMITTED = sorted((Path(__file__).parents[1] / "evals" / "conversations").glob("*.yaml"))
PAGE = (Path(__file__).parents[1] / "docs" / "evaluations.md").read_text(encoding="utf-8")
TOLD = Heard((), "You have 17 days.", (), (), (), "answered", None, {})


def written(folder: Path, value: Any) -> Path:
    path = folder / "evaluation.yaml"
    path.write_text(yaml.safe_dump(value) if not isinstance(value, str) else value)
    return path


def scripted(*turns: Any, model: Sequence[Any] = ({"text": "Hi"},), **more: Any) -> dict[str, Any]:
    one = {"name": "one", "turns": list(turns)} | more
    return {"script": {"model": list(model)}, "conversations": [one]}


def faults(expected: Expected, turn: Heard) -> list[str]:
    return [one.name for one in turn_checks(expected, turn, 1) if one.fault is not None]


def test_the_committed_conversations_go_as_they_should(capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = ends(capsys, "eval", *map(str, COMMITTED), "--json")
    report = json.loads(out)
    failed = [one for one in report["conversations"] if not one["passed"]]
    assert (status, report["share"], failed) == (0, 1.0, [])
    assert len(report["conversations"]) >= 7
    assert {one["points"] for one in report["conversations"]} == {None}  # nobody judges offline


def test_the_page_shows_a_file_and_what_is_said_of_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (block,) = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    file = written(tmp_path, block)
    status, out, _ = ends(capsys, "eval", str(file))
    (shown,) = re.findall(r"\$ smooth-operator-server eval shop.yaml\n(.*?)```", PAGE, re.DOTALL)
    assert (status, out.replace(str(file), "shop.yaml")) == (0, shown)


def test_what_failed_is_named_and_below_the_bar_is_status_1(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    value = scripted({"say": "Hello", "expect": {"contains": ["Bye"], "tools": [{"name": "x"}]}})
    value["conversations"].append({"name": "two", "turns": [{"say": "Hello"}]})
    file = str(written(tmp_path, value))
    status, out, _ = ends(capsys, "eval", file)
    assert status == 1
    assert "turn 1, contains 'Bye': the answer does not" in out
    assert "turn 1, tool x: called were: none" in out
    assert "1 of 2 passed, the bar is 100%" in out
    assert ends(capsys, "eval", file, "--bar", "0.5")[0] == 0


@pytest.mark.parametrize(
    ("value", "place"),
    [
        ({"conversations": []}, "/conversations"),
        (scripted({"say": "Hi", "wait": 1}), "/conversations/0/turns/0"),
        (scripted({"say": "Hi", "expect": {"matches": "("}}), "/conversations/0/turns/0/expect"),
        (scripted({"say": "Hi"}, model=[{"word": 1}]), "/script: /model/0"),
        ({"demo": True, "script": {}, "conversations": [{"name": "a", "turns": []}]}, "evaluation"),
        ("{", "evaluation.yaml:1"),
    ],
)
def test_a_file_that_is_wrong_is_status_2_and_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], value: Any, place: str
) -> None:
    status, out, err = ends(capsys, "eval", str(written(tmp_path, value)))
    assert (status, out) == (2, "")
    assert place in err
    assert len(err.splitlines()) == 1


def test_names_are_told_once_and_flags_are_checked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    value = scripted({"say": "Hi"})
    value["conversations"] *= 2
    with pytest.raises(EvaluationFileError, match="/conversations/1/name"):
        read_evaluation(written(tmp_path, json.dumps(value)))
    for wrong in (["eval"], ["eval", "x", "--bar", "2"], ["eval", "x", "--limit", "0"]):
        assert ends(capsys, *wrong)[0] == 2
    assert "no.yaml" in ends(capsys, "eval", str(tmp_path / "no.yaml"))[2]


def test_each_check_finds_what_it_is_for() -> None:
    call = ("find", {"id": 1, "deep": {"a": 1, "b": 2}})
    turn = Heard(
        (), "Yes, 17 days.", (call,), ("otp",), (frozenset({"returns.md"}),), "answered", None, {}
    )
    assert not faults(
        Expected(("17 DAYS",), ("no",), r"\d+", (call,), ("otp",), ("returns.md",)), turn
    )
    assert not faults(Expected(tools=(("find", {"deep": {"b": 2}}),)), turn)
    assert faults(Expected(tools=(("find", {"id": 2}),)), turn) == ["tool find"]
    assert faults(Expected(tools=(call, call)), turn) == ["tool find"]
    assert faults(Expected(tools=()), turn) == ["tools none"]
    assert faults(Expected(asks=()), turn) == ["asks"]
    assert faults(Expected(cites=()), turn) == ["cites none"]
    assert faults(Expected(cites=("terms.md",)), turn) == ["cites terms.md"]
    assert faults(Expected(outcome="failed", error="X"), turn) == ["outcome", "error"]
    assert faults(Expected(lacks=("days",), matches="^No"), turn) == [
        "lacks 'days'",
        "matches '^No'",
    ]


def test_a_secret_fails_the_conversation_without_being_repeated() -> None:
    key = "sk-" + "a1" * 20
    said = Heard((), f"The key is {key}", (), (), (), "answered", None, {})
    named = Heard(({"data": 'quo"te'},), "", (), (), (), "answered", None, {})
    talk = Conversation("c", (Turn("Hi"),), secrets=('quo"te',))
    checks = list(conversation_checks(talk, [said, named]))
    assert [one.fault is None for one in checks] == [False, False]
    assert key not in str(checks)
    assert all(one.fault is None for one in conversation_checks(talk, [TOLD]))


async def held(folder: Path, value: Any, **more: Any) -> list[str]:
    outcomes = evaluate([read_evaluation(written(folder, value))], Settings(), **more)
    return list(as_lines(Report(tuple([one async for one in outcomes]), 1)))


async def test_a_turn_without_an_end_fails_in_time(tmp_path: Path) -> None:
    value = scripted({"say": "Hi"}, model=[{"delayMs": 600_000}, {"text": "late"}])
    lines = await held(tmp_path, value, limit_s=0.3)
    assert "    conversation: a turn had no end after 0.3 s" in lines


async def test_a_conversation_ends_with_the_turn_that_failed(tmp_path: Path) -> None:
    lines = await held(tmp_path, scripted({"say": "Hi"}, {"say": "And?"}, {"say": "Bye"}))
    assert "    turn 2, outcome: the turn failed with AGENT_ERROR" in lines
    assert "    all turns: it ended after turn 2" in lines


async def test_an_agent_that_is_not_there_is_said(tmp_path: Path) -> None:
    agent = tmp_path / "agent.yaml"
    agent.write_text("id: other\ninstructions: x\n")
    file = read_evaluation(written(tmp_path, scripted({"say": "Hi"})))
    outcomes = evaluate([file], Settings(agents=agent))
    (one,) = [one async for one in outcomes]
    assert one.checks[0].fault == "no session: AGENT_NOT_AUTHORIZED"


def spoken(text: str) -> dict[str, Any]:
    message = {"role": "assistant", "content": text}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    return {"id": "c", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice]}


async def judged(*answers: Reply, least: float = 3) -> tuple[list[str], list[str]]:
    """Judge a conversation; return the report, and what the model was told."""
    conversation = Conversation("c", (Turn("How long?"),), rubric="It names 17 days.", least=least)
    async with endpoint(*answers) as (model, url):
        judge = EndpointJudge(url, "key", "m")
        try:
            verdict = await judge.judge(conversation, [TOLD])
        finally:
            await judge.aclose()
        told = [str(one["messages"][0]["content"]) for one in model.requests]
        return [f"{verdict.points:g}", verdict.why], told


async def test_a_model_judges_and_is_asked_again_when_it_gives_no_verdict() -> None:
    good = Reply(whole=spoken('```json\n{"points": 4.5, "why": "It does."}\n```'))
    verdict, told = await judged(Reply(whole=spoken("Fine!")), good)
    assert verdict == ["4.5", "It does."]
    assert len(told) == 2
    assert "It names 17 days." in told[0]
    assert "You have 17 days." in told[0]
    for answers in ([Reply(whole=spoken('{"points": 9}'))] * 2, [Reply(status=400)]):
        with pytest.raises(JudgeError):
            await judged(*answers)


async def test_too_few_points_fail_the_conversation_and_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = str(
        written(tmp_path, scripted({"say": "Hi"}, judge={"asks": "It is kind.", "least": 4}))
    )
    verdicts = [Reply(whole=spoken(f'{{"points": {points}, "why": "So."}}')) for points in (3, 4)]
    async with endpoint(*verdicts) as (_, url):
        monkeypatch.setenv("SMOOAI_GATEWAY_URL", url)
        status, out, _ = await asyncio.to_thread(ends, capsys, "eval", file)
        assert status == 1
        assert "· 3 of 5" in out
        assert "judge: fewer than 4 points: So." in out
        assert (await asyncio.to_thread(ends, capsys, "eval", file))[0] == 0
        assert (await asyncio.to_thread(ends, capsys, "eval", file, "--no-judged"))[0] == 0
