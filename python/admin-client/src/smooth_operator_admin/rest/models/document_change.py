from typing import Literal

DocumentChange = Literal["changed", "new", "unchanged"]

DOCUMENT_CHANGE_VALUES: set[DocumentChange] = {
    "changed",
    "new",
    "unchanged",
}


def check_document_change(value: str) -> DocumentChange:
    if value in DOCUMENT_CHANGE_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {DOCUMENT_CHANGE_VALUES!r}")
