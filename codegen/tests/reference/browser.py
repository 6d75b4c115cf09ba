"""A headless Chromium that opens pages and answers questions about them."""

from __future__ import annotations

import itertools
import json
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from websockets.sync.client import ClientConnection, connect

PROGRAM = shutil.which("chromium") or shutil.which("chromium-browser")
WAIT_S = 60.0
_FLAGS = ("--headless=new", "--no-sandbox", "--disable-gpu", "--remote-debugging-port=0")


class Page:
    """One page, driven by the browser's own protocol."""

    def __init__(self, link: ClientConnection) -> None:
        self._link = link
        self._ids = itertools.count(1)
        self.call("Page.enable")

    def call(self, method: str, **parameters: Any) -> Any:
        """Send a command and return its result."""
        id_ = next(self._ids)
        self._link.send(json.dumps({"id": id_, "method": method, "params": parameters}))
        while True:
            said = json.loads(self._link.recv(timeout=WAIT_S))
            if said.get("id") == id_:
                assert "error" not in said, said
                return said["result"]

    def show(self, address: str, *, width: int = 1280, scheme: str = "light") -> None:
        """Open an address in a window of this width and wait until it is read."""
        size = {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": width < 600}
        self.call("Emulation.setDeviceMetricsOverride", **size)
        wanted = [{"name": "prefers-color-scheme", "value": scheme}]
        self.call("Emulation.setEmulatedMedia", features=wanted)
        self.call("Page.navigate", url=address)
        self.until(f"location.href === {json.dumps(address)} && document.readyState=='complete'")

    def ask(self, expression: str) -> Any:
        """Return what an expression of JavaScript is, awaited."""
        found = self.call(
            "Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True
        )
        assert "exceptionDetails" not in found, found
        return found["result"].get("value")

    def until(self, expression: str) -> Any:
        """Ask until the answer is true; a page that never says so is a failure."""
        end = time.monotonic() + WAIT_S
        while not (found := self.ask(expression)):
            assert time.monotonic() < end, f"never true: {expression}"
            time.sleep(0.02)
        return found


@contextmanager
def browser(profile: Path) -> Iterator[Page]:
    """Run a browser with an empty profile."""
    assert PROGRAM
    command = [PROGRAM, *_FLAGS, f"--user-data-dir={profile}", "about:blank"]
    with subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stderr
            lines = iter(process.stderr.readline, "")
            root = next(line.split()[-1] for line in lines if "DevTools listening on" in line)
            with connect(root, max_size=None) as whole:
                target = Page.__new__(Page)
                target._link, target._ids = whole, itertools.count(1)
                id_ = target.call("Target.createTarget", url="about:blank")["targetId"]
            place = root.split("/devtools/")[0]
            with connect(f"{place}/devtools/page/{id_}", max_size=None) as link:
                yield Page(link)
        finally:
            process.kill()
