from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import define as _attrs_define

if TYPE_CHECKING:
    from ..models.settings import Settings


T = TypeVar("T", bound="SettingsFound")


@_attrs_define
class SettingsFound:
    """
    Attributes:
        settings (Settings):
    """

    settings: Settings

    def to_dict(self) -> dict[str, Any]:
        settings = self.settings.to_dict()

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "settings": settings,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.settings import Settings  # noqa: PLC0415

        d = dict(src_dict)
        settings = Settings.from_dict(d.pop("settings"))

        settings_found = cls(
            settings=settings,
        )

        return settings_found
