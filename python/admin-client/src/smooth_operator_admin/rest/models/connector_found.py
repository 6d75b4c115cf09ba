from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import define as _attrs_define

if TYPE_CHECKING:
    from ..models.connector import Connector


T = TypeVar("T", bound="ConnectorFound")


@_attrs_define
class ConnectorFound:
    """
    Attributes:
        connector (Connector):
    """

    connector: Connector

    def to_dict(self) -> dict[str, Any]:
        connector = self.connector.to_dict()

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "connector": connector,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.connector import Connector  # noqa: PLC0415

        d = dict(src_dict)
        connector = Connector.from_dict(d.pop("connector"))

        connector_found = cls(
            connector=connector,
        )

        return connector_found
