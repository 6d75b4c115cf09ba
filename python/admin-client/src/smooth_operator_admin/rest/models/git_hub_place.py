from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define

from ..types import UNSET, Unset

T = TypeVar("T", bound="GitHubPlace")


@_attrs_define
class GitHubPlace:
    """
    Attributes:
        owner (str):
        repo (str):
        ref (str | Unset):
        folder (str | Unset):
        auth_ref (str | Unset):
    """

    owner: str
    repo: str
    ref: str | Unset = UNSET
    folder: str | Unset = UNSET
    auth_ref: str | Unset = UNSET

    def to_dict(self) -> dict[str, Any]:
        owner = self.owner

        repo = self.repo

        ref = self.ref

        folder = self.folder

        auth_ref = self.auth_ref

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "owner": owner,
                "repo": repo,
            }
        )
        if ref is not UNSET:
            field_dict["ref"] = ref
        if folder is not UNSET:
            field_dict["folder"] = folder
        if auth_ref is not UNSET:
            field_dict["auth_ref"] = auth_ref

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        owner = d.pop("owner")

        repo = d.pop("repo")

        ref = d.pop("ref", UNSET)

        folder = d.pop("folder", UNSET)

        auth_ref = d.pop("auth_ref", UNSET)

        git_hub_place = cls(
            owner=owner,
            repo=repo,
            ref=ref,
            folder=folder,
            auth_ref=auth_ref,
        )

        return git_hub_place
