from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, cast

from attrs import define as _attrs_define

T = TypeVar("T", bound="Settings")


@_attrs_define
class Settings:
    """
    Attributes:
        org_id (str):
        model (None | str):
        system_prompt (None | str):
        persona (None | str):
        default_tools (list[str] | None):
        updated_at (None | str):
    """

    org_id: str
    model: None | str
    system_prompt: None | str
    persona: None | str
    default_tools: list[str] | None
    updated_at: None | str

    def to_dict(self) -> dict[str, Any]:
        org_id = self.org_id

        model: None | str
        model = self.model

        system_prompt: None | str
        system_prompt = self.system_prompt

        persona: None | str
        persona = self.persona

        default_tools: list[str] | None
        if isinstance(self.default_tools, list):
            default_tools = self.default_tools

        else:
            default_tools = self.default_tools

        updated_at: None | str
        updated_at = self.updated_at

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "orgId": org_id,
                "model": model,
                "systemPrompt": system_prompt,
                "persona": persona,
                "defaultTools": default_tools,
                "updatedAt": updated_at,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        org_id = d.pop("orgId")

        def _parse_model(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        model = _parse_model(d.pop("model"))

        def _parse_system_prompt(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        system_prompt = _parse_system_prompt(d.pop("systemPrompt"))

        def _parse_persona(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        persona = _parse_persona(d.pop("persona"))

        def _parse_default_tools(data: object) -> list[str] | None:
            if data is None:
                return data
            try:
                if not isinstance(data, list):
                    raise TypeError()
                default_tools_type_0 = cast(list[str], data)

                return default_tools_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(list[str] | None, data)

        default_tools = _parse_default_tools(d.pop("defaultTools"))

        def _parse_updated_at(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        updated_at = _parse_updated_at(d.pop("updatedAt"))

        settings = cls(
            org_id=org_id,
            model=model,
            system_prompt=system_prompt,
            persona=persona,
            default_tools=default_tools,
            updated_at=updated_at,
        )

        return settings
