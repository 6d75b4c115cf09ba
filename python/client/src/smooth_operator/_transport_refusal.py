"""A handshake that was not accepted: what the HTTP answer says. Pure."""

from __future__ import annotations

import email.utils
import http.client
import io
import time

from ._transport import HandshakeError
from .wire.options import REFUSAL_BODY_BYTES


class Refusal:
    """Collects an answer other than 101 until as much of it is there as is shown."""

    def __init__(self, status: int, head: bytes) -> None:
        self._status = status
        self._headers = http.client.parse_headers(io.BytesIO(head.partition(b"\r\n")[2]))
        self._body = bytearray()

    def feed(self, data: bytes) -> bool:
        """Take bytes of the body; return whether no more are needed."""
        self._body += data
        length = self._headers.get("Content-Length", "")
        if self._chunked:
            return len(self._body) > 2 * REFUSAL_BODY_BYTES or b"\r\n0\r\n" in b"\r\n" + self._body
        wanted = min(int(length), REFUSAL_BODY_BYTES) if length.isdecimal() else REFUSAL_BODY_BYTES
        return len(self._body) >= wanted

    def error(self) -> HandshakeError:
        """Return what is known so far."""
        body = _dechunked(bytes(self._body)) if self._chunked else bytes(self._body)
        return HandshakeError(
            f"the server answered {self._status}",
            self._status,
            retry_after_ms=retry_after_ms(self._headers.get("Retry-After")),
            body=body[:REFUSAL_BODY_BYTES].decode(errors="replace") or None,
            request_id=self._headers.get("X-Request-Id"),
        )

    @property
    def _chunked(self) -> bool:
        return "chunked" in self._headers.get("Transfer-Encoding", "").lower()


def status_of(head: bytes) -> int | None:
    """Return the status of the head of an HTTP answer, None when it is none."""
    words = head.partition(b"\r\n")[0].split(b" ", 2)
    if len(words) < 2 or not words[0].startswith(b"HTTP/1.") or not words[1].isdigit():
        return None
    return int(words[1])


def retry_after_ms(value: str | None) -> int | None:
    """Return a ``Retry-After`` in milliseconds: seconds, or a date from now on."""
    if value is None:
        return None
    if value.strip().isdecimal():
        return int(value) * 1000
    try:
        when = email.utils.parsedate_to_datetime(value)
    except ValueError:
        return None
    return max(0, round((when.timestamp() - time.time()) * 1000))


def _dechunked(body: bytes) -> bytes:
    """Return the content of a chunked body as far as it came."""
    content, rest = b"", body
    while rest:
        head, _, rest = rest.partition(b"\r\n")
        try:
            size = int(head.split(b";")[0], 16)
        except ValueError:
            break
        if not size:
            break
        content += rest[:size]
        rest = rest[size + 2 :]
    return content
