"""The page on how agents work is true: its files are read, and say what they are there for."""

from __future__ import annotations

import re
from pathlib import Path

from smooth_operator_server.agents import read_agents

PAGE = (Path(__file__).parents[1] / "docs" / "agents.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"^## (\w+)$.*?^```yaml$\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def test_every_system_has_a_file_that_is_read(tmp_path: Path) -> None:
    found = BLOCK.findall(PAGE)
    assert [name for name, _ in found] == ["react", "plan", "team", "workflow", "Memory"]
    for system, text in found:
        (tmp_path / f"{system}.yaml").write_text(text, encoding="utf-8")
    agents = read_agents(tmp_path)
    assert {agent.system for agent in agents} == {name for name, _ in found if name != "Memory"}
    assert any(agent.memory for agent in agents)
    assert any(agent.persona for agent in agents)


def test_a_persona_is_told_before_the_instructions(tmp_path: Path) -> None:
    (_, text), *_ = BLOCK.findall(PAGE)
    file = tmp_path / "react.yaml"
    file.write_text(text, encoding="utf-8")
    (agent,) = read_agents(file)
    assert agent.persona is not None
    assert agent.persona.told(agent.name) == (
        "You are Sam, who helps the customers of a lamp shop.\n"
        "How you sound: warm, short sentences.\n"
        "Never: promise a date of delivery"
    )
