from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define

T = TypeVar("T", bound="TurnCounts")


@_attrs_define
class TurnCounts:
    """
    Attributes:
        running (int):
        completed (int):
        cancelled (int):
        failed (int):
    """

    running: int
    completed: int
    cancelled: int
    failed: int

    def to_dict(self) -> dict[str, Any]:
        running = self.running

        completed = self.completed

        cancelled = self.cancelled

        failed = self.failed

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "running": running,
                "completed": completed,
                "cancelled": cancelled,
                "failed": failed,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        running = d.pop("running")

        completed = d.pop("completed")

        cancelled = d.pop("cancelled")

        failed = d.pop("failed")

        turn_counts = cls(
            running=running,
            completed=completed,
            cancelled=cancelled,
            failed=failed,
        )

        return turn_counts
