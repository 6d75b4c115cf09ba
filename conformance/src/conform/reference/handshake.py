"""Opening a link: URL, headers, roots, and the library without its conveniences."""

from __future__ import annotations

import ssl
import time
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import quote, urlsplit, urlunsplit

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidStatus
from websockets.frames import Opcode

from conform.reference.errors import RefError
from conform.spec import Spec

Tree = dict[str, Any]


class Connect(connect):
    """The library's connect without its redirects (REQ-CONN-12)."""

    def process_redirect(self, exc: Exception) -> Exception | str:
        """Every redirect is a refusal."""
        return exc


def context(options: Tree) -> ssl.SSLContext | None:
    """Roots for wss, with an added authority."""
    if not options["url"].startswith("wss:"):
        return None
    roots = ssl.create_default_context()
    if "ca" in options:
        roots.load_verify_locations(options["ca"])
    return roots


def _pause(after: str | None) -> int | None:
    """A ``Retry-After`` in ms: seconds, or a date from now on; None for anything else."""
    if after is None or after.isdecimal():
        return None if after is None else int(after) * 1000
    try:
        due = parsedate_to_datetime(after).timestamp()
    except ValueError:
        return None
    return max(0, round((due - time.time()) * 1000))


def refused(spec: Spec, error: InvalidStatus, url: str) -> RefError:
    """The error of a refused handshake (REQ-CONN-12, REQ-CONN-22)."""
    answer = error.response
    kind = "authentication" if answer.status_code == 401 else "connect_failed"
    after = answer.headers.get("Retry-After")
    body = bytes(answer.body or b"")[:4096].decode("utf-8", "replace")
    details = {"body": body, "requestId": answer.headers.get("x-request-id")}
    details = {name: value for name, value in details.items() if value}
    row = spec.http_row(answer.status_code)
    return RefError(
        kind,
        retryable=row is not None and row["retry"] == "yes",
        status=answer.status_code,
        retryAfterMs=_pause(after),
        details=details or None,
        leak=url,
    )


def with_token(options: Tree) -> str:
    """The URL with its token last and its fragment gone (REQ-CONN-10)."""
    parts = urlsplit(options["url"])
    query = parts.query
    if "token" in options and options.get("tokenIn", "query") == "query":
        pairs = [p for p in query.split("&") if p and p.split("=", 1)[0] != "token"]
        query = "&".join([*pairs, "token=" + quote(options["token"], safe="")])
    return urlunsplit((parts.scheme, parts.netloc, parts.path, query, ""))


def headers_of(options: Tree) -> Tree:
    """Extra headers of the upgrade."""
    headers = dict(options.get("headers", {}))
    if "token" in options and options.get("tokenIn") == "header":
        headers["Authorization"] = f"Bearer {options['token']}"
    return headers


def mute_pongs(ws: ClientConnection) -> None:
    """The mutant no-pong-to-ping: pongs are swallowed."""
    original = ws.protocol.send_frame

    def send_frame(frame: Any) -> None:
        if frame.opcode is not Opcode.PONG:
            original(frame)

    ws.protocol.send_frame = send_frame  # type: ignore[method-assign]
