"""What a caller writes, checked where it is written (REQ-CALL-11)."""

from __future__ import annotations

from typing import Any, TypeVar

import pydantic

from .wire import encode_action
from .wire.model import ActionModel

Made = TypeVar("Made", bound=ActionModel)


def make(action: type[Made], **fields: Any) -> Made:
    """Return an action; fields that are None stay absent (REQ-CALL-04).

    Raises:
        ValueError: a field is missing, has the wrong type or breaks its bounds.
    """
    given = {name: value for name, value in fields.items() if value is not None}
    try:
        return action(**given)
    except pydantic.ValidationError as fault:
        first = fault.errors(include_input=False, include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        # The values of the frame stay out of the text (REQ-ERR-04).
        raise ValueError(f"{where}: {first['msg']}") from None


def printed(action: Any) -> str:
    """Return the text of an action.

    Raises:
        ValueError: half of a surrogate pair stands in it (REQ-CALL-12).
    """
    text = encode_action(action)
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError(f"{action.action}: a text holds half of a surrogate pair") from None
    return text
