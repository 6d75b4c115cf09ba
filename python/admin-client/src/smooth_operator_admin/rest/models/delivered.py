from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define

T = TypeVar("T", bound="Delivered")


@_attrs_define
class Delivered:
    """
    Attributes:
        delivered (int):
    """

    delivered: int

    def to_dict(self) -> dict[str, Any]:
        delivered = self.delivered

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "delivered": delivered,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        delivered = d.pop("delivered")

        delivered = cls(
            delivered=delivered,
        )

        return delivered
