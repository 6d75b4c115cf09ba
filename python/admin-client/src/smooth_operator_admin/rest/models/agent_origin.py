from typing import Literal

AgentOrigin = Literal["file", "made"]

AGENT_ORIGIN_VALUES: set[AgentOrigin] = {
    "file",
    "made",
}


def check_agent_origin(value: str) -> AgentOrigin:
    if value in AGENT_ORIGIN_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {AGENT_ORIGIN_VALUES!r}")
