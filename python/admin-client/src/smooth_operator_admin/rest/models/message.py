from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import define as _attrs_define

from ..models.direction import Direction, check_direction

if TYPE_CHECKING:
    from ..models.message_content import MessageContent
    from ..models.party import Party


T = TypeVar("T", bound="Message")


@_attrs_define
class Message:
    """
    Attributes:
        id (str):
        direction (Direction):
        content (MessageContent):
        from_ (Party):
        created_at (str):
    """

    id: str
    direction: Direction
    content: MessageContent
    from_: Party
    created_at: str

    def to_dict(self) -> dict[str, Any]:
        id = self.id

        direction: str = self.direction

        content = self.content.to_dict()

        from_ = self.from_.to_dict()

        created_at = self.created_at

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "id": id,
                "direction": direction,
                "content": content,
                "from": from_,
                "createdAt": created_at,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.message_content import MessageContent  # noqa: PLC0415
        from ..models.party import Party  # noqa: PLC0415

        d = dict(src_dict)
        id = d.pop("id")

        direction = check_direction(d.pop("direction"))

        content = MessageContent.from_dict(d.pop("content"))

        from_ = Party.from_dict(d.pop("from"))

        created_at = d.pop("createdAt")

        message = cls(
            id=id,
            direction=direction,
            content=content,
            from_=from_,
            created_at=created_at,
        )

        return message
