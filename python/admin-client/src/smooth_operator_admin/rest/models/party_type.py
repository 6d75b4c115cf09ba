from typing import Literal

PartyType = Literal["ai-agent", "human-agent", "user"]

PARTY_TYPE_VALUES: set[PartyType] = {
    "ai-agent",
    "human-agent",
    "user",
}


def check_party_type(value: str) -> PartyType:
    if value in PARTY_TYPE_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {PARTY_TYPE_VALUES!r}")
