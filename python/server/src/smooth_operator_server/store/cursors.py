"""Cursors of lists that are ordered by age: opaque to clients, the same for every store."""

from __future__ import annotations

import base64
import binascii

from .ports import UnknownCursorError


def encode_cursor(updated_ms: int, identity: str) -> str:
    """Return the cursor of the entries behind this one."""
    return base64.urlsafe_b64encode(f"{updated_ms} {identity}".encode()).decode()


def decode_cursor(cursor: str) -> tuple[int, str]:
    """Return time and id that a cursor stands for.

    Raises:
        UnknownCursorError: it was not made by ``encode_cursor``.
    """
    try:
        updated, identity = base64.urlsafe_b64decode(cursor.encode()).decode().split(" ")
        return int(updated), identity
    except (ValueError, binascii.Error):
        raise UnknownCursorError from None
