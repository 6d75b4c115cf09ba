from typing import Literal

TargetType = Literal["agent", "connection", "org", "session", "user"]

TARGET_TYPE_VALUES: set[TargetType] = {
    "agent",
    "connection",
    "org",
    "session",
    "user",
}


def check_target_type(value: str) -> TargetType:
    if value in TARGET_TYPE_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {TARGET_TYPE_VALUES!r}")
