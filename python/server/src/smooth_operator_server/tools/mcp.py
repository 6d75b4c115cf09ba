"""Tools of other programs, over the Model Context Protocol.

A server that is away has no tools; it is asked again until it comes, and after it was lost. Each
connection lives in a task of its own: the library wants it closed where it was opened.
"""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import AsyncExitStack, contextmanager
from pathlib import Path
from typing import Any, TextIO

import httpx2
import jsonschema_rs
from mcp import Client, MCPError, StdioServerParameters, stdio_client
from mcp.client.streamable_http import streamable_http_client
from mcp_types import CONNECTION_CLOSED, REQUEST_TIMEOUT, CallToolResult, TextContent
from mcp_types import Tool as Offered

from ..clock import Clock, happens_within
from ..telemetry import log, where
from .mcp_file import McpSpec
from .tool import Tool, ToolContext, ToolError

FIRST_WAIT_S, LONGEST_WAIT_S = 1.0, 60.0
CONNECT_S = 20.0
LONGEST_NAME = 64
"""Characters that endpoints take in the name of a tool."""

PAGES = 20
_STRANGE = re.compile(r"[^A-Za-z0-9_-]")


class McpServer:
    """One tool server. ``offer`` is told its tools whenever it comes, and none when it goes."""

    def __init__(
        self, spec: McpSpec, clock: Clock, offer: Callable[[str, Sequence[Tool]], None]
    ) -> None:
        self.name = spec.name
        self._spec = spec
        self._clock = clock
        self._offer = offer
        self._client: Client | None = None
        self._lost = asyncio.Event()
        self._tried = asyncio.Event()
        self._keeper: asyncio.Task[None] | None = None

    @property
    def is_there(self) -> bool:
        """Whether its tools can be called now."""
        return self._client is not None

    async def start(self) -> None:
        """Connect from now on; return when the first try has ended, or takes too long."""
        self._keeper = asyncio.create_task(self._keep(), name=f"tool server {self.name}")
        await happens_within(self._clock, self._tried.wait(), CONNECT_S)

    async def aclose(self) -> None:
        """Close the connection, and end the program when it is one of ours."""
        if self._keeper is not None:
            self._keeper.cancel()
            await asyncio.gather(self._keeper, return_exceptions=True)

    async def _keep(self) -> None:
        wait_s = FIRST_WAIT_S
        while True:
            self._lost.clear()
            try:
                await self._connected()
                wait_s = FIRST_WAIT_S
            except Exception as fault:  # whatever it is, the others go on
                log.warning("a tool server is away", server=self.name, **where(fault))
            finally:
                self._client = None
                self._tried.set()
            self._offer(self.name, ())
            await self._clock.sleep(wait_s)
            wait_s = min(2 * wait_s, LONGEST_WAIT_S)

    async def _connected(self) -> None:
        """Connect, offer the tools, and stay until the connection is lost."""
        async with AsyncExitStack() as stack:
            client = await stack.enter_async_context(await self._open(stack))
            found = await self._tools(client)
            self._client = client
            tools = [tool for one in found if (tool := self._tool(one)) is not None]
            self._offer(self.name, tools)
            log.info("a tool server is there", server=self.name, tools=len(tools))
            self._tried.set()
            await self._lost.wait()

    async def _open(self, stack: AsyncExitStack) -> Client:
        spec = self._spec
        if spec.command is not None:
            program = StdioServerParameters(
                command=spec.command, args=list(spec.args), env=dict(spec.env), cwd=spec.cwd
            )
            # What a program says on stderr may hold anything, and our log holds no content.
            speaking = stdio_client(program, errlog=stack.enter_context(_nowhere()))
            return Client(speaking, read_timeout_seconds=spec.timeout_s)
        assert spec.url is not None
        limit = httpx2.Timeout(spec.timeout_s, connect=10.0)
        http = httpx2.AsyncClient(headers=dict(spec.headers), timeout=limit)
        await stack.enter_async_context(http)
        transport = streamable_http_client(spec.url, http_client=http)
        return Client(transport, read_timeout_seconds=spec.timeout_s)

    async def _tools(self, client: Client) -> list[Offered]:
        found: list[Offered] = []
        cursor: str | None = None
        for _ in range(PAGES):
            page = await client.list_tools(cursor=cursor)
            found.extend(page.tools)
            cursor = page.next_cursor
            if cursor is None:
                break
        wanted = self._spec.tools
        return [one for one in found if wanted is None or one.name in wanted]

    def _tool(self, offered: Offered) -> Tool | None:
        """Return a tool as agents have it; None when its parameters are no JSON Schema."""
        schema = offered.input_schema
        try:
            jsonschema_rs.Draft202012Validator(schema)
        except (ValueError, jsonschema_rs.ReferencingError):
            log.warning("a tool was left out", server=self.name, why="its schema is none")
            return None
        hints = offered.annotations
        reads = bool(hints and hints.read_only_hint)
        asks = {"auto": not reads, "always": True, "never": False}[self._spec.confirm]

        async def run(arguments: dict[str, Any], context: ToolContext) -> Any:  # noqa: ARG001
            return await self._call(offered.name, arguments)

        return Tool(
            _STRANGE.sub("_", f"{self.name}_{offered.name}")[:LONGEST_NAME],
            offered.description or offered.title or offered.name,
            schema,
            run,
            confirm=asks,
            idempotent=reads or bool(hints and hints.idempotent_hint),
        )

    async def _call(self, name: str, arguments: dict[str, Any]) -> Any:
        if self._client is None:
            raise ToolError(f"the tool server {self.name} is away")
        try:
            result = await self._client.call_tool(name, arguments)
        except Exception as fault:
            code = fault.code if isinstance(fault, MCPError) else CONNECTION_CLOSED
            if code == REQUEST_TIMEOUT:
                raise ToolError(f"the tool server {self.name} does not answer") from None
            if code != CONNECTION_CLOSED:
                raise ToolError(f"the tool server {self.name} refused the call") from None
            log.warning("a tool server was lost", server=self.name, **where(fault))
            self._client = None
            self._lost.set()
            raise ToolError(f"the tool server {self.name} is away") from None
        return result_of(result)


@contextmanager
def _nowhere() -> Iterator[TextIO]:
    with Path(os.devnull).open("w", encoding="utf-8") as nowhere:
        yield nowhere


def result_of(result: CallToolResult) -> Any:
    """Return what a tool gave as a JSON value: what it structured, else its texts.

    Raises:
        ToolError: the tool says that it failed.
    """
    texts = [
        part.text if isinstance(part, TextContent) else f"[{part.type} left out]"
        for part in result.content
    ]
    if result.is_error:
        raise ToolError("\n".join(texts) or "the tool failed")
    if result.structured_content is not None:
        return result.structured_content
    return texts[0] if len(texts) == 1 else texts
