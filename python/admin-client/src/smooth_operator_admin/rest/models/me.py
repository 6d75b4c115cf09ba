from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, cast

from attrs import define as _attrs_define

from ..models.role import Role, check_role
from ..types import UNSET, Unset

T = TypeVar("T", bound="Me")


@_attrs_define
class Me:
    """
    Attributes:
        user_id (str):
        org_id (str):
        role (Role):
        display_name (str | Unset):
        email (str | Unset):
        groups (list[str] | Unset):
    """

    user_id: str
    org_id: str
    role: Role
    display_name: str | Unset = UNSET
    email: str | Unset = UNSET
    groups: list[str] | Unset = UNSET

    def to_dict(self) -> dict[str, Any]:
        user_id = self.user_id

        org_id = self.org_id

        role: str = self.role

        display_name = self.display_name

        email = self.email

        groups: list[str] | Unset = UNSET
        if not isinstance(self.groups, Unset):
            groups = self.groups

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "userId": user_id,
                "orgId": org_id,
                "role": role,
            }
        )
        if display_name is not UNSET:
            field_dict["displayName"] = display_name
        if email is not UNSET:
            field_dict["email"] = email
        if groups is not UNSET:
            field_dict["groups"] = groups

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        user_id = d.pop("userId")

        org_id = d.pop("orgId")

        role = check_role(d.pop("role"))

        display_name = d.pop("displayName", UNSET)

        email = d.pop("email", UNSET)

        groups = cast(list[str], d.pop("groups", UNSET))

        me = cls(
            user_id=user_id,
            org_id=org_id,
            role=role,
            display_name=display_name,
            email=email,
            groups=groups,
        )

        return me
