"""What the agent may do: the tools of a server and the gates before them."""

from .gates import AuthGate, ConfirmGate, Gate, RefusalGate, gates_before
from .registry import AuthLevel, Tool, ToolContext, ToolError, ToolRegistry

__all__ = [
    "AuthGate",
    "AuthLevel",
    "ConfirmGate",
    "Gate",
    "RefusalGate",
    "Tool",
    "ToolContext",
    "ToolError",
    "ToolRegistry",
    "gates_before",
]
