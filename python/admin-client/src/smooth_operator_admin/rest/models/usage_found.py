from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import define as _attrs_define

if TYPE_CHECKING:
    from ..models.usage import Usage


T = TypeVar("T", bound="UsageFound")


@_attrs_define
class UsageFound:
    """
    Attributes:
        usage (Usage):
    """

    usage: Usage

    def to_dict(self) -> dict[str, Any]:
        usage = self.usage.to_dict()

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "usage": usage,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.usage import Usage  # noqa: PLC0415

        d = dict(src_dict)
        usage = Usage.from_dict(d.pop("usage"))

        usage_found = cls(
            usage=usage,
        )

        return usage_found
