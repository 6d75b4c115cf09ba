from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import define as _attrs_define

from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.new_readers import NewReaders


T = TypeVar("T", bound="NewDocument")


@_attrs_define
class NewDocument:
    """
    Attributes:
        source (str):
        text (str):
        title (str | Unset):
        url (str | Unset):
        set_ (str | Unset):
        readers (NewReaders | Unset):
    """

    source: str
    text: str
    title: str | Unset = UNSET
    url: str | Unset = UNSET
    set_: str | Unset = UNSET
    readers: NewReaders | Unset = UNSET

    def to_dict(self) -> dict[str, Any]:
        source = self.source

        text = self.text

        title = self.title

        url = self.url

        set_ = self.set_

        readers: dict[str, Any] | Unset = UNSET
        if not isinstance(self.readers, Unset):
            readers = self.readers.to_dict()

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "source": source,
                "text": text,
            }
        )
        if title is not UNSET:
            field_dict["title"] = title
        if url is not UNSET:
            field_dict["url"] = url
        if set_ is not UNSET:
            field_dict["set"] = set_
        if readers is not UNSET:
            field_dict["readers"] = readers

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.new_readers import NewReaders  # noqa: PLC0415

        d = dict(src_dict)
        source = d.pop("source")

        text = d.pop("text")

        title = d.pop("title", UNSET)

        url = d.pop("url", UNSET)

        set_ = d.pop("set", UNSET)

        _readers = d.pop("readers", UNSET)
        readers: NewReaders | Unset
        if isinstance(_readers, Unset):
            readers = UNSET
        else:
            readers = NewReaders.from_dict(_readers)

        new_document = cls(
            source=source,
            text=text,
            title=title,
            url=url,
            set_=set_,
            readers=readers,
        )

        return new_document
