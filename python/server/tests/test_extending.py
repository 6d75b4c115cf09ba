"""The page on extending the server is true: its blocks run, in their order."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from smooth_operator_server.engine import TurnInput
from smooth_operator_server.tools import ToolRegistry

PAGE = (Path(__file__).parents[1] / "docs" / "extending.md").read_text(encoding="utf-8")


async def test_the_blocks_of_the_page_run() -> None:
    names: dict[str, Any] = {"__name__": "page"}
    for block in re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL):
        exec(block, names)
    server = await names["build"]()
    try:
        assert isinstance(server.tools, ToolRegistry)
        assert server.tools.get("cancel_order") is names["order_tool"]
    finally:
        await server.aclose()
    notes = {"hours": "Opening hours are nine to five.", "nothing": ""}
    assert await names["load"](notes) == (
        "1 new, 0 changed, 0 unchanged, 0 removed, 1 unreadable: ['Hours']"
    )
    turn = names["Echo"]().begin(TurnInput("t", "Hello there"))
    assert "".join([event.piece async for event in turn.step()]) == "Hello there "
