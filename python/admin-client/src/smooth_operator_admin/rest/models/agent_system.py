from typing import Literal

AgentSystem = Literal["plan", "react", "team", "workflow"]

AGENT_SYSTEM_VALUES: set[AgentSystem] = {
    "plan",
    "react",
    "team",
    "workflow",
}


def check_agent_system(value: str) -> AgentSystem:
    if value in AGENT_SYSTEM_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {AGENT_SYSTEM_VALUES!r}")
