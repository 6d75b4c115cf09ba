from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define

from ..models.target_type import TargetType, check_target_type

T = TypeVar("T", bound="Target")


@_attrs_define
class Target:
    """
    Attributes:
        type_ (TargetType):
        id (str):
    """

    type_: TargetType
    id: str

    def to_dict(self) -> dict[str, Any]:
        type_: str = self.type_

        id = self.id

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "type": type_,
                "id": id,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        type_ = check_target_type(d.pop("type"))

        id = d.pop("id")

        target = cls(
            type_=type_,
            id=id,
        )

        return target
