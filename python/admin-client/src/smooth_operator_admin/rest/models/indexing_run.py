from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, cast

from attrs import define as _attrs_define

from ..models.run_status import RunStatus, check_run_status

T = TypeVar("T", bound="IndexingRun")


@_attrs_define
class IndexingRun:
    """
    Attributes:
        id (str):
        connector_name (str):
        status (RunStatus):
        started_at (str):
        finished_at (str):
        documents_seen (int):
        documents_indexed (int):
        documents_skipped (int):
        error (None | str):
    """

    id: str
    connector_name: str
    status: RunStatus
    started_at: str
    finished_at: str
    documents_seen: int
    documents_indexed: int
    documents_skipped: int
    error: None | str

    def to_dict(self) -> dict[str, Any]:
        id = self.id

        connector_name = self.connector_name

        status: str = self.status

        started_at = self.started_at

        finished_at = self.finished_at

        documents_seen = self.documents_seen

        documents_indexed = self.documents_indexed

        documents_skipped = self.documents_skipped

        error: None | str
        error = self.error

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "id": id,
                "connectorName": connector_name,
                "status": status,
                "startedAt": started_at,
                "finishedAt": finished_at,
                "documentsSeen": documents_seen,
                "documentsIndexed": documents_indexed,
                "documentsSkipped": documents_skipped,
                "error": error,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        id = d.pop("id")

        connector_name = d.pop("connectorName")

        status = check_run_status(d.pop("status"))

        started_at = d.pop("startedAt")

        finished_at = d.pop("finishedAt")

        documents_seen = d.pop("documentsSeen")

        documents_indexed = d.pop("documentsIndexed")

        documents_skipped = d.pop("documentsSkipped")

        def _parse_error(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        error = _parse_error(d.pop("error"))

        indexing_run = cls(
            id=id,
            connector_name=connector_name,
            status=status,
            started_at=started_at,
            finished_at=finished_at,
            documents_seen=documents_seen,
            documents_indexed=documents_indexed,
            documents_skipped=documents_skipped,
            error=error,
        )

        return indexing_run
