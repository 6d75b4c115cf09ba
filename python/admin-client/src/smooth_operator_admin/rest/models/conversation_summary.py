from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

from attrs import define as _attrs_define

from ..models.platform import Platform, check_platform

if TYPE_CHECKING:
    from ..models.party import Party


T = TypeVar("T", bound="ConversationSummary")


@_attrs_define
class ConversationSummary:
    """
    Attributes:
        id (str):
        name (None | str):
        platform (Platform):
        message_count (int):
        created_at (str):
        updated_at (str):
        people (int):
        held_by (None | Party):
    """

    id: str
    name: None | str
    platform: Platform
    message_count: int
    created_at: str
    updated_at: str
    people: int
    held_by: None | Party

    def to_dict(self) -> dict[str, Any]:
        from ..models.party import Party  # noqa: PLC0415

        id = self.id

        name: None | str
        name = self.name

        platform: str = self.platform

        message_count = self.message_count

        created_at = self.created_at

        updated_at = self.updated_at

        people = self.people

        held_by: dict[str, Any] | None
        if isinstance(self.held_by, Party):
            held_by = self.held_by.to_dict()
        else:
            held_by = self.held_by

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "id": id,
                "name": name,
                "platform": platform,
                "messageCount": message_count,
                "createdAt": created_at,
                "updatedAt": updated_at,
                "people": people,
                "heldBy": held_by,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.party import Party  # noqa: PLC0415

        d = dict(src_dict)
        id = d.pop("id")

        def _parse_name(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        name = _parse_name(d.pop("name"))

        platform = check_platform(d.pop("platform"))

        message_count = d.pop("messageCount")

        created_at = d.pop("createdAt")

        updated_at = d.pop("updatedAt")

        people = d.pop("people")

        def _parse_held_by(data: object) -> None | Party:
            if data is None:
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                held_by_type_0 = Party.from_dict(data)

                return held_by_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(None | Party, data)

        held_by = _parse_held_by(d.pop("heldBy"))

        conversation_summary = cls(
            id=id,
            name=name,
            platform=platform,
            message_count=message_count,
            created_at=created_at,
            updated_at=updated_at,
            people=people,
            held_by=held_by,
        )

        return conversation_summary
