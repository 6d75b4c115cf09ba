from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define

from ..models.party_type import PartyType, check_party_type

T = TypeVar("T", bound="Participant")


@_attrs_define
class Participant:
    """
    Attributes:
        id (str):
        type_ (PartyType):
        name (str):
        joined_at (str):
    """

    id: str
    type_: PartyType
    name: str
    joined_at: str

    def to_dict(self) -> dict[str, Any]:
        id = self.id

        type_: str = self.type_

        name = self.name

        joined_at = self.joined_at

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "id": id,
                "type": type_,
                "name": name,
                "joinedAt": joined_at,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        id = d.pop("id")

        type_ = check_party_type(d.pop("type"))

        name = d.pop("name")

        joined_at = d.pop("joinedAt")

        participant = cls(
            id=id,
            type_=type_,
            name=name,
            joined_at=joined_at,
        )

        return participant
