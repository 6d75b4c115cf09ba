"""How a server is told what its model says next: a command, or a URL, that is given a script."""

from __future__ import annotations

import asyncio
import json
import shlex
import urllib.error
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

SECONDS = 30.0
SHOWN = 200


class HookError(Exception):
    """The server did not take the script: nothing can be said of what would have come."""


class Scripts(Protocol):
    """What has a server answer by a script from now on."""

    async def put(self, script: Any) -> None:
        """Hand a script over; done when it counts."""


@dataclass(frozen=True)
class Hook:
    """Every command is run, and every URL is asked, before each scripted check.

    A command has the script, as JSON, on its standard input; a URL in the body of a PUT. Both are
    done when the server answers by it.
    """

    commands: Sequence[str] = ()
    urls: Sequence[str] = ()

    def __bool__(self) -> bool:
        return bool(self.commands or self.urls)

    async def put(self, script: Any) -> None:
        """Have the server answer by a script from now on.

        Raises: HookError: a command failed, or a URL refused it.
        """
        body = json.dumps(script).encode()
        for command in self.commands:
            await _run(command, body)
        for url in self.urls:
            await asyncio.to_thread(_put, url, body)


async def _run(command: str, body: bytes) -> None:
    pipe = asyncio.subprocess.PIPE
    try:
        process = await asyncio.create_subprocess_exec(
            *shlex.split(command), stdin=pipe, stdout=pipe, stderr=asyncio.subprocess.STDOUT
        )
    except (OSError, ValueError) as error:
        raise HookError(f"--script-cmd: {error}") from None
    try:
        told, _ = await asyncio.wait_for(process.communicate(body), SECONDS)
    except TimeoutError:
        process.kill()
        await process.wait()
        raise HookError(f"--script-cmd did not end within {SECONDS:.0f} s") from None
    if process.returncode:
        said = told.decode("utf-8", "replace").strip()[-SHOWN:]
        raise HookError(f"--script-cmd ended with status {process.returncode}: {said}")


def _put(url: str, body: bytes) -> None:
    headers = {"content-type": "application/json"}
    request = urllib.request.Request(url, body, headers, method="PUT")
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        opener.open(request, timeout=SECONDS).close()
    except urllib.error.HTTPError as error:
        said = error.read(SHOWN).decode("utf-8", "replace")
        raise HookError(f"--script-url answered {error.code}: {said}") from None
    except (OSError, ValueError) as error:
        raise HookError(f"--script-url: {error}") from None
