"""Address and headers of the handshake: what may stand in them, and how they are written."""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import quote, urlsplit, urlunsplit

_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_REFUSED = frozenset(
    (
        "host",
        "content-length",
        "connection",
        "upgrade",
        "keep-alive",
        "te",
        "trailer",
        "transfer-encoding",
        "proxy-connection",
        "proxy-authenticate",
        "proxy-authorization",
    )
)
_NOT_IN_URL = re.compile(r"[\x00-\x20\x7f\\]")
_NOT_IN_VALUE = re.compile(r"[\r\n\0]")
_WRITTEN = "!#$%&'()*+,/:;=?@[]-._~"  # everything of RFC 3986, escapes included


def check_url(url: object) -> None:
    """Refuse what is no address of a server (REQ-CONN-01, REQ-CONN-19).

    Raises:
        TypeError: it is no string.
        ValueError: it is not ws: or wss:, has no host, or holds what no address may.
    """
    if not isinstance(url, str):
        raise TypeError("url: expected a string")
    if _NOT_IN_URL.search(url):
        raise ValueError("url: holds a space, a control character or a backslash")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise ValueError("url: host or port is malformed") from None
    if parts.scheme not in ("ws", "wss") or not parts.hostname or port == 0:
        raise ValueError("url: expected ws://host… or wss://host…")
    if "@" in parts.netloc:
        raise ValueError("url: holds credentials; give a token or a header instead")


def check_headers(headers: object) -> None:
    """Refuse headers that the handshake cannot carry, or that are its own (REQ-CONN-20).

    Raises:
        TypeError: they are no mapping of strings.
        ValueError: a name or a value is not allowed.
    """
    if not isinstance(headers, Mapping):
        raise TypeError("headers: expected a mapping of strings")
    for name, value in headers.items():
        if not isinstance(name, str):
            raise TypeError("headers: expected strings as names")
        if not _NAME.fullmatch(name):
            raise ValueError("headers: a name is no token of RFC 9110")
        if name.lower() in _REFUSED or name.lower().startswith("sec-websocket-"):
            raise ValueError(f"headers: {name} belongs to the handshake itself")
        check_header_value("headers", value)


def check_header_value(option: str, value: object) -> None:
    """Refuse a value that no header may hold (REQ-CONN-20).

    Raises:
        TypeError: it is no string.
        ValueError: it holds CR, LF or NUL.
    """
    if not isinstance(value, str):
        raise TypeError(f"{option}: expected a string")
    if _NOT_IN_VALUE.search(value):
        raise ValueError(f"{option}: a value holds CR, LF or NUL")


def address(url: str, token: str | None) -> str:
    """Return ``url`` as it is written on the wire, with ``token`` as the last pair of its query.

    The fragment is dropped, what is not ASCII is percent-encoded as UTF-8, and everything else of
    the query is kept as written (REQ-CONN-10, REQ-CONN-19).
    """
    parts = urlsplit(url)
    query = parts.query
    if token is not None:
        kept = [p for p in query.split("&") if p and p.partition("=")[0] != "token"]
        query = "&".join([*kept, f"token={quote(token, safe='-._~')}"])
    path = quote(parts.path or "/", safe=_WRITTEN)
    return urlunsplit((parts.scheme, parts.netloc, path, quote(query, safe=_WRITTEN), ""))


def host_of(url: str) -> str:
    """Return host and port of an address, the part of it that may be shown."""
    parts = urlsplit(url)
    port = parts.port or (443 if parts.scheme == "wss" else 80)
    host = parts.hostname or ""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
