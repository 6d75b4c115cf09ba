"""One attempt to open a link: the token, the address, the socket."""

from __future__ import annotations

import inspect

from ._connection_failure import ProviderError
from ._options import Options, TokenRequest
from ._options_address import address
from ._transport import OpenRequest, Transport
from ._transport_socket import open_socket, tls_context


async def open_link(options: Options, request: TokenRequest) -> Transport:
    """Ask for a token and open a socket with it.

    Raises:
        ProviderError: there is no token (REQ-CONN-28).
        HandshakeError, OSError: there is no link.
    """
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
