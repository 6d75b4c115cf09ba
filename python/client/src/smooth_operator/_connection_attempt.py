"""One attempt to open a link: the token, the address, the socket."""

from __future__ import annotations

import asyncio
import inspect

from ._clock import within
from ._connection_failure import HOPELESS, Failure, Outlook, ProviderError, attempt_failure
from ._errors import ClientClosedError, ConnectFailedError
from ._errors_made import Failures
from ._options import Options, TokenRequest
from ._options_address import address
from ._transport import OpenRequest, Transport
from ._transport_socket import open_socket, tls_context


async def attempt(
    options: Options, failures: Failures, request: TokenRequest, before: Transport | None
) -> Transport | Failure:
    """Make one attempt, when the socket ``before`` it is gone (REQ-CONN-37).

    What it failed with is returned and not raised: there may be nobody to catch it.
    """
    limit = options.connect_timeout
    try:
        return await within(options.clock, limit, _open(options, request, before))
    except asyncio.CancelledError as cause:
        return _cancelled(cause, failures)
    except Exception as cause:
        return attempt_failure(cause, limit, failures)


def _cancelled(cause: asyncio.CancelledError, failures: Failures) -> Failure:
    """Return why an attempt was cancelled: from outside, with all its loop, or from inside."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        return Failure(failures.make(ClientClosedError), HOPELESS)
    error = failures.make(ConnectFailedError, reason=type(cause).__name__)
    error.__cause__ = cause
    return Failure(error, Outlook("yes"))


async def _open(options: Options, request: TokenRequest, before: Transport | None) -> Transport:
    if before is not None:
        before.abort()
        await before.wait_closed()
    token = await _token(options, request)
    headers = dict(options.headers)
    if token is not None and options.token_in == "header":
        headers["Authorization"], token = f"Bearer {token}", None
    url = address(options.url, token)
    asked = OpenRequest(
        url=url,
        headers=headers,
        origin=options.origin,
        tls=tls_context(options.ssl, options.ca_file) if url.startswith("wss:") else None,
        max_message_bytes=options.max_message_bytes,
    )
    return await (options.opener or open_socket)(asked)


async def _token(options: Options, request: TokenRequest) -> str | None:
    if options.token is None or isinstance(options.token, str):
        return options.token
    try:
        given = options.token(request)
        if not inspect.isawaitable(given):
            raise ProviderError(TypeError("token: expected an async function"), misuse=True)
        token: object = await given
    except ProviderError:
        raise
    except Exception as cause:
        raise ProviderError(cause) from None
    try:
        return options.check_token(token)
    except (TypeError, ValueError) as fault:
        raise ProviderError(fault, misuse=True) from None
