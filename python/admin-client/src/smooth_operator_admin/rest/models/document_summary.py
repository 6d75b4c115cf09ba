from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, cast

from attrs import define as _attrs_define

T = TypeVar("T", bound="DocumentSummary")


@_attrs_define
class DocumentSummary:
    """
    Attributes:
        id (str):
        source (str):
        title (str):
        url (None | str):
        set_ (str):
        origin (str):
        shared (bool):
        passages (int):
        updated_at (str):
    """

    id: str
    source: str
    title: str
    url: None | str
    set_: str
    origin: str
    shared: bool
    passages: int
    updated_at: str

    def to_dict(self) -> dict[str, Any]:
        id = self.id

        source = self.source

        title = self.title

        url: None | str
        url = self.url

        set_ = self.set_

        origin = self.origin

        shared = self.shared

        passages = self.passages

        updated_at = self.updated_at

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "id": id,
                "source": source,
                "title": title,
                "url": url,
                "set": set_,
                "origin": origin,
                "shared": shared,
                "passages": passages,
                "updatedAt": updated_at,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        id = d.pop("id")

        source = d.pop("source")

        title = d.pop("title")

        def _parse_url(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        url = _parse_url(d.pop("url"))

        set_ = d.pop("set")

        origin = d.pop("origin")

        shared = d.pop("shared")

        passages = d.pop("passages")

        updated_at = d.pop("updatedAt")

        document_summary = cls(
            id=id,
            source=source,
            title=title,
            url=url,
            set_=set_,
            origin=origin,
            shared=shared,
            passages=passages,
            updated_at=updated_at,
        )

        return document_summary
