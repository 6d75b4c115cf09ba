from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import define as _attrs_define

if TYPE_CHECKING:
    from ..models.document_set import DocumentSet


T = TypeVar("T", bound="DocumentSetList")


@_attrs_define
class DocumentSetList:
    """
    Attributes:
        document_sets (list[DocumentSet]):
    """

    document_sets: list[DocumentSet]

    def to_dict(self) -> dict[str, Any]:
        document_sets = []
        for document_sets_item_data in self.document_sets:
            document_sets_item = document_sets_item_data.to_dict()
            document_sets.append(document_sets_item)

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "documentSets": document_sets,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.document_set import DocumentSet  # noqa: PLC0415

        d = dict(src_dict)
        document_sets = []
        _document_sets = d.pop("documentSets")
        for document_sets_item_data in _document_sets:
            document_sets_item = DocumentSet.from_dict(document_sets_item_data)

            document_sets.append(document_sets_item)

        document_set_list = cls(
            document_sets=document_sets,
        )

        return document_set_list
