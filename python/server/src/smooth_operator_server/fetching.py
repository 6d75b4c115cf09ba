"""Fetching pages that somebody else names: never from inside this machine or its network.

The address that a name stands for is looked up here, judged here, and used for the connection: a
name that answers otherwise the second time changes nothing. The same for each redirection.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address
from urllib.parse import urljoin, urlsplit

LARGEST = 10 * 1024 * 1024
REDIRECTIONS = 5
TIMEOUT_S = 20.0
TOGETHER_S = 60.0
"""Seconds for a page with all its redirections."""

Address = IPv4Address | IPv6Address


class FetchError(Exception):
    """A page cannot be had; the text says why and names no address of this network."""


@dataclass(frozen=True, slots=True)
class Page:
    """What was fetched; ``url`` is where it was found in the end."""

    url: str
    media_type: str
    content: bytes
    charset: str | None


def is_public(address: Address) -> bool:
    """Tell whether an address lies outside every private, local and special network."""
    inner = _inner(address)
    if inner is not None:
        return is_public(inner)
    return address.is_global and not address.is_multicast and not address.is_reserved


def _inner(address: Address) -> IPv4Address | None:
    """Return the address that an address of version 6 leads to, when it carries one."""
    if isinstance(address, IPv4Address):
        return None
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address.sixtofour is not None:
        return address.sixtofour
    if address.teredo is not None:
        return address.teredo[1]
    if int(address) >> 32 == 0x64FF9B << 64:  # the well-known prefix of NAT64
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return None


async def fetch(url: str, *, admits: Callable[[Address], bool] = is_public) -> Page:
    """Fetch a page over HTTP or HTTPS.

    Raises:
        FetchError: the address is not allowed, does not answer, or the page is too large.
    """
    try:
        async with asyncio.timeout(TOGETHER_S):
            for _ in range(REDIRECTIONS + 1):
                found = await _once(url, admits)
                if isinstance(found, Page):
                    return found
                url = urljoin(url, found)
    except TimeoutError:
        raise FetchError("the page takes too long") from None
    raise FetchError(f"the page leads on more than {REDIRECTIONS} times")


async def _once(url: str, admits: Callable[[Address], bool]) -> Page | str:
    """Return a page, or where it leads on to."""
    import httpx2  # takes a while, and only those who fetch need it

    host, port, target = _parts(url)
    address = await _address(host, port, admits)
    literal = f"[{address}]" if address.version == 6 else str(address)
    parts = urlsplit(url)
    named = host if parts.port is None else f"{host}:{parts.port}"
    try:
        async with (
            httpx2.AsyncClient(trust_env=False, timeout=TIMEOUT_S) as client,
            client.stream(
                "GET",
                f"{parts.scheme}://{literal}:{port}{target}",
                headers={"Host": named, "Accept-Encoding": "identity", "User-Agent": "smooth"},
                extensions={"sni_hostname": host},
            ) as answer,
        ):
            if answer.has_redirect_location:
                return answer.headers["location"]
            if answer.status_code != 200:
                raise FetchError(f"the page answers with status {answer.status_code}")
            content = bytearray()
            async for piece in answer.aiter_raw():
                content += piece
                if len(content) > LARGEST:
                    raise FetchError(f"the page is larger than {LARGEST} bytes")
            media_type = answer.headers.get("content-type", "").partition(";")[0].strip().lower()
            return Page(url, media_type, bytes(content), answer.charset_encoding)
    except (httpx2.HTTPError, httpx2.InvalidURL, ValueError, UnicodeError):
        raise FetchError("the page cannot be reached") from None


def _parts(url: str) -> tuple[str, int, str]:
    """Return host, port and what is asked there.

    Raises:
        FetchError: it is no address of a page, or holds a name and password.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise FetchError("that is no address of a page") from None
    if parts.scheme not in ("http", "https") or not host:
        raise FetchError("only addresses that begin with http:// or https:// are fetched")
    if parts.username is not None or parts.password is not None:
        raise FetchError("addresses with a name or password are not fetched")
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return host, port or (443 if parts.scheme == "https" else 80), target


async def _address(host: str, port: int, admits: Callable[[Address], bool]) -> Address:
    """Return the address of a host, if all of its addresses are allowed."""
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        addresses = [ip_address(str(one[4][0]).partition("%")[0]) for one in found]
    except (OSError, UnicodeError, ValueError):
        raise FetchError("the page cannot be reached") from None
    if not addresses or not all(admits(address) for address in addresses):
        raise FetchError("the page cannot be reached")  # the same as for one that is not there
    return addresses[0]
