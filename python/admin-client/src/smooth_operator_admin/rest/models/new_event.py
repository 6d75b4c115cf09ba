from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import define as _attrs_define

if TYPE_CHECKING:
    from ..models.published_event import PublishedEvent
    from ..models.target import Target


T = TypeVar("T", bound="NewEvent")


@_attrs_define
class NewEvent:
    """
    Attributes:
        target (Target):
        event (PublishedEvent):
    """

    target: Target
    event: PublishedEvent

    def to_dict(self) -> dict[str, Any]:
        target = self.target.to_dict()

        event = self.event.to_dict()

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "target": target,
                "event": event,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.published_event import PublishedEvent  # noqa: PLC0415
        from ..models.target import Target  # noqa: PLC0415

        d = dict(src_dict)
        target = Target.from_dict(d.pop("target"))

        event = PublishedEvent.from_dict(d.pop("event"))

        new_event = cls(
            target=target,
            event=event,
        )

        return new_event
