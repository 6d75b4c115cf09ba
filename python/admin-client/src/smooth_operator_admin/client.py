"""One client for all endpoints: it asks, follows pages, and turns refusals into one error."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from http import HTTPStatus
from types import TracebackType
from typing import Any, Protocol, Self, TypeVar

import httpx

from .rest.client import AuthenticatedClient, Client
from .rest.models import Error
from .rest.types import Response

TIMEOUT_S = 30.0
UNREACHABLE = "UNREACHABLE"
UNEXPECTED = "UNEXPECTED"

T = TypeVar("T")


class Endpoint(Protocol[T]):
    """A module of ``rest.api``: one method of one path."""

    def sync_detailed(self, *, client: AuthenticatedClient, **members: Any) -> Response[T]:
        """Ask, and wait for the answer."""
        ...

    async def asyncio_detailed(self, *, client: AuthenticatedClient, **members: Any) -> Response[T]:
        """Ask in asyncio."""
        ...


class AdminError(Exception):
    """A request was refused, or the server was not reached."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.status = status
        """The HTTP status; 0 when there was no answer."""

        self.code = code
        """What the server calls it; ``UNREACHABLE`` without an answer, and ``UNEXPECTED`` for an
        answer that its OpenAPI document does not have."""

        self.message = message


class AdminClient:
    """Speaks to the admin REST of one server. Close it, or use it in ``with`` (``async with``).

    ``url`` is that of the server, as in ``http://127.0.0.1:8787``. ``token`` is not needed where
    the server asks nobody who they are. ``timeout_s`` bounds each request. ``transport`` takes the
    place of the network, for tests.
    """

    def __init__(
        self,
        url: str,
        token: str | None = None,
        *,
        timeout_s: float = TIMEOUT_S,
        transport: Any = None,
    ) -> None:
        self._url = url.rstrip("/")
        given: dict[str, Any] = {} if transport is None else {"transport": transport}
        more: dict[str, Any] = {"timeout": httpx.Timeout(timeout_s), "httpx_args": given}
        # Endpoints say that they want the first kind, and use nothing that the second lacks.
        self._rest: Any = (
            AuthenticatedClient(base_url=self._url, token=token, **more)
            if token
            else Client(base_url=self._url, **more)
        )

    def __repr__(self) -> str:
        return f"AdminClient({self._url!r})"

    def call(self, endpoint: Any, **members: Any) -> Any:
        """Ask an endpoint, a module of ``rest.api``; return the model of its answer, if it has one.

        ``members`` are those of the endpoint: parts of the path, of the query, and ``body``.

        Raises:
            AdminError: it was refused, or the server was not reached.
        """
        asked: Endpoint[Any] = endpoint
        try:
            answer = asked.sync_detailed(client=self._rest, **members)
        except (httpx.HTTPError, httpx.InvalidURL) as fault:
            raise _unreachable(fault) from None
        except (KeyError, TypeError, ValueError):
            raise _unexpected() from None
        return _parsed(answer)

    async def acall(self, endpoint: Any, **members: Any) -> Any:
        """Do what ``call`` does in asyncio."""
        asked: Endpoint[Any] = endpoint
        try:
            answer = await asked.asyncio_detailed(client=self._rest, **members)
        except (httpx.HTTPError, httpx.InvalidURL) as fault:
            raise _unreachable(fault) from None
        except (KeyError, TypeError, ValueError):
            raise _unexpected() from None
        return _parsed(answer)

    def pages(self, endpoint: Any, items: str, **members: Any) -> Iterator[Any]:
        """Yield the items of all pages of a list; ``items`` is the member that holds them.

        Raises:
            AdminError: as ``call``.
        """
        while True:
            page = self.call(endpoint, **members)
            yield from getattr(page, items)
            if page.next_cursor is None:
                return
            members["cursor"] = page.next_cursor

    async def apages(self, endpoint: Any, items: str, **members: Any) -> AsyncIterator[Any]:
        """Do what ``pages`` does in asyncio."""
        while True:
            page = await self.acall(endpoint, **members)
            for item in getattr(page, items):
                yield item
            if page.next_cursor is None:
                return
            members["cursor"] = page.next_cursor

    def close(self) -> None:
        """Close the connections that ``call`` opened."""
        self._rest.get_httpx_client().close()

    async def aclose(self) -> None:
        """Close the connections that ``acall`` opened."""
        await self._rest.get_async_httpx_client().aclose()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        _: type[BaseException] | None,
        fault: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        _: type[BaseException] | None,
        fault: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.aclose()


def _parsed(answer: Response[Any]) -> Any:
    if isinstance(answer.parsed, Error):
        said = answer.parsed.error
        raise AdminError(int(answer.status_code), said.code, said.message)
    if answer.parsed is None and answer.status_code != HTTPStatus.NO_CONTENT:
        raise AdminError(
            int(answer.status_code), UNEXPECTED, "the answer is not one of a server of this version"
        )
    return answer.parsed


def _unreachable(fault: Exception) -> AdminError:
    return AdminError(0, UNREACHABLE, f"the server was not reached ({type(fault).__name__})")


def _unexpected() -> AdminError:
    return AdminError(0, UNEXPECTED, "the answer is not one of a server of this version")
