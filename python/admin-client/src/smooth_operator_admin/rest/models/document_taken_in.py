from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import define as _attrs_define

from ..models.document_change import DocumentChange, check_document_change

if TYPE_CHECKING:
    from ..models.document import Document


T = TypeVar("T", bound="DocumentTakenIn")


@_attrs_define
class DocumentTakenIn:
    """
    Attributes:
        document (Document):
        change (DocumentChange):
    """

    document: Document
    change: DocumentChange

    def to_dict(self) -> dict[str, Any]:
        document = self.document.to_dict()

        change: str = self.change

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "document": document,
                "change": change,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.document import Document  # noqa: PLC0415

        d = dict(src_dict)
        document = Document.from_dict(d.pop("document"))

        change = check_document_change(d.pop("change"))

        document_taken_in = cls(
            document=document,
            change=change,
        )

        return document_taken_in
