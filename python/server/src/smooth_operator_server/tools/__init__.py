"""What the agent may do: the tools of a server and the gates before them."""

from .gates import AuthGate, ConfirmGate, Gate, RefusalGate, gates_before
from .hooks import ToolHook
from .registry import ToolRegistry
from .scan import SCANS
from .tool import AuthLevel, Tool, ToolContext, ToolError

__all__ = [
    "SCANS",
    "AuthGate",
    "AuthLevel",
    "ConfirmGate",
    "Gate",
    "RefusalGate",
    "Tool",
    "ToolContext",
    "ToolError",
    "ToolHook",
    "ToolRegistry",
    "gates_before",
]
