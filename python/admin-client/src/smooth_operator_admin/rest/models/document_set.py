from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define

T = TypeVar("T", bound="DocumentSet")


@_attrs_define
class DocumentSet:
    """
    Attributes:
        name (str):
        document_count (int):
    """

    name: str
    document_count: int

    def to_dict(self) -> dict[str, Any]:
        name = self.name

        document_count = self.document_count

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "name": name,
                "documentCount": document_count,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        name = d.pop("name")

        document_count = d.pop("documentCount")

        document_set = cls(
            name=name,
            document_count=document_count,
        )

        return document_set
