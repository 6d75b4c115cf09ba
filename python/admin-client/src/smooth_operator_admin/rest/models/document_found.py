from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import define as _attrs_define

if TYPE_CHECKING:
    from ..models.document import Document


T = TypeVar("T", bound="DocumentFound")


@_attrs_define
class DocumentFound:
    """
    Attributes:
        document (Document):
    """

    document: Document

    def to_dict(self) -> dict[str, Any]:
        document = self.document.to_dict()

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "document": document,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.document import Document  # noqa: PLC0415

        d = dict(src_dict)
        document = Document.from_dict(d.pop("document"))

        document_found = cls(
            document=document,
        )

        return document_found
