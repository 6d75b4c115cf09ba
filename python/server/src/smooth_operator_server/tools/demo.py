"""The tools of the demonstration: one that needs an approval, one that needs a code."""

from __future__ import annotations

from typing import Any

from .tool import AuthLevel, Tool, ToolContext


def demo_tools() -> list[Tool]:
    """Return the two gated tools of ``--demo``; neither changes anything."""
    return [
        Tool(
            "delete_record",
            "Delete a record for good",
            {"type": "object", "properties": {"id": {"type": "integer"}}, "required": ["id"]},
            _delete_record,
            confirm=True,
        ),
        Tool(
            "account_balance",
            "Read the balance of the customer's account",
            {"type": "object"},
            _account_balance,
            auth=AuthLevel.END_USER,
        ),
    ]


async def _delete_record(arguments: dict[str, Any], context: ToolContext) -> Any:  # noqa: ARG001
    return {"deleted": arguments["id"]}


async def _account_balance(arguments: dict[str, Any], context: ToolContext) -> Any:  # noqa: ARG001
    return {"balance": "128.40", "currency": "EUR"}
