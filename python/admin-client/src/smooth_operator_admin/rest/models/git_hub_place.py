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
    """

    owner: str
    repo: str
    ref: str | Unset = UNSET
    folder: str | Unset = UNSET

    def to_dict(self) -> dict[str, Any]:
        owner = self.owner

        repo = self.repo

        ref = self.ref

        folder = self.folder

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

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        owner = d.pop("owner")

        repo = d.pop("repo")

        ref = d.pop("ref", UNSET)

        folder = d.pop("folder", UNSET)

        git_hub_place = cls(
            owner=owner,
            repo=repo,
            ref=ref,
            folder=folder,
        )

        return git_hub_place
