"""What went wrong with a call to a model, in words that say nothing of what was said. Pure."""

from __future__ import annotations

from dataclasses import dataclass

import httpx2
import openai
from pydantic_ai.exceptions import ModelHTTPError, UnexpectedModelBehavior

RETRIED = frozenset({408, 409, 425, 429, 500, 502, 503, 504})


@dataclass(frozen=True, slots=True)
class Fault:
    """A failed call. ``text`` reaches the client."""

    text: str
    may_retry: bool = False
    """Whether another try may help."""

    is_endpoint: bool = False
    """Whether the endpoint itself is in trouble, whoever calls it."""

    retry_after_s: float | None = None


def fault_of(raised: Exception) -> Fault:
    """Say what an exception of a model call means."""
    if isinstance(raised, ModelHTTPError):
        return _answered(raised.status_code, raised.retry_after)
    if isinstance(raised, openai.APIStatusError):
        return _answered(raised.status_code, None)
    if any(isinstance(one, _SILENCE) for one in _causes(raised)):
        return Fault("the model endpoint does not answer", may_retry=True, is_endpoint=True)
    if isinstance(raised, UnexpectedModelBehavior | ValueError):
        return Fault("the model endpoint answered with something that is no answer")
    return Fault("the model endpoint cannot be reached", may_retry=True, is_endpoint=True)


_SILENCE = (TimeoutError, openai.APITimeoutError, httpx2.TimeoutException)


def _causes(raised: BaseException) -> list[BaseException]:
    """Return an exception and what it came of: the model library wraps what the client raised."""
    found: list[BaseException] = [raised]
    while (cause := found[-1].__cause__) is not None and cause not in found:
        found.append(cause)
    return found


def _answered(status: int, retry_after_s: float | None) -> Fault:
    if status in (401, 403):
        return Fault("the model endpoint refuses the key")
    if status == 404:
        return Fault("the model endpoint knows no such model")
    if status == 429:
        return Fault(
            "the model endpoint takes no more calls at present",
            may_retry=True,
            retry_after_s=retry_after_s,
        )
    return Fault(
        f"the model endpoint answered with status {status}",
        may_retry=status in RETRIED,
        is_endpoint=status >= 500,
        retry_after_s=retry_after_s,
    )
