from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, cast

from attrs import define as _attrs_define

from ..types import UNSET, Unset

T = TypeVar("T", bound="NewReaders")


@_attrs_define
class NewReaders:
    """
    Attributes:
        users (list[str] | Unset):
        groups (list[str] | Unset):
        public (bool | Unset):
    """

    users: list[str] | Unset = UNSET
    groups: list[str] | Unset = UNSET
    public: bool | Unset = UNSET

    def to_dict(self) -> dict[str, Any]:
        users: list[str] | Unset = UNSET
        if not isinstance(self.users, Unset):
            users = self.users

        groups: list[str] | Unset = UNSET
        if not isinstance(self.groups, Unset):
            groups = self.groups

        public = self.public

        field_dict: dict[str, Any] = {}

        field_dict.update({})
        if users is not UNSET:
            field_dict["users"] = users
        if groups is not UNSET:
            field_dict["groups"] = groups
        if public is not UNSET:
            field_dict["public"] = public

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        users = cast(list[str], d.pop("users", UNSET))

        groups = cast(list[str], d.pop("groups", UNSET))

        public = d.pop("public", UNSET)

        new_readers = cls(
            users=users,
            groups=groups,
            public=public,
        )

        return new_readers
