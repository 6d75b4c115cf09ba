from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import define as _attrs_define

from ..models.connector_kind import ConnectorKind, check_connector_kind
from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.new_connector_config import NewConnectorConfig


T = TypeVar("T", bound="NewConnector")


@_attrs_define
class NewConnector:
    """
    Attributes:
        name (str):
        kind (ConnectorKind):
        config (NewConnectorConfig):
        enabled (bool | Unset):  Default: True.
    """

    name: str
    kind: ConnectorKind
    config: NewConnectorConfig
    enabled: bool | Unset = True

    def to_dict(self) -> dict[str, Any]:
        name = self.name

        kind: str = self.kind

        config = self.config.to_dict()

        enabled = self.enabled

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "name": name,
                "kind": kind,
                "config": config,
            }
        )
        if enabled is not UNSET:
            field_dict["enabled"] = enabled

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.new_connector_config import NewConnectorConfig  # noqa: PLC0415

        d = dict(src_dict)
        name = d.pop("name")

        kind = check_connector_kind(d.pop("kind"))

        config = NewConnectorConfig.from_dict(d.pop("config"))

        enabled = d.pop("enabled", UNSET)

        new_connector = cls(
            name=name,
            kind=kind,
            config=config,
            enabled=enabled,
        )

        return new_connector
