"""What a caller writes, checked where it is written (REQ-CALL-11, REQ-CALL-12)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

from . import wire

if TYPE_CHECKING:
    from .wire.model import ActionModel

Made = TypeVar("Made", bound="ActionModel")


def make(action: type[Made], **fields: Any) -> Made:
    """Return an action; fields that are None stay absent (REQ-CALL-04).

    Raises:
        ValueError: a field is missing, has the wrong type or breaks its bounds (REQ-CALL-12).
    """
    given = {name: _plain(value) for name, value in fields.items() if value is not None}
    try:
        return action(**given)
    except ValueError as fault:  # pydantic's, which is not imported before it is needed
        first = cast(Any, fault).errors(include_input=False, include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        # The values of the frame stay out of the text (REQ-ERR-04).
        raise ValueError(f"{where}: {first['msg']}") from None


def printed(action: Any) -> str:
    """Return the text of an action.

    Raises:
        ValueError: half of a surrogate pair stands in it, or what JSON has no word for
            (REQ-CALL-11).
    """
    try:
        text = wire.encode_action(action)
        text.encode()
    except (TypeError, ValueError, RecursionError):
        raise ValueError(_complaint(action)) from None
    return text


def _plain(value: Any) -> Any:
    """Return sequences as lists and mappings as dicts: the models take no others."""
    if isinstance(value, tuple):
        return list(value)
    return dict(value) if isinstance(value, Mapping) else value


def _complaint(action: Any) -> str:
    """Return which member could not be written, and why; not its value."""
    for name in type(action).model_fields:
        try:
            value = action.model_dump(include={name})
            json.dumps(value, ensure_ascii=False, allow_nan=False).encode()
        except UnicodeEncodeError:
            return f"{name}: holds half of a surrogate pair"
        except (TypeError, ValueError, RecursionError):
            return f"{name}: holds what JSON has no word for"
    return "the action cannot be written"
