"""Skills: read, refused, offered to the agents that may use them, told for one turn."""

from __future__ import annotations

from pathlib import Path

import pytest

from smooth_operator_server.agents import AgentSpec
from smooth_operator_server.skills import SkillFileError, read_skills

from .support_endpoint import Reply, words
from .test_model import answering

HEAD = "---\nname: refund\ndescription: How a refund is made.\n---\n"


def folder_of(place: Path, **files: str) -> Path:
    place.mkdir()
    for name, text in files.items():
        (place / name).mkdir()
        (place / name / "SKILL.md").write_text(text, encoding="utf-8")
    return place


def test_skills_are_folders_or_files(tmp_path: Path) -> None:
    place = folder_of(tmp_path / "skills", refund=f"{HEAD}\nAsk for the order.\n---\nThen pay.\n")
    (place / "other.md").write_text(HEAD.replace("refund\n", "other\n") + "Do it.")
    (place / "notes.txt").write_text("no skill")
    skills = read_skills([place])
    assert len(skills) == 2
    skill = skills.find("refund", AgentSpec("a"))
    assert skill is not None
    assert skill.text == "Ask for the order.\n---\nThen pay."
    assert skills.find("refund", AgentSpec("a", skills=frozenset({"other"}))) is None
    assert skills.find("nothing", AgentSpec("a")) is None


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("Just text", "begins with no head"),
        ("---\nname: x\n", "begins with no head"),
        ("---\nname: x\n---\nText", "/description is required"),
        ("---\nname: 5\ndescription: d\n---\nText", "/name must be of type string"),
        ("---\nname: [\n---\nText", "SKILL.md"),
        (HEAD, "says nothing"),
    ],
)
def test_a_skill_that_cannot_be_used_is_named(tmp_path: Path, text: str, why: str) -> None:
    with pytest.raises(SkillFileError, match=why) as told:
        read_skills([folder_of(tmp_path / "skills", one=text)])
    assert "SKILL.md" in str(told.value)


def test_two_skills_of_one_name_and_no_folder_are_refused(tmp_path: Path) -> None:
    place = folder_of(tmp_path / "skills", a=f"{HEAD}x", b=f"{HEAD}y")
    with pytest.raises(SkillFileError, match="is that of"):
        read_skills([place])
    with pytest.raises(SkillFileError, match="no such folder"):
        read_skills([tmp_path / "nowhere"])


async def test_a_message_names_a_skill_and_others_do_not(tmp_path: Path) -> None:
    place = folder_of(tmp_path / "skills", refund=f"{HEAD}Ask for the order number first.")
    replies = Reply(words("Which order?")), Reply(words("Hello."))
    settings = {"skills_dir": str(place)}
    async with answering(tmp_path, *replies, **settings) as (scripted, _, client):
        session_id = await client.session()
        code = await client.refusal(
            "send_message", sessionId=session_id, message="Hi", skill="nothing"
        )
        assert code == "SKILL_NOT_FOUND"
        await client.turn(session_id, "Money back", skill="refund")
        await client.turn(session_id, "Hi")
        with_skill, without = (asked["messages"][0]["content"] for asked in scripted.requests)
        assert "Ask for the order number first." in with_skill
        assert "order number" not in without
        assert scripted.requests[1]["messages"][1]["content"] == "Money back"
