"""Idle conversations behind nginx: still usable after three of its timeouts, in every client.

nginx ends a link on which nothing came for `proxy_read_timeout`. Each client opens a conversation
with the reference server through such a proxy, is silent for three of its timeouts and asks again;
no client may lose its link. A second client without pings must lose it, or nothing was proven.

Needs nginx on PATH (Debian: `apt-get install nginx-light`).
"""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import socket
import sys
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlsplit

from field import AGENT, STEP, Player, main

from conform.documents import CaseError
from conform.pair import ServerProcess
from conform.spec import Tree
from conform.testee import Launch, TesteeError

TIMEOUT = 2  # seconds after which nginx ends a silent link
PING_MS = 700
SERVER = [str(Path(sys.executable).with_name("smooth-operator-server"))]
CONFIG = """
daemon off; pid {folder}/nginx.pid; error_log stderr error; worker_processes 1;
events {{ worker_connections 256; }}
http {{
  access_log off; client_body_temp_path {folder}/b; proxy_temp_path {folder}/p;
  fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
  server {{
    listen 127.0.0.1:{port};
    location / {{
      proxy_pass {upstream}; proxy_http_version 1.1; proxy_read_timeout {timeout}s;
      proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection upgrade;
    }}
  }}
}}
"""


@contextlib.asynccontextmanager
async def nginx(upstream: str) -> AsyncIterator[str]:
    """Run nginx before the server; give the URL of its WebSocket."""
    program = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
    if program is None:
        raise CaseError("nginx is not on PATH (Debian: apt-get install nginx-light)")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    at = urlsplit(upstream)
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "nginx.conf"
        told = {"folder": folder, "port": port, "timeout": TIMEOUT}
        config.write_text(CONFIG.format(**told, upstream=f"http://{at.netloc}"), encoding="utf-8")
        process = await asyncio.create_subprocess_exec(program, "-c", str(config), "-p", folder)
        try:
            await _listens(port)
            yield f"ws://127.0.0.1:{port}{at.path}"
        finally:
            process.terminate()
            await process.wait()


async def _listens(port: int) -> None:
    async with asyncio.timeout(STEP):
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.02)
                continue
            writer.close()
            return


class Idle(Player):
    """One client that is silent behind the proxy."""

    def __init__(self, launch: Launch, url: str) -> None:
        super().__init__(launch)
        self.url = url

    async def faults(self) -> list[str]:
        """Play it; return what went wrong."""
        await self.start()
        try:
            # `c1` asks whether its link lives, `c2` does not
            await self._open("c1", {"pingInterval": PING_MS})
            await self._open("c2", {"pingInterval": 0, "autoReconnect": False})
            await asyncio.sleep(3 * TIMEOUT + 0.5)
            found = []
            if self.states("c1") != ["connecting", "open"]:
                found.append(f"its link went through {self.states('c1')}")
            if self.states("c2")[-1] != "closed":
                found.append("a link without pings outlived the proxy's timeout: nothing is proven")
            answer = await self.returned(
                {"cmd": "call", "on": "c1", "op": "list_conversations", "args": {}, "as": "l1"}
            )
            if "error" in answer:
                found.append(f"the call after the silence failed: {answer['error'].get('kind')}")
            return found
        except TesteeError as error:
            return [str(error)]
        finally:
            await self.testee.stop()

    async def _open(self, name: str, options: Tree) -> None:
        opened = {"cmd": "open", "as": name, "url": self.url, "ids": [], "options": options}
        for body in (
            opened,
            {"cmd": "start", "on": name, "args": {"agentId": AGENT}, "as": f"h-{name}"},
        ):
            answer = await self.returned(body)
            if "error" in answer:
                raise TesteeError(f"{body['cmd']} failed: {answer['error'].get('kind')}")


async def run(launches: list[Launch]) -> int:
    """Play all clients at once; print a line each."""
    async with ServerProcess([*SERVER, "--demo"], None) as upstream, nginx(upstream) as url:
        found = await asyncio.gather(*(Idle(launch, url).faults() for launch in launches))
    for launch, faults in zip(launches, found, strict=True):
        print(f"{launch.name:12} {'; '.join(faults) or 'usable'}")
    sound = sum(not faults for faults in found)
    print(f"{sound} of {len(launches)} clients usable after three timeouts of {TIMEOUT} s")
    return 0 if sound == len(launches) else 1


if __name__ == "__main__":
    sys.exit(main(__doc__ or "", "behind_proxy", run))
