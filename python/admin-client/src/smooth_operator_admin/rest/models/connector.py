from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import define as _attrs_define

from ..models.connector_kind import ConnectorKind, check_connector_kind

if TYPE_CHECKING:
    from ..models.file_place import FilePlace
    from ..models.git_hub_place import GitHubPlace
    from ..models.web_place import WebPlace


T = TypeVar("T", bound="Connector")


@_attrs_define
class Connector:
    """
    Attributes:
        id (str):
        name (str):
        kind (ConnectorKind):
        config (FilePlace | GitHubPlace | WebPlace):
        enabled (bool):
        created_at (str):
        updated_at (str):
    """

    id: str
    name: str
    kind: ConnectorKind
    config: FilePlace | GitHubPlace | WebPlace
    enabled: bool
    created_at: str
    updated_at: str

    def to_dict(self) -> dict[str, Any]:
        from ..models.file_place import FilePlace  # noqa: PLC0415
        from ..models.web_place import WebPlace  # noqa: PLC0415

        id = self.id

        name = self.name

        kind: str = self.kind

        config: dict[str, Any]
        if isinstance(self.config, WebPlace):
            config = self.config.to_dict()
        elif isinstance(self.config, FilePlace):
            config = self.config.to_dict()
        else:
            config = self.config.to_dict()

        enabled = self.enabled

        created_at = self.created_at

        updated_at = self.updated_at

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "id": id,
                "name": name,
                "kind": kind,
                "config": config,
                "enabled": enabled,
                "createdAt": created_at,
                "updatedAt": updated_at,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.file_place import FilePlace  # noqa: PLC0415
        from ..models.git_hub_place import GitHubPlace  # noqa: PLC0415
        from ..models.web_place import WebPlace  # noqa: PLC0415

        d = dict(src_dict)
        id = d.pop("id")

        name = d.pop("name")

        kind = check_connector_kind(d.pop("kind"))

        def _parse_config(data: object) -> FilePlace | GitHubPlace | WebPlace:
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                config_type_0 = WebPlace.from_dict(data)

                return config_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                config_type_1 = FilePlace.from_dict(data)

                return config_type_1
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            if not isinstance(data, dict):
                raise TypeError()
            config_type_2 = GitHubPlace.from_dict(data)

            return config_type_2

        config = _parse_config(d.pop("config"))

        enabled = d.pop("enabled")

        created_at = d.pop("createdAt")

        updated_at = d.pop("updatedAt")

        connector = cls(
            id=id,
            name=name,
            kind=kind,
            config=config,
            enabled=enabled,
            created_at=created_at,
            updated_at=updated_at,
        )

        return connector
