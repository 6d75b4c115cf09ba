from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, cast

from attrs import define as _attrs_define

from ..models.agent_origin import AgentOrigin, check_agent_origin
from ..models.agent_system import AgentSystem, check_agent_system

T = TypeVar("T", bound="AgentSummary")


@_attrs_define
class AgentSummary:
    """
    Attributes:
        id (str):
        name (str):
        model (None | str):
        system (AgentSystem):
        origin (AgentOrigin):
    """

    id: str
    name: str
    model: None | str
    system: AgentSystem
    origin: AgentOrigin

    def to_dict(self) -> dict[str, Any]:
        id = self.id

        name = self.name

        model: None | str
        model = self.model

        system: str = self.system

        origin: str = self.origin

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "id": id,
                "name": name,
                "model": model,
                "system": system,
                "origin": origin,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        id = d.pop("id")

        name = d.pop("name")

        def _parse_model(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        model = _parse_model(d.pop("model"))

        system = check_agent_system(d.pop("system"))

        origin = check_agent_origin(d.pop("origin"))

        agent_summary = cls(
            id=id,
            name=name,
            model=model,
            system=system,
            origin=origin,
        )

        return agent_summary
