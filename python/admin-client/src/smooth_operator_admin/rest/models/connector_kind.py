from typing import Literal

ConnectorKind = Literal["file", "github", "web"]

CONNECTOR_KIND_VALUES: set[ConnectorKind] = {
    "file",
    "github",
    "web",
}


def check_connector_kind(value: str) -> ConnectorKind:
    if value in CONNECTOR_KIND_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {CONNECTOR_KIND_VALUES!r}")
