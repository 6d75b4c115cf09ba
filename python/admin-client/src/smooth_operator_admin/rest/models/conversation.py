from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

from attrs import define as _attrs_define

if TYPE_CHECKING:
    from ..models.party import Party


T = TypeVar("T", bound="Conversation")


@_attrs_define
class Conversation:
    """
    Attributes:
        id (str):
        name (None | str):
        owner (None | str):
        agent_id (None | str):
        message_count (int):
        created_at (str):
        updated_at (str):
        held_by (None | Party):
        people (list[Party]):
    """

    id: str
    name: None | str
    owner: None | str
    agent_id: None | str
    message_count: int
    created_at: str
    updated_at: str
    held_by: None | Party
    people: list[Party]

    def to_dict(self) -> dict[str, Any]:
        from ..models.party import Party  # noqa: PLC0415

        id = self.id

        name: None | str
        name = self.name

        owner: None | str
        owner = self.owner

        agent_id: None | str
        agent_id = self.agent_id

        message_count = self.message_count

        created_at = self.created_at

        updated_at = self.updated_at

        held_by: dict[str, Any] | None
        if isinstance(self.held_by, Party):
            held_by = self.held_by.to_dict()
        else:
            held_by = self.held_by

        people = []
        for people_item_data in self.people:
            people_item = people_item_data.to_dict()
            people.append(people_item)

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "id": id,
                "name": name,
                "owner": owner,
                "agentId": agent_id,
                "messageCount": message_count,
                "createdAt": created_at,
                "updatedAt": updated_at,
                "heldBy": held_by,
                "people": people,
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

        def _parse_owner(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        owner = _parse_owner(d.pop("owner"))

        def _parse_agent_id(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        agent_id = _parse_agent_id(d.pop("agentId"))

        message_count = d.pop("messageCount")

        created_at = d.pop("createdAt")

        updated_at = d.pop("updatedAt")

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

        people = []
        _people = d.pop("people")
        for people_item_data in _people:
            people_item = Party.from_dict(people_item_data)

            people.append(people_item)

        conversation = cls(
            id=id,
            name=name,
            owner=owner,
            agent_id=agent_id,
            message_count=message_count,
            created_at=created_at,
            updated_at=updated_at,
            held_by=held_by,
            people=people,
        )

        return conversation
