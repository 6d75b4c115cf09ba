from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, cast

from attrs import define as _attrs_define

from ..types import UNSET, Unset

T = TypeVar("T", bound="NewSettings")


@_attrs_define
class NewSettings:
    """
    Attributes:
        model (None | str | Unset):
        system_prompt (None | str | Unset):
        persona (None | str | Unset):
        default_tools (list[str] | None | Unset):
    """

    model: None | str | Unset = UNSET
    system_prompt: None | str | Unset = UNSET
    persona: None | str | Unset = UNSET
    default_tools: list[str] | None | Unset = UNSET

    def to_dict(self) -> dict[str, Any]:
        model: None | str | Unset
        if isinstance(self.model, Unset):
            model = UNSET
        else:
            model = self.model

        system_prompt: None | str | Unset
        if isinstance(self.system_prompt, Unset):
            system_prompt = UNSET
        else:
            system_prompt = self.system_prompt

        persona: None | str | Unset
        if isinstance(self.persona, Unset):
            persona = UNSET
        else:
            persona = self.persona

        default_tools: list[str] | None | Unset
        if isinstance(self.default_tools, Unset):
            default_tools = UNSET
        elif isinstance(self.default_tools, list):
            default_tools = self.default_tools

        else:
            default_tools = self.default_tools

        field_dict: dict[str, Any] = {}

        field_dict.update({})
        if model is not UNSET:
            field_dict["model"] = model
        if system_prompt is not UNSET:
            field_dict["systemPrompt"] = system_prompt
        if persona is not UNSET:
            field_dict["persona"] = persona
        if default_tools is not UNSET:
            field_dict["defaultTools"] = default_tools

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)

        def _parse_model(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        model = _parse_model(d.pop("model", UNSET))

        def _parse_system_prompt(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        system_prompt = _parse_system_prompt(d.pop("systemPrompt", UNSET))

        def _parse_persona(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        persona = _parse_persona(d.pop("persona", UNSET))

        def _parse_default_tools(data: object) -> list[str] | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, list):
                    raise TypeError()
                default_tools_type_0 = cast(list[str], data)

                return default_tools_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(list[str] | None | Unset, data)

        default_tools = _parse_default_tools(d.pop("defaultTools", UNSET))

        new_settings = cls(
            model=model,
            system_prompt=system_prompt,
            persona=persona,
            default_tools=default_tools,
        )

        return new_settings
