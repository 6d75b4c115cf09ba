from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import define as _attrs_define

if TYPE_CHECKING:
    from ..models.indexing_run import IndexingRun


T = TypeVar("T", bound="RunFound")


@_attrs_define
class RunFound:
    """
    Attributes:
        run (IndexingRun):
    """

    run: IndexingRun

    def to_dict(self) -> dict[str, Any]:
        run = self.run.to_dict()

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "run": run,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.indexing_run import IndexingRun  # noqa: PLC0415

        d = dict(src_dict)
        run = IndexingRun.from_dict(d.pop("run"))

        run_found = cls(
            run=run,
        )

        return run_found
